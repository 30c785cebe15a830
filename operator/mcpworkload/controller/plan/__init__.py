"""
What to write: the difference between the children that should be and those that are.

`plan` is the entry point; `observation` is what is there, `drift` compares, `replacement` decides
whether a child must be made anew, `mending` and `additions` look at what others have added. Pure.
"""
