"""
Asks one MCP server who it is, as a client would: era, identity, tools.

`probe` is where to begin. It knows no Kubernetes and no operator: an address in, a `Finding` out.
`handshakes` and `sse` are the three ways to begin, by era and transport, `account` is the bridge's;
`verdicts` has what an answer to a handshake means, and `lists` reads what a server offers. All of
them ask over a `line`, whose `exchange` is one bounded HTTP exchange. `causes` names the field of
the spec that explains a wrong answer; `tools` compares lists of tools.
"""
