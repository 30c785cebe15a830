"""Our reading of Pod Security beside the API server's own: the same pods, the same verdicts."""

import asyncio
from collections import Counter

import pytest

from mcpworkload.api.refusals import PolicyDenied, Refusal
from mcpworkload.api.workload import Workload
from mcpworkload.controller.admission.pod_security import VERSION
from mcpworkload.controller.admission.sources import (
    PROJECTED_SOURCES,
    REFUSED_PROJECTED_SOURCES,
    REFUSED_VOLUME_SOURCES,
    VOLUME_SOURCES,
)
from mcpworkload.controller.desired import Policy, build_draft
from mcpworkload.controller.settings import PodSecurity
from tests.support.api import Api, RequestFailed
from tests.support.generate import make_spec_with_rights
from tests.support.kinds import Manifest
from tests.support.manifests import make_object
from tests.support.namespace import Namespace

SPECS = 250
LABEL = "pod-security.kubernetes.io/enforce"
# Other admission would refuse the pod for lack of these.
ELSEWHERE = ("priorityClassName", "runtimeClassName", "serviceAccountName")

# Baseline allows it, restricted does not.
PLAIN = {"metadata": {}, "spec": {"containers": [{"name": "a", "image": "a"}]}}


def template_of(spec: Manifest, level: PodSecurity) -> Manifest | None:
    """
    The pod template of a spec; None where that level denies it.

    Raises:
        Refusal: it is refused for something else.
    """
    body = make_object("MCPWorkload", "weather", spec=spec)
    try:
        return build_draft(Workload.parse(body), Policy(level, bridge_image="bridge:1")).template
    except PolicyDenied:
        return None


async def is_allowed(namespace: Namespace, template: Manifest) -> bool | None:
    """What the namespace's own admission says of the pod; None where it is no pod at all."""
    spec = {field: part for field, part in template["spec"].items() if field not in ELSEWHERE}
    pod = make_object("Pod", "weather", spec=spec)
    pod["metadata"]["annotations"] = template["metadata"].get("annotations")
    try:
        await namespace.create(pod, dry_run=True)
    except RequestFailed as refused:
        return False if "violates PodSecurity" in refused.message else None
    return True


async def test_every_source_of_this_api_server_is_decided_upon(api: Api) -> None:
    """Its own schema has none that is neither allowed nor refused by name."""
    answer = await api.request("GET", "/openapi/v3/api/v1")
    schemas = answer["components"]["schemas"]

    def sources_of(kind: str) -> set[str]:
        return set(schemas[f"io.k8s.api.core.v1.{kind}"]["properties"]) - {"name"}

    assert sources_of("Volume") <= VOLUME_SOURCES | REFUSED_VOLUME_SOURCES.keys()
    parts = PROJECTED_SOURCES | REFUSED_PROJECTED_SOURCES.keys()
    assert sources_of("VolumeProjection") <= parts


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("level", [PodSecurity.BASELINE, PodSecurity.RESTRICTED])
async def test_we_allow_what_the_namespace_would(
    namespace: Namespace, api: Api, level: PodSecurity
) -> None:
    """No pod passes us that the standard forbids, and none is held up that it allows."""
    labels = {LABEL: str(level), f"{LABEL}-version": VERSION}
    await api.patch("Namespace", "", namespace.name, {"metadata": {"labels": labels}})
    for _ in range(100):  # admission learns of the label by a watch
        if await is_allowed(namespace, PLAIN) is (level is PodSecurity.BASELINE):
            break
        await asyncio.sleep(0.1)
    verdicts: Counter[bool] = Counter()
    for seed in range(SPECS):
        try:
            spec = make_spec_with_rights(seed)
            template = template_of(spec, PodSecurity.PRIVILEGED)
            is_ours = template_of(spec, level) is not None
        except Refusal:
            continue
        if template and (allowed := await is_allowed(namespace, template)) is not None:
            assert is_ours == allowed, f"make_spec_with_rights({seed})"
            verdicts[is_ours] += 1
    assert min(verdicts[True], verdicts[False]) >= SPECS // 50, verdicts
