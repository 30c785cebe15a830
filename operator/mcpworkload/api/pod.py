"""The fields of a spec that shape the pods: where they run, as which user, with which sidecars."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from mcpworkload.api import rules
from mcpworkload.api.base import Embedded, Model, Rule, refusal
from mcpworkload.api.names import BRIDGE, CONTAINER, GATE

# CEL rules iterate over keys; without a bound the API server must assume millions of them.
_MAX_KEYS = 64
MAX_HELPERS = 16
_NULLABLE = {"nullable": True}
_CONTAINER_NAME = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
_CONTAINER_NAME_MAX_LENGTH = 63
_HELPER_OVERLAY = {
    "maxItems": MAX_HELPERS,
    "items": {
        "required": ["name", "image"],
        "properties": {
            "name": {"maxLength": _CONTAINER_NAME_MAX_LENGTH, "pattern": _CONTAINER_NAME},
            "image": {"minLength": 1},
        },
    },
}

LabelValue = Annotated[
    str, Field(max_length=rules.LABEL_VALUE_MAX_LENGTH, pattern=rules.LABEL_VALUE_PATTERN)
]


def _check_helpers(containers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Accept containers with a name of their own and an image; the CRD's structure agrees."""
    names = [container.get("name") for container in containers]
    for name in names:
        if (
            not isinstance(name, str)
            or len(name) > _CONTAINER_NAME_MAX_LENGTH
            or not re.fullmatch(_CONTAINER_NAME, name)
        ):
            raise refusal(
                "give each entry a name of at most 63 lower-case letters, digits and dashes"
            )
        if names.count(name) > 1:
            raise refusal(f"write {name} once")
    if not all(isinstance(one.get("image"), str) and one["image"] for one in containers):
        raise refusal("give each entry an image")
    return containers


_NOT_OURS = Rule(
    message=(
        f'give the container another name than "{CONTAINER}", which is that of the server, and '
        f'than "{BRIDGE}" and "{GATE}"'
    ),
    cel=f"self.all(container, !(container.name in ['{CONTAINER}', '{BRIDGE}', '{GATE}']))",
    holds=lambda containers: all(
        container.get("name") not in (CONTAINER, BRIDGE, GATE) for container in containers
    ),
)
_Helpers = Annotated[
    list[dict[str, Any]],
    Field(max_length=MAX_HELPERS),
    AfterValidator(_check_helpers),
    _NOT_OURS,
    Embedded("PodSpec.initContainers", _HELPER_OVERLAY),
]


class PodFields(Model):
    """The fields of a spec that shape the pods around the server's container."""

    labels: Annotated[
        dict[str, LabelValue], Field(max_length=_MAX_KEYS), rules.LABEL_KEYS, rules.OWN_KEYS
    ] = Field(
        default_factory=dict,
        description=(
            "Labels for the pods and the other objects of this workload, but for the "
            "ServiceAccount, Role and RoleBinding of a stdio server."
        ),
    )
    annotations: Annotated[
        dict[str, str], Field(max_length=_MAX_KEYS), rules.ANNOTATION_KEYS, rules.OWN_KEYS
    ] = Field(
        default_factory=dict,
        description=(
            "Annotations for the pods and the other objects of this workload, but for the "
            "ServiceAccount, Role and RoleBinding of a stdio server, and for Services where "
            "the installation denies exposure."
        ),
    )
    init_containers: _Helpers = Field(
        default_factory=list,
        description="Containers that run one after the other before the server starts.",
    )
    sidecars: _Helpers = Field(
        default_factory=list,
        description=(
            "Containers that start before the server, in this order and after initContainers, "
            "and end after it. One with restartPolicy Never or OnFailure becomes an ordinary "
            "container that starts and ends with the server."
        ),
    )
    pod_security_context: Annotated[
        dict[str, Any],
        Embedded(
            "PodSpec.securityContext",
            {
                "properties": {
                    "fsGroup": _NULLABLE,
                    "fsGroupChangePolicy": _NULLABLE,
                    "runAsGroup": _NULLABLE,
                    "runAsNonRoot": _NULLABLE,
                    "runAsUser": _NULLABLE,
                    "seccompProfile": _NULLABLE,
                }
            },
        ),
    ] = Field(
        default_factory=dict,
        description=(
            "Identity and rights of all containers, field by field over the operator's: user, "
            "group and fsGroup 1000, not root; null leaves a field unset (the image's user, say)."
        ),
    )
    automount_service_account_token: bool = Field(
        default=False,
        description=(
            "Whether the server finds a token for the Kubernetes API in its container. "
            "Few servers need one."
        ),
    )
    service_account_name: (
        Annotated[str, Field(max_length=253), rules.SERVICE_ACCOUNT_NAME] | None
    ) = Field(
        default=None,
        description=(
            "The ServiceAccount that the pods run under. Left out: the namespace's default."
        ),
    )
    image_pull_secrets: Annotated[list[dict[str, Any]], Embedded("PodSpec.imagePullSecrets")] = (
        Field(
            default_factory=list,
            description="Secrets of this namespace with which nodes pull the images.",
        )
    )
    node_selector: Annotated[dict[str, str], Embedded("PodSpec.nodeSelector")] = Field(
        default_factory=dict,
        description="Labels that a node must have to run a pod.",
    )
    tolerations: Annotated[list[dict[str, Any]], Embedded("PodSpec.tolerations")] = Field(
        default_factory=list,
        description="Taints of nodes that do not keep the pods away.",
    )
    affinity: Annotated[dict[str, Any], Embedded("Affinity")] = Field(
        default_factory=dict,
        description="Which nodes and which neighbours the pods prefer, need or avoid.",
    )
    topology_spread_constraints: Annotated[
        list[dict[str, Any]], Embedded("PodSpec.topologySpreadConstraints")
    ] = Field(
        default_factory=list,
        description=(
            "How the pods spread over nodes and zones. An entry without labelSelector counts the "
            "pods of this workload."
        ),
    )
    priority_class_name: Annotated[str, Field(max_length=253), rules.PRIORITY_CLASS_NAME] | None = (
        Field(
            default=None,
            description="The PriorityClass of the pods. Left out: the cluster's default.",
        )
    )
    runtime_class_name: Annotated[str, Field(max_length=253), rules.RUNTIME_CLASS_NAME] | None = (
        Field(
            default=None,
            description="The RuntimeClass that runs the containers. Left out: the node's own.",
        )
    )
    host_aliases: Annotated[list[dict[str, Any]], Embedded("PodSpec.hostAliases")] = Field(
        default_factory=list,
        description="Further lines of the pods' /etc/hosts.",
    )
    dns_policy: Literal["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"] | None = (
        Field(
            default=None,
            description="Where the pods resolve names. Left out: ClusterFirst.",
        )
    )
    dns_config: Annotated[dict[str, Any], Embedded("PodDNSConfig")] = Field(
        default_factory=dict,
        description="Name servers, search domains and options beside those of dnsPolicy.",
    )
