"""
A client of the Kubernetes API; it knows nothing of MCPWorkloads.

`client.Api` is the entry point: requests, streams, watches and WebSockets over a `connection`,
every failure one of `errors`. Where credentials come from is the caller's to say (`Credentials`,
`Authorization`): operator, library and command line share all the rest. `kind` and `paths` say
where objects are, `objects` are typed views of what the API server returns. `watches` follows one
collection; `lists`, `informer` and `metadata_watch` read many objects, `lease` elects a leader.
`lines`, `quantity`, `manifest`, `keys` and `redaction` are arithmetic on what is read.
"""
