"""
Random patches of templates with a bridge.

Whatever the operations, nothing but a refusal comes out; and what passes still has the bridge, by
a look of its own at what must never be otherwise.
"""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mcpworkload.api.patch import PatchOperation
from mcpworkload.api.refusals import PatchRejected, PolicyDenied
from mcpworkload.controller.admission.policy import check_template
from mcpworkload.controller.admission.template_patch import apply_template_patch
from mcpworkload.controller.desired import build_draft
from tests.support.bridged import IMAGE, POLICY, attach, inject
from tests.support.parsed import make_workload
from tests.unit.controller.admission.test_patch_fuzz import pointers

# As many as `make unit` has the seconds for; `make search` tries more.
EXAMPLES = min(10 * settings().max_examples, 30_000)
SIDE = {"name": "side", "image": "side:1"}
TEMPLATES = {
    way: build_draft(make_workload(**spec, initContainers=[SIDE]), POLICY).template
    for way, spec in (("inject", inject()), ("attach", attach()))
}
SEPARATOR = TEMPLATES["inject"]["spec"]["containers"][0]["args"].index("--")
PATHS = sorted({path for template in TEMPLATES.values() for path in pointers(template)})
VALUES: list[Any] = [
    *(None, True, False, 0, "x", "mcp", "mcpw-bridge", "mcpw-bridge-token", "/mcpw", "/", [], {}),
    *({"name": name, "mountPath": "/x"} for name in ("mcpw-bridge", "mcpw-bridge-token", "tmp")),
    *({"name": name, "emptyDir": {}} for name in ("mcpw-bridge", "mcpw-bridge-token")),
    {"name": "mcpw-bridge", "image": "x"},
    {"name": "mcp", "image": "x", "command": ["x"]},
]
ADD = st.builds(
    lambda op, path, value: PatchOperation(op=op, path=path, value=deepcopy(value)),
    st.sampled_from(("add", "replace")),
    st.sampled_from(PATHS),
    st.sampled_from(VALUES),
)
REMOVE = st.builds(lambda path: PatchOperation(op="remove", path=path), st.sampled_from(PATHS))
MOVE = st.builds(
    lambda op, path, source: PatchOperation.model_validate(
        {"op": op, "path": path, "from": source}
    ),
    st.sampled_from(("move", "copy")),
    st.sampled_from(PATHS),
    st.sampled_from(PATHS),
)


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.sampled_from(sorted(TEMPLATES)), st.lists(ADD | REMOVE | MOVE, min_size=1, max_size=3))
@pytest.mark.timeout(120)
def test_no_patch_takes_the_bridge_away(way: str, operations: list[PatchOperation]) -> None:
    """Refused with one of two reasons, or the bridge serves as before."""
    base = TEMPLATES[way]
    try:
        template = apply_template_patch(base, operations)
        check_template(template, base, operations, POLICY)
    except (PatchRejected, PolicyDenied):
        return
    assert losses(way, template["spec"]) == []


def named(mount: Any) -> bool:
    """Whether a mount is of a volume of the bridge's."""
    return str((mount or {}).get("name")).startswith("mcpw-bridge")


def losses(way: str, pod: Any) -> list[str]:
    """What of the bridge is not as it has to be."""
    ours, server = pod["initContainers"][0], pod["containers"][0]
    others = [*pod["initContainers"][1:], *pod["containers"][1:]]
    found = {
        "image": (ours["name"], ours["image"]) != ("mcpw-bridge", IMAGE),
        "mounts of others": any(
            named(mount) for container in others for mount in container.get("volumeMounts") or ()
        ),
    }
    mounts = [mount for mount in server.get("volumeMounts") or () if named(mount)]
    if way == "inject":
        args = server["args"]
        found["command"] = server["command"] != ["/mcpw/bin/mcpw"]
        found["words"] = args[0] != "serve" or args.index("--") != SEPARATOR or args[-1] == "--"
        found["mount"] = mounts != [{"name": "mcpw-bridge", "mountPath": "/mcpw", "readOnly": True}]
    else:
        found["token in the server"] = bool(mounts)
        found["account"] = pod["serviceAccountName"] != "weather-mcpw-bridge"
        found["tokens for all"] = pod["automountServiceAccountToken"] is not False
        found["processes"] = bool(pod.get("shareProcessNamespace"))
        found["stdin"] = server["stdin"] is not True
    return [word for word, is_lost in found.items() if is_lost]


@pytest.mark.parametrize("way", TEMPLATES)
def test_the_oracle_is_content_with_what_is_built(way: str) -> None:
    """And not with just anything."""
    template = deepcopy(TEMPLATES[way])
    assert losses(way, template["spec"]) == []

    template["spec"]["initContainers"][0]["image"] = "x"
    assert losses(way, template["spec"]) == ["image"]
