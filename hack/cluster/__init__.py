"""
The test cluster behind one command: any kind that this machine can have, used in one way.

`__main__` is the entry point, `python3 -m hack.cluster up|down|status|kubeconfig|load|...`.
`choose` follows the variable ``CLUSTER``; `protocol.Cluster` is what each kind offers: `kind` in
Docker, `current` for the cluster of the kubeconfig, `hack.local` for one of plain processes.
`tools` finds or builds the programs that tests need beside a cluster.
"""
