"""
MCPWorkload, the API: what users write, what they read, and every name that both sides agree on.

`workload` has the entry point, `Workload.parse`; `spec` and what it imports are the fields,
`status` what the operator reports, `reasons` its conditions and their reasons, `names` the
spelling of labels, annotations and children, `refusals` why a workload gets no children.

The operator parses with these models, and the CRD is generated from them. Names are
snake_case here and camelCase only as aliases; parts taken from Kubernetes (env entries,
resources) stay plain data. Pure: nothing here does I/O. Nothing is re-exported, because
`names` and `reasons` are imported where pydantic is not installed or too slow to load.
"""
