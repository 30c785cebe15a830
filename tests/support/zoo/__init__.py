"""
Misbehaving servers, to be asked who they are.

Each is an `Animal`: a name, one line of what it does, and how it meets one connection. They write
HTTP by hand, since no server library would do what they do. `cage` counts their sockets, sessions
and bytes, and `serving` opens their ports; `tame` are servers that behave, of which most others
change one answer; `animals` has all of them by name; `table` is what the troubleshooting page says
of them. `python -m tests.support.zoo` serves all, each on its own port, in a process of their own.
"""
