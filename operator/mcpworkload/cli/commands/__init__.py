"""The commands: a module for each, with the command as `COMMAND`; `cli/app.py` lists them."""
