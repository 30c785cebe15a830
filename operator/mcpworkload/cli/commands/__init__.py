"""The commands, by topic; `app.py` has the list of them."""
