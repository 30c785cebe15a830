"""From which sources volumes may come: every one of Kubernetes is decided upon."""

import json
from importlib.resources import files
from typing import Any

import pytest

from mcpworkload.api.refusals import PolicyDenied
from mcpworkload.controller.admission.policy import check_template
from mcpworkload.controller.admission.sources import (
    PROJECTED_SOURCES,
    REFUSED_PROJECTED_SOURCES,
    REFUSED_VOLUME_SOURCES,
    VOLUME_SOURCES,
    is_api_server,
)
from mcpworkload.controller.desired import Policy, build_draft
from mcpworkload.controller.settings import PodSecurity
from tests.support.bridged import POLICY, attach
from tests.support.parsed import make_workload
from tests.support.templates import WIDEST, build, denial, put

DEFINITIONS = json.loads((files("hack.crdgen") / "core_v1.json").read_text())["definitions"]


def sources_of(definition: str) -> set[str]:
    """The fields of a union of sources, as Kubernetes' own schema has them."""
    (schema,) = (schema for name, schema in DEFINITIONS.items() if name == f"core/v1 {definition}")
    return set(schema["properties"]) - {"name"}


def volume(source: dict[str, Any]) -> dict[str, Any]:
    """A template with one volume more."""
    template: dict[str, Any] = put(build(), "/spec/volumes", [{"name": "v", **source}])
    return template


def token(**fields: Any) -> dict[str, Any]:
    """A template with a token that is mounted as a file."""
    source = {"serviceAccountToken": {"path": "token", **fields}}
    return volume({"projected": {"sources": [source]}})


def test_every_source_is_allowed_or_refused() -> None:
    """One that a newer Kubernetes has, and that nobody has thought about, fails here."""
    assert sources_of("Volume") == VOLUME_SOURCES | REFUSED_VOLUME_SOURCES.keys()
    assert not VOLUME_SOURCES & REFUSED_VOLUME_SOURCES.keys()
    assert sources_of("VolumeProjection") == PROJECTED_SOURCES | REFUSED_PROJECTED_SOURCES.keys()
    assert not PROJECTED_SOURCES & REFUSED_PROJECTED_SOURCES.keys()


@pytest.mark.parametrize("kind", sorted(VOLUME_SOURCES))
def test_a_known_source_passes(kind: str) -> None:
    """At the widest setting all of them do; which are narrowed is Pod Security's."""
    check_template(volume({kind: {}}), build(), (), WIDEST)


@pytest.mark.parametrize("kind", [*sorted(REFUSED_VOLUME_SOURCES), "brandNew", "HostPath", "name "])
def test_any_other_source_is_refused(kind: str) -> None:
    """By name, or because it is not known, whatever its spelling."""
    assert f"pod template /spec/volumes/0/{kind}: found a mapping;" in denial(
        volume({kind: {"a": 1}})
    )


@pytest.mark.parametrize("kind", sorted(PROJECTED_SOURCES - {"serviceAccountToken"}))
def test_a_known_part_passes(kind: str) -> None:
    """Of a projected volume."""
    check_template(volume({"projected": {"sources": [{kind: {}}]}}), build(), (), WIDEST)


@pytest.mark.parametrize("kind", [*sorted(REFUSED_PROJECTED_SOURCES), "brandNew", "PodCertificate"])
def test_any_other_part_is_refused(kind: str) -> None:
    """A certificate of the account would be a token by another name."""
    template = volume({"projected": {"sources": [{"secret": {}}, {kind: {"a": 1}}]}})

    assert f"/spec/volumes/0/projected/sources/1/{kind}: found a mapping;" in denial(template)


@pytest.mark.parametrize("kind", ["podCertificate", "brandNew"])
def test_not_beside_a_bridge_that_attaches_either(kind: str) -> None:
    """Its account's certificate would be as good as its token."""
    operation = {
        "op": "add",
        "path": "/spec/volumes/-",
        "value": {"name": "v", "projected": {"sources": [{kind: {}}]}},
    }
    with pytest.raises(PolicyDenied, match=f"sources/0/{kind}: found an empty mapping"):
        build_draft(make_workload(**attach(podTemplatePatch=[operation])), POLICY)


@pytest.mark.parametrize(
    "fields",
    [
        {"audience": "vault"},
        {"audience": "sts.amazonaws.com", "expirationSeconds": 86400},
        {"audience": "https://vault.example:8200/", "expirationSeconds": 600},
        {"audience": "api://AzureADTokenExchange"},
        {"audience": "kubernetes.example", "expirationSeconds": 2**32},
        {"audience": "https://kubernetes-default.example"},
    ],
)
def test_a_token_for_another_audience_is_accepted(fields: dict[str, Any]) -> None:
    """As a vault or a cloud asks for one, at the usual setting."""
    check_template(token(**fields), build(), (), Policy(PodSecurity.RESTRICTED))


@pytest.mark.parametrize("audience", [None, "", " ", 7, True, ["vault"], {"a": "vault"}])
def test_a_token_without_an_audience_is_the_api_servers(audience: Any) -> None:
    """The message says what to write."""
    message = denial(token(audience=audience))

    assert "/projected/sources/0/serviceAccountToken/audience: found " in message
    assert (
        "; write the token's audience, such as vault; spec.automountServiceAccountToken gives "
        "the server a token for the API server"
    ) in message


SPELLINGS = [
    "https://kubernetes.default.svc",
    "https://kubernetes.default.svc.cluster.local",
    "https://kubernetes.default.svc/",
    "https://kubernetes.default.svc:443",
    "HTTPS://Kubernetes.Default.SVC.cluster.local:6443/",
    "kubernetes.default.svc",
    "kubernetes.default.svc.",
    "//kubernetes.default",
    " https://kubernetes.default.svc.example.org ",
    "https://user@kubernetes.default.svc",
    "kubernetes",
    "kubernetes.svc.default",
    "https://kubernetes.default.svc/?x#y",
    "k3s",
]


@pytest.mark.parametrize("audience", SPELLINGS)
def test_a_token_for_the_api_server_is_refused(audience: str) -> None:
    """However its name is written."""
    message = denial(token(audience=audience))

    assert 'serviceAccountToken/audience: found "' in message
    assert "; write another audience, such as vault; spec.automountServiceAccountToken" in message


@pytest.mark.parametrize(
    "audience",
    [
        "https://oidc.eks.example/id/ABC",
        "https://oidc.eks.example/id/abc/",
        "https://oidc.eks.example:443/id/ABC",
        "oidc.eks.example/id/ABC",
        "api",
    ],
)
def test_what_this_api_server_takes_is_refused_too(audience: str) -> None:
    """The issuer, and what else the operator's token or a setting names."""
    policy = Policy(api_audiences=("https://oidc.eks.example/id/ABC", "api"))
    check_template(token(audience=audience), build(), (), Policy())

    assert "serviceAccountToken/audience" in denial(token(audience=audience), policy=policy)
    assert not is_api_server("https://oidc.eks.example/id/OTHER", frozenset({"api"}))


@pytest.mark.parametrize("seconds", [0, 599, 2**32 + 1, "600", True, 600.5, -1])
def test_a_lifetime_is_within_the_bounds_of_the_api(seconds: Any) -> None:
    """Told at once, and not by a pod that cannot be made."""
    message = denial(token(audience="vault", expirationSeconds=seconds))

    assert "/expirationSeconds: found " in message
    assert "; write a number from 600 to 4294967296" in message
