"""The environment that a server would have without the bridge."""

from pathlib import Path

#: Under this prefix the launcher hides variables that would change how the bridge is loaded.
HIDDEN_PREFIX = b"MCPW_LD_"
SHOWN_PREFIX = b"LD_"

OWN_ENVIRON = Path("/proc/self/environ")


def server_environment(environ: bytes | None = None) -> dict[bytes, bytes]:
    """
    Return the variables that this container was given, by image and pod.

    What the kernel holds is read, not ``os.environ``: an interpreter adds to that one.
    """
    block = OWN_ENVIRON.read_bytes() if environ is None else environ
    found: dict[bytes, bytes] = {}
    for entry in block.split(b"\0"):
        name, equals, value = entry.partition(b"=")
        if not equals:
            continue
        if name.startswith(HIDDEN_PREFIX):
            name = SHOWN_PREFIX + name.removeprefix(HIDDEN_PREFIX)
        found[name] = value
    return found
