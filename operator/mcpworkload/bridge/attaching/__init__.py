"""
A server in another container of this pod, reached through the API server's attach stream.

`channel` is the entry point: it offers the server's lines as a `Channel`, as `process` does for a
child process. `source` attaches as often as it takes, also to the container that replaces an ended
one; `stream` is the WebSocket of one attachment; `apiserver` reads address and token from the files
and variables of the pod.
"""
