"""
The operator: makes StatefulSets and Services of MCPWorkloads, keeps them so, reports the status.

`app` is the entry point: it starts the parts and stops them in reverse. An event takes one way:
`handlers` (workloads) and the informers of `caches` (children, pods) add a key to `queue`;
`reconcile` takes it out, parses the spec (`parse`), observes (`observe`), builds (`desired`, judged
by `admission`), plans (`plan`), executes (`execute`, `writer`) and reports (`report`, `status`,
`recorder`). `state` is what is remembered of a workload between two reconciles.
"""
