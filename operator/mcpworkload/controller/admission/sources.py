"""
Allow volumes by an allow-list of sources: one that is new to Kubernetes is refused.

The name of a source does not show what it gives: some hold a token or a certificate of the pod's
ServiceAccount. Such a volume would give the server that token without
`automountServiceAccountToken`, and also beside the bridge of a stdio server.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from mcpworkload.api import names
from mcpworkload.controller.admission.installation import Policy
from mcpworkload.controller.admission.pod_security import Rule
from mcpworkload.controller.admission.view import Finding, PodTemplate, View

#: What a volume may be made from, as far as Pod Security lets it.
VOLUME_SOURCES: Final = frozenset(
    {
        *("awsElasticBlockStore", "azureDisk", "azureFile", "cephfs", "cinder", "configMap"),
        *("csi", "downwardAPI", "emptyDir", "ephemeral", "fc", "flexVolume", "flocker"),
        *("gcePersistentDisk", "glusterfs", "hostPath", "image", "iscsi", "nfs"),
        *("persistentVolumeClaim", "photonPersistentDisk", "portworxVolume", "projected"),
        *("quobyte", "rbd", "scaleIO", "secret", "storageos", "vsphereVolume"),
    }
)
#: What it may not be made from, and what to write instead.
REFUSED_VOLUME_SOURCES: Final = {
    "gitRepo": (
        "write an emptyDir and an init container that clones: the node itself would run git, as "
        "root, on what the repository holds"
    ),
}
#: What goes into a projected volume.
PROJECTED_SOURCES: Final = frozenset(
    {"clusterTrustBundle", "configMap", "downwardAPI", "secret", "serviceAccountToken"}
)
REFUSED_PROJECTED_SOURCES: Final = {
    "podCertificate": (
        "leave it out: a certificate of the pods' account is a token by another name; "
        "spec.automountServiceAccountToken gives the server one"
    ),
}
_UNKNOWN: Final = "leave it out: this version of the operator does not know what it gives"
# As the API server has them.
_LEAST_SECONDS, _MOST_SECONDS = 600, 2**32
_AUTHORITY = re.compile(r"^(?:[a-z][a-z0-9+.-]*:)?/{0,}(?:[^/@]*@)?([^/:?#]*)")
# Under which names every API server is reached from inside, and what some distributions add.
_NAMES_OF_THE_API = ("kubernetes", "k3s", "kube-apiserver")
_DOMAINS_OF_THE_API = ("kubernetes.default", "kubernetes.svc.default")


def volume_sources(pod: PodTemplate) -> Iterator[Finding]:
    """Each volume is of a kind that is known, and each part of a projected one."""
    for volume in pod.volumes:
        yield from _unknown(volume, VOLUME_SOURCES | {"name"}, REFUSED_VOLUME_SOURCES)
        for source in volume["projected"]["sources"].items():
            yield from _unknown(source, PROJECTED_SOURCES, REFUSED_PROJECTED_SOURCES)


def _unknown(entry: View, allowed: frozenset[str], refused: dict[str, str]) -> Iterator[Finding]:
    for kind, source in entry.members():
        if kind not in allowed:
            yield source.finding(refused.get(kind, _UNKNOWN))


def projected_tokens(policy: Policy) -> Rule:
    """
    Return the rule that a projected token is for another audience than the API server.

    The spec would not show a token for the API server. `bridge_policy` judges the token of a bridge
    that attaches.
    """
    audiences = frozenset(map(_plain, policy.api_audiences))

    def rule(pod: PodTemplate) -> Iterator[Finding]:
        for volume in pod.volumes:
            if volume["name"].value == names.BRIDGE_TOKEN:
                continue
            for source in volume["projected"]["sources"].items():
                if not source["serviceAccountToken"].is_absent:
                    yield from _token(source["serviceAccountToken"], audiences)

    return rule


def _token(token: View, audiences: frozenset[str]) -> Iterator[Finding]:
    audience, seconds = token["audience"], token["expirationSeconds"]
    instead = "spec.automountServiceAccountToken gives the server a token for the API server"
    if not isinstance(audience.value, str) or not audience.value.strip():
        yield audience.finding(f"write the token's audience, such as vault; {instead}")
    elif is_api_server(audience.value, audiences):
        yield audience.finding(f"write another audience, such as vault; {instead}")
    if not seconds.is_absent and not _is_lifetime(seconds.value):
        yield seconds.finding(f"write a number from {_LEAST_SECONDS} to {_MOST_SECONDS}")


def is_api_server(audience: str, others: frozenset[str] = frozenset()) -> bool:
    """Return whether *audience* names the API server, in any spelling, or is one of *others*."""
    plain = _plain(audience)
    return (
        plain in others
        or plain in _NAMES_OF_THE_API
        or any(plain == name or plain.startswith(f"{name}.") for name in _DOMAINS_OF_THE_API)
    )


def _plain(audience: str) -> str:
    """Return *audience* without what spellings of a URL differ in: scheme, port, last slash."""
    text = audience.strip().lower()
    match = _AUTHORITY.match(text)
    host = match[1].rstrip(".") if match else text
    path = text[match.end() :].partition("/")[2].strip("/") if match else ""
    return f"{host}/{path}" if path else host


def _is_lifetime(value: Any) -> bool:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return is_number and _LEAST_SECONDS <= value <= _MOST_SECONDS
