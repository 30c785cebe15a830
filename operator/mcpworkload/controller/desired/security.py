"""
Build security contexts: the user's fields over defaults that pass Pod Security `restricted`.

The user's value always wins, null included: it leaves a field unset. A default that would
contradict it is left out, so that asking for root takes one field and not three.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from mcpworkload.kube.manifest import Manifest

USER_ID = 1000
ROOT = 0


def build_pod_security(given: Mapping[str, Any]) -> Manifest:
    """Return the security context of the pod."""
    defaults: Manifest = {
        "runAsNonRoot": True,
        "runAsUser": USER_ID,
        "runAsGroup": USER_ID,
        "fsGroup": USER_ID,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    if given.get("runAsUser") == ROOT:
        del defaults["runAsNonRoot"]
    return _lay_over(defaults, given)


def build_server_security(given: Mapping[str, Any], pod: Mapping[str, Any]) -> Manifest:
    """Return the security context of the server's container, in a pod with that of *pod*."""
    defaults = {"readOnlyRootFilesystem": True, **_container_defaults(given, pod)}
    if pod.get("runAsNonRoot") is True and pod.get("runAsUser") != ROOT:
        # The pod has it already; repeated, because policies check containers too.
        defaults.setdefault("runAsNonRoot", True)
    return _lay_over(defaults, given)


def build_helper_security(given: Mapping[str, Any], pod: Mapping[str, Any]) -> Manifest:
    """Return the security context of a container that the user brings along."""
    return _lay_over(_container_defaults(given, pod), given)


def _container_defaults(given: Mapping[str, Any], pod: Mapping[str, Any]) -> Manifest:
    defaults: Manifest = {}
    capabilities = given.get("capabilities") or {}
    if not given.get("privileged"):
        defaults["capabilities"] = {"drop": ["ALL"]}
        # The API server refuses the two together.
        if not {"SYS_ADMIN", "CAP_SYS_ADMIN"} & set(capabilities.get("add") or ()):
            defaults["allowPrivilegeEscalation"] = False
    if given.get("runAsUser") == ROOT and pod.get("runAsNonRoot") is True:
        # The pod's setting would keep the kubelet from starting such a container.
        defaults["runAsNonRoot"] = False
    return defaults


def _lay_over(defaults: Manifest, given: Mapping[str, Any]) -> Manifest:
    result = {**defaults, **deepcopy(dict(given))}
    if given.get("capabilities") and "capabilities" in defaults:
        # Adding one capability is no reason to keep all the others.
        result["capabilities"] = {**defaults["capabilities"], **result["capabilities"]}
    return {key: value for key, value in result.items() if value is not None}
