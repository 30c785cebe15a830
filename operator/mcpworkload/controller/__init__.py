"""
The operator: makes StatefulSets and Services of MCPWorkloads, keeps them so, reports the status.

`app` is the entry point: it starts the parts and stops them in reverse. An event takes one way:
`handlers` (workloads) and `caches` (children, pods) put a key into `queue`; `reconcile` takes it
out, parses the spec, observes, builds (`desired`, judged by `admission`), plans (`plan`), executes
(`execute`, `writer`) and reports (`status`, `recorder`). `state` is what is remembered of a
workload between two reconciles, `store` the workloads as last seen.

`children` has one row for each kind of child: prunes, informers, order and drift keys derive from
it. `settings` are read from the environment once, `clock` is the only source of time, `health` and
`metrics` serve probes and Prometheus.
"""
