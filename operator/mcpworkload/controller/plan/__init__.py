"""
What to write: the difference between the children that should be and those that are.

`plan` is the entry point; `observation` is the snapshot, `comparison` finds how a live child
differs and remembers it, by `drift` (what is ours) and `additions` (what others added).
`replacement` finds what no update can do, `mending` the content to write where others' additions
are in the way. Pure, but for the memory of `DriftCache`.
"""
