"""
Admission without a server: what kubectl and the API server would make of a manifest.

`admission.admit` is the entry point: it returns an MCPWorkload as the API server would store it,
or raises with each reason to refuse it. `reader` reads YAML and JSON as kubectl does (`scalars` has
its plain words), `structure` checks values against the CRD's schema in the API server's steps, and
`metadata` checks what Kubernetes requires of every object. The rules that the CRD has in CEL have
twins in the models of `mcpworkload.api`, which `admit` applies last.

`mcpworkload template -f` and `run --dry-run` use this package. `schema.json` is generated from the
CRD by `make crds`.
"""
