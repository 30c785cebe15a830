"""The protocol revisions, and the era to which each belongs."""

#: Revisions whose clients open a session with ``initialize``, the oldest first.
SESSION_VERSIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
LATEST_SESSION_VERSION = SESSION_VERSIONS[-1]
#: The first revision whose requests each stand for themselves; servers may know later ones.
STATELESS_VERSION = "2026-07-28"

VERSION_KEY = "io.modelcontextprotocol/protocolVersion"
CAPABILITIES_KEY = "io.modelcontextprotocol/clientCapabilities"
CLIENT_KEY = "io.modelcontextprotocol/clientInfo"
#: A server's name, in ``_meta`` of its results.
SERVER_KEY = "io.modelcontextprotocol/serverInfo"
LOG_LEVEL_KEY = "io.modelcontextprotocol/logLevel"
#: Under this key of ``_meta`` every message of a subscription names the request that opened it.
SUBSCRIPTION_KEY = "io.modelcontextprotocol/subscriptionId"


def negotiated(asked: object, served: str) -> str:
    """Return the version to answer a client with that asked for one, by a server of *served*."""
    if asked in SESSION_VERSIONS and served in SESSION_VERSIONS:
        # Later revisions only add, so a server's messages suit clients of earlier ones.
        return SESSION_VERSIONS[min(SESSION_VERSIONS.index(asked), SESSION_VERSIONS.index(served))]
    return served
