"""The fields of a spec that set how clients find the pods."""

from typing import Annotated, Literal

from pydantic import Field

from mcpworkload.api import rules
from mcpworkload.api.base import Model, Rule

ServiceType = Literal["Headless", "ClusterIP", "LoadBalancer"]


def _says_nothing_headless(service: "ServiceOptions") -> bool:
    given = service.model_fields_set & {"annotations", "session_affinity"}
    return service.has_own_service or not given


class ServiceOptions(Model):
    """The Service beside the headless one, if any."""

    RULES = (
        Rule(
            message=(
                "write type: ClusterIP or LoadBalancer beside annotations and sessionAffinity: "
                "the headless Service has neither"
            ),
            cel=(
                "self.?type.orValue('Headless') != 'Headless' "
                "|| (!has(self.annotations) && !has(self.sessionAffinity))"
            ),
            holds=_says_nothing_headless,
        ),
    )

    type: ServiceType | None = Field(
        default=None,
        description=(
            "ClusterIP or LoadBalancer for a second Service, NAME-svc, with an address of its "
            "own, which status.url then names. Left out: Headless, only the Service that gives "
            "each pod a DNS name."
        ),
    )
    annotations: Annotated[
        dict[str, str], Field(max_length=64), rules.ANNOTATION_KEYS, rules.OWN_KEYS
    ] = Field(
        default_factory=dict,
        description=(
            "Annotations for the second Service, as load balancers ask for them. Refused, like "
            "LoadBalancer, where the installation denies exposure (MCPWORKLOAD_EXPOSURE)."
        ),
    )
    session_affinity: Literal["None", "ClientIP"] | None = Field(
        default=None,
        description=(
            "ClientIP sends a client to the same pod again, which MCP sessions in memory need. "
            "Left out: None."
        ),
    )

    headless_alias: (
        Annotated[str, Field(max_length=rules.SERVICE_NAME_MAX_LENGTH), rules.SERVICE_NAME] | None
    ) = Field(
        default=None,
        description=(
            "The name of one more headless Service that leads to the same pods, for clients that "
            "know the server by another name. Left out: none."
        ),
    )

    @property
    def has_own_service(self) -> bool:
        """True if the spec asks for a second Service."""
        return self.type not in (None, "Headless")


class ServiceFields(Model):
    """The fields of a spec that say how clients find the pods."""

    service: ServiceOptions = Field(
        default_factory=ServiceOptions,
        description="The Service that clients use, if the headless one is not enough.",
    )
