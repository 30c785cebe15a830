"""
A client of the Kubernetes API; it knows nothing of MCPWorkloads.

`client.Api` is the entry point: requests, streams, watches and WebSockets over a `connection`;
every failure is one of `errors`. The caller brings the credentials (`Credentials`,
`Authorization`): operator, library and command line share all the rest. `kind` and `paths` have the
paths of objects, `objects` are typed views of what the API server returns. `watches` follows one
collection; `lists`, `informer` and `metadata_watch` read many objects, `lease` elects a leader.
`lines`, `quantity`, `manifest`, `keys` and `redaction` are arithmetic on what is read.
"""
