"""
A real one-node Kubernetes on this machine, without Docker and without an image registry.

`cluster.LocalCluster` is the entry point, through `python3 -m hack.cluster`; `python3 -m hack.local
leftovers|pid NAME` is for this kind alone. `host` checks the machine, `binaries` builds the
programs, `certificates` and `components` (with `kubelet` and `containers`) configure them,
`processes` starts and ends them, `network` and `cgroups` make what pods need, `objects` what the
API must hold, `volumes` provisions storage. `health` decides when a component is ready; `leftovers`
removes what pods leave behind.
"""
