"""
A small client of the Kubernetes API; it knows nothing of MCPWorkloads.

`client` is the entry point: requests and watches over a `connection`, every failure translated
to one of `errors`. `kind` says where a kind lives and how it is decoded, `objects` are the typed
views of what the API server returns, `lists`, `informer` and `metadata_watch` read many of them,
`lease` elects a leader. `quantity`, `manifest` and `redaction` are arithmetic on what is read.
"""
