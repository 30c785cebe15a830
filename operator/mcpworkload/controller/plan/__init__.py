"""
What to write: the difference between the children that should be and those that are.

`plan` is the entry point; `observation` is what was read, `comparison` finds how a live child
differs, by `drift` (what is ours) and `additions` (what others added). `replacement` finds what no
update can do, `mending` the content to write where others' additions are in the way. Pure: the
caller hands in a `DriftCache` where comparisons are to be remembered, and keeps them.
"""
