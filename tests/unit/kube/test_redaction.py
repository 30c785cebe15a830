"""What the cluster quotes of a spec does not stand in a message, whoever says it."""

import json
import logging
import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mcpworkload.api.refusals import ApplyFailed, ChildConflict, ChildForbidden, Refusal, Rejected
from mcpworkload.api.workload import Workload
from mcpworkload.controller.desired import build_draft
from mcpworkload.controller.status import StatusInput
from mcpworkload.kube.errors import Refused
from mcpworkload.kube.redaction import HIDDEN, Secrets, discreet
from tests.support.harness import KEY, FakeCluster, make_harness
from tests.support.parsed import make_body, make_event, make_observation, make_pod, make_workload
from tests.support.statuses import status_of
from tests.unit.controller.test_reconcile_exits import crashed, show

_SSA = "failed to create typed patch object (team/weather; apps/v1, Kind=StatefulSet): errors:\n  "
_TEMPLATE = ".spec.template.spec"
_RUNC = (
    "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc "
    "create failed: unable to start container process: "
)
_LABEL = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.'"
)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        pytest.param(
            f'{_SSA}{_TEMPLATE}.containers[name="mcp"].env[name="A"].value: expected string, got '
            '&value.valueUnstructured{Value:map[string]interface {}{"x":"S3KRIT\\n}"}}\n  '
            f"{_TEMPLATE}.foo: field not declared in schema",
            f'{_SSA}{_TEMPLATE}.containers[name="mcp"].env[name="A"].value: expected string, got '
            f"another type\n  {_TEMPLATE}.foo: field not declared in schema",
            id="a value of the wrong type",
        ),
        pytest.param(
            'StatefulSet.apps "weather" is invalid: spec.template.labels: Invalid value: '
            f'"S3KRIT \\" !": {_LABEL}',
            'StatefulSet.apps "weather" is invalid: spec.template.labels: Invalid value: '
            f"<hidden>: {_LABEL}",
            id="a label",
        ),
        pytest.param(
            'spec.template.spec.hostname: Invalid value: "S3KRIT_Host": not "S3KRIT_Host"',
            'spec.template.spec.hostname: Invalid value: <hidden>: not "<hidden>"',
            id="a value of a patch, twice",
        ),
        pytest.param(
            'spec.a: Invalid value: {"a":"}\\"S3KRIT","b":[1,{}]}: no, '
            'spec.b: Unsupported value: "S3KRIT": supported values: "A", "B"',
            "spec.a: Invalid value: <hidden>: no, "
            'spec.b: Unsupported value: <hidden>: supported values: "A", "B"',
            id="a mapping, and another",
        ),
        pytest.param(
            "spec.template.spec.containers[0].env[3].value: Invalid value: 4711: no",
            "spec.template.spec.containers[0].env[3].value: Invalid value: <hidden>: no",
            id="a number that is secret",
        ),
        pytest.param(
            'metadata.annotations: Invalid value: "S3KRIT',
            "metadata.annotations: Invalid value: <hidden>",
            id="cut off",
        ),
        pytest.param(
            f'{_SSA}{_TEMPLATE}.containers[name="mcp"].ports[containerPort="S3KRIT",protocol="TCP"]'
            ".containerPort: expected numeric (int or float), got string",
            f'{_SSA}{_TEMPLATE}.containers[name="mcp"].ports[containerPort=<hidden>,protocol="TCP"]'
            ".containerPort: expected numeric (int or float), got string",
            id="a key of an entry",
        ),
        pytest.param(
            'spec.template.spec.tolerations[0].operator: Unsupported value: "S3KRIT": supported',
            "spec.template.spec.tolerations[0].operator: Unsupported value: <hidden>: supported",
            id="a word that is none",
        ),
        pytest.param(
            "json: cannot unmarshal number 4711e9999 into Go struct field X.value of type string",
            "json: cannot unmarshal a number into Go struct field X.value of type string",
            id="a decoder's number",
        ),
        pytest.param(
            'v1.EnvVar.Value: ReadString: expects " or n, but found {, error found in #10 byte of '
            '...|,"value":{"x":"S3KRIT|..., bigger context ...|S3KRIT|...',
            'v1.EnvVar.Value: ReadString: expects " or n, but found {',
            id="a decoder's context",
        ),
        pytest.param(
            f'{_RUNC}exec: "/no/S3KRIT": stat /no/S3KRIT: no such file or directory: unknown',
            f"{_RUNC}exec: <program>: stat <program>: no such file or directory: unknown",
            id="a program's path",
        ),
        pytest.param(
            f'{_RUNC}exec: "S3KRIT": executable file not found in $PATH: unknown',
            f"{_RUNC}exec: <program>: executable file not found in $PATH: unknown",
            id="a program's name",
        ),
        pytest.param(
            "exec /S3KRIT x: exec format error",
            "exec <program>: exec format error",
            id="a program of another machine",
        ),
        pytest.param(
            "crun: executable file `S3KRIT` not found in $PATH",
            "crun: executable file `<program>` not found in $PATH",
            id="another runtime",
        ),
        pytest.param(
            "Exec lifecycle hook ([sh -c curl -H S3KRIT]) for Container failed - error: command "
            "'sh -c curl -H S3KRIT' exited with 1",
            "Exec lifecycle hook (<program>) for Container failed - error: command <program> "
            "exited with 1",
            id="a hook's command",
        ),
        pytest.param(
            'Liveness probe errored: command "sh -c \\"S3KRIT\\"" timed out',
            "Liveness probe errored: command <program> timed out",
            id="a probe's command",
        ),
        pytest.param(
            'Failed to apply default image tag "user:S3KRIT@localhost/x:1": couldn\'t parse image '
            'name "user:S3KRIT@localhost/x:1": invalid reference format',
            'Failed to apply default image tag "<credentials>@localhost/x:1": couldn\'t parse '
            'image name "<credentials>@localhost/x:1": invalid reference format',
            id="an image with a password",
        ),
        pytest.param(
            'failed to resolve: Head "https://user:S3KRIT@r.example/v2/x?token=S3KRIT": EOF',
            'failed to resolve: Head "https://<credentials>@r.example/v2/x?<hidden>": EOF',
            id="a URL with all of it",
        ),
    ],
)
def test_what_the_cluster_quotes_is_taken_out(said: str, told: str) -> None:
    """As real API servers, kubelets and runtimes say it; what else they say stays."""
    assert discreet(said) == told


@pytest.mark.parametrize(
    "said",
    [
        'spec.containers[0].resources.requests: Invalid value: "600Mi": must be less than limit',
        "spec.template.spec.activeDeadlineSeconds: Invalid value: -5: must be greater than 0",
        'spec.template.spec.containers[0].volumeMounts[0].name: Not found: "data"',
        'spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/tmp": must be unique',
        'Failed to pull image "r.example/weather:1@sha256:0a0a": not found',
        'failed calling webhook "a.b": Post "https://a.b.svc:443/x?timeout=10s": EOF',
        "exceeded quota: q, requested: limits.cpu=1, limited: limits.cpu=0",
        'pods "weather-0" is forbidden: violates PodSecurity "restricted:latest": privileged',
        "spec.x: Required value: name it; spec.y: Too long: may not be more than 63 bytes",
        'conflict with "kubectl" using apps/v1: .spec.replicas',
    ],
)
def test_what_names_things_stays(said: str) -> None:
    """Names, amounts and digests are what a message is for."""
    assert discreet(said) == said


#: Where texts stand that may be secret, each as it has them.
PLACES: dict[str, Any] = {
    "env": lambda text: {"env": [{"name": "KEY", "value": text}]},
    "args": lambda text: {"args": ["--verbose", text]},
    "half of an argument": lambda text: {"args": [f"--password={text}"]},
    "command": lambda text: {"command": [text]},
    "a line of a script": lambda text: {"command": ["sh", "-c", f"set -e\n  {text}\n"]},
    "annotations": lambda text: {"annotations": {"name": text}},
    "labels": lambda text: {"labels": {"team": text}},
    "of a Service": lambda text: {"service": {"annotations": {"type": text}}},
    "of a claim": lambda text: {"volumeClaimTemplates": [{"metadata": {"labels": {"a": text}}}]},
    "of a sidecar": lambda text: {
        "sidecars": [{"name": "s", "env": [{"name": "A", "value": text}]}]
    },
    "a header": lambda text: {
        "probes": {"readiness": {"httpGet": {"httpHeaders": [{"name": "A", "value": text}]}}}
    },
    "a hook": lambda text: {"lifecycle": {"preStop": {"exec": {"command": ["curl", text]}}}},
    "a volume": lambda text: {"volumes": [{"csi": {"volumeAttributes": {"pw": text}}}]},
    "a value of a patch": lambda text: {
        "podTemplatePatch": [{"op": "add", "path": "/spec/hostname", "value": text}]
    },
    "deep in a patch": lambda text: {
        "podTemplatePatch": [
            {"op": "add", "path": "/spec/containers/-", "value": {"x": [{"y": {"z": text}}]}}
        ]
    },
    "a patch of variables": lambda text: {
        "podTemplatePatch": [
            {"op": "add", "path": "/spec/containers/0/env/-", "value": {"name": "A", "value": text}}
        ]
    },
}
_TEXTS = st.text("aB1 -_./\\\"'{}[]:=,@%é☃", min_size=4).map(lambda text: f"S3{text}KRIT")


@pytest.mark.parametrize("place", PLACES)
@example('S3 "q" \\ KRIT')
@given(_TEXTS)
def test_no_text_of_the_spec_is_repeated(place: str, text: str) -> None:
    """However a webhook quotes it, also where its message was cut."""
    secrets = Secrets(lambda: PLACES[place](text))

    for said in (text, f'"{text}"', json.dumps(text), f"({text})", f"a={text}; {text},"):
        assert HIDDEN in secrets.hide(f'admission webhook "a" denied the request: {said}')
        assert text not in secrets.hide(f"denied: {said}")
    assert text[:8] not in secrets.hide(f"denied: {text[:-3]}")


def test_what_only_looks_like_it_stays() -> None:
    """Short texts, plain words, and what names things, are in many a message by themselves."""
    spec = {
        "image": "localhost/weather:1",
        "command": ["node"],
        "args": ["serve", "--all"],
        "env": [
            {"name": "FORECAST_KEY", "value": "production"},
            {"name": "DEBUG", "value": "true"},
        ],
        "podTemplatePatch": [
            {
                "op": "add",
                "path": "/spec/containers/-",
                "value": {"name": "proxy-1", "image": "p:1"},
            }
        ],
    }
    said = "node(s) of production: weather-0, proxy-1 (p:1), localhost/weather:1, FORECAST_KEY true"

    assert Secrets(lambda: spec).hide(said) == said


@pytest.mark.parametrize(
    "spec",
    [
        {"labels": {"app": "weather-server", "version": "v1.2.3", "at": "team-sky"}},
        {"env": [{"name": "IMAGE", "value": "ghcr.io/acme/weather:v1.2.3"}]},
        {"env": [{"name": "PROXY", "value": "proxy-image:2"}]},
        {"args": ["--data=/srv/data", "/srv/data", "data-volume"]},
        {"command": ["claim-of-data", "settings-map", "secret-of-it"]},
        {"env": [{"name": "POD", "value": "patched/image:7"}]},
        {"annotations": {"self": "team-sky/weather-server"}},
    ],
)
def test_what_the_spec_says_openly_is_no_secret(spec: dict[str, Any]) -> None:
    """A label or a variable that has it once more hides neither a name nor an image."""
    body = make_body(
        **{
            "image": "ghcr.io/acme/weather:v1.2.3",
            "sidecars": [{"name": "proxy-1", "image": "proxy-image:2"}],
            "volumeMounts": [{"name": "data-volume", "mountPath": "/srv/data"}],
            "volumes": [
                {"name": "data-volume", "persistentVolumeClaim": {"claimName": "claim-of-data"}},
                {"name": "b", "configMap": {"name": "settings-map"}},
                {"name": "c", "secret": {"secretName": "secret-of-it"}},
            ],
            "podTemplatePatch": [
                {"op": "replace", "path": "/spec/containers/0/image", "value": "patched/image:7"}
            ],
            **spec,
        }
    )
    body["metadata"] |= {"name": "weather-server", "namespace": "team-sky"}
    for said in (
        "team-sky/weather-server: pod weather-server-0: ghcr.io/acme/weather:v1.2.3 of proxy-1, "
        "proxy-image:2, patched/image:7: /srv/data of data-volume, claim-of-data, settings-map",
        "secret-of-it of weather-server",
    ):
        assert StatusInput.of(Workload.parse(body)).secrets.hide(said) == said
        assert StatusInput.of_invalid(body).secrets.hide(said) == said


def test_the_end_of_another_word_is_no_cut_secret() -> None:
    """A message may end with letters with which a secret begins."""
    secrets = Secrets(lambda: {"args": ["reaches-far", "acme/weather-far"]}, ("acme/weather",))

    for said in ("nothing overreaches", "of acme/weather"):
        assert secrets.hide(said) == said
    assert secrets.hide("it reaches") == f"it {HIDDEN}"


def test_a_secret_beside_a_name_is_hidden_all_the_same() -> None:
    """Only what is in a name is open, not what has a name in it."""
    spec = {"image": "acme/weather:1", "env": [{"name": "A", "value": "acme/weather:1-hunter"}]}

    said = Secrets(lambda: spec, ("team/weather",)).hide("acme/weather:1, acme/weather:1-hunter")

    assert said == f"acme/weather:1, {HIDDEN}"


@pytest.mark.parametrize("kind", ["Invalid value", "Duplicate value", "Unsupported value"])
@pytest.mark.parametrize(
    "value",
    [
        'map[string]string{"team":"hunter 2", "b":"}"}',
        'core.EnvVar{Name:"A", Value:"hunter: 2", ValueFrom:(*core.EnvVarSource)(nil)}',
        '[]core.EnvVar{core.EnvVar{Name:"A", Value:"hunter"}, core.EnvVar{Name:"B"}}',
        'map[string]interface {}{"a":[]interface {}{"hunter"}}',
        '[]interface {}{"hunter", map[string]interface {}{}}',
        'map[string][]string{"a":[]string{"hunter"}}',
        '&core.Probe{Exec:"hunter"}',
        '[]string{"hunter"}',
        '["hunter"]',
        '{"a":"hunter"}',
    ],
)
def test_a_value_in_gos_syntax_is_hidden_whole(kind: str, value: str) -> None:
    """The words behind it stay."""
    said = discreet(f"spec.template.spec.x: {kind}: {value}: must be unique")

    assert said == f"spec.template.spec.x: {kind}: {HIDDEN}: must be unique"


QUOTED = 'admission webhook "a.b" denied the request: KEY is S3KRIT-value'
SPEC: dict[str, Any] = {"env": [{"name": "KEY", "value": "S3KRIT-value"}]}


@pytest.mark.parametrize("kind", [ApplyFailed, ChildConflict, ChildForbidden, Rejected])
def test_no_condition_repeats_a_refusal_with_its_values(kind: type[Exception]) -> None:
    """Of every refusal whose words are the cluster's."""
    status = status_of(make_observation(), refusal=kind(QUOTED), **SPEC)

    assert QUOTED.replace("S3KRIT-value", HIDDEN) in json.dumps(status).replace('\\"', '"')
    assert "S3KRIT" not in json.dumps(status)


def test_no_condition_repeats_why_a_pod_was_refused() -> None:
    """The controller passes on what a webhook said of the pod."""
    said = f"create Pod weather-0 in StatefulSet weather failed error: {QUOTED}"
    event = make_event("FailedCreate", said)

    status = status_of(make_observation(failed_creates=[event]), **SPEC)

    assert "PodRefused" in json.dumps(status)
    assert "S3KRIT" not in json.dumps(status)


def test_no_condition_repeats_what_a_kubelet_quotes() -> None:
    """A container that cannot be made: the runtime's words."""
    waiting = {"reason": "CreateContainerError", "message": "cannot use S3KRIT-value here"}
    pod = make_pod(container={"state": {"waiting": waiting}})

    status = status_of(make_observation(pod), **SPEC)

    assert "ConfigError" in json.dumps(status)
    assert "S3KRIT" not in json.dumps(status)


async def test_neither_events_nor_the_log_repeat_them(caplog: pytest.LogCaptureFixture) -> None:
    """Refused children and programs that do not start are told with neither value nor path."""
    caplog.set_level(logging.INFO)
    harness = make_harness(**SPEC, command=["/no/S3KRIT", "serve"])
    harness.cluster.failures["StatefulSet weather"] = Refused(QUOTED, status=400)
    await harness.reconcile(KEY)
    harness.cluster.failures.clear()
    said = f'{_RUNC}exec: "/no/S3KRIT": stat /no/S3KRIT: no such file or directory: unknown'
    await show(harness, crashed(reason="StartError", exitCode=128, message=said))

    everything = (
        json.dumps(
            [harness.cluster.statuses, harness.cluster.said, harness.cluster.exits], default=str
        )
        + caplog.text
    )
    assert "denied the request" in everything
    assert "no such file or directory" in everything
    assert "S3KRIT" not in everything


async def test_the_operators_log_has_the_code_and_not_the_tail(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What a server printed is for who reads its status, not for who reads our log."""
    caplog.set_level(logging.INFO)
    harness = make_harness(FakeCluster(version=500))
    pod = make_pod(
        container={
            "restartCount": 1,
            "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}},
            "lastState": {
                "terminated": {
                    "exitCode": 3,
                    "reason": "Error",
                    "message": "the tail",
                    "containerID": "containerd://1",
                }
            },
        }
    )
    await show(harness, pod)

    assert "the tail" in json.dumps(harness.cluster.statuses[-1])
    assert "Available=False CrashLooping: exit code 3" in caplog.text
    assert "the tail" not in caplog.text


@pytest.mark.parametrize(
    "piece", ["a", "a:", '{"a":', "x: Invalid value: ", 'exec: "', "a@", "[\\"]
)
def test_a_long_message_is_cheap(piece: str) -> None:
    """Webhooks answer with pages, and every look passes here: a tenth of a second at most."""
    begin = time.process_time()
    discreet(piece * 200_000)
    Secrets(lambda: {"args": [f"{piece * 9}{n}" for n in range(2000)]}).hide(piece * 300)

    assert time.process_time() - begin < 1


@pytest.mark.parametrize("value", ["S3KRIT-value", 4711])
@pytest.mark.parametrize(
    "operations",
    [
        [{"op": "test", "path": "/metadata/labels/x", "value": "other"}],
        [{"op": "test", "path": "/metadata/annotations/x", "value": 1}],
        [{"op": "add", "path": "/metadata/labels/x/y", "value": 1}],
        [{"op": "replace", "path": "/spec/containers/0/env/0/value/a/b", "value": 1}],
        [{"op": "test", "path": "/spec/containers/0/args/0", "value": ["x"]}],
        [{"op": "add", "path": "/metadata/labels/mcpworkload.dev~1workload", "value": None}],
    ],
)
def test_our_own_words_about_a_patch_have_no_value(operations: Any, value: Any) -> None:
    """Whether an operation fails or its result is refused."""
    seed = [
        {"op": "add", "path": "/metadata/labels/x", "value": value},
        {"op": "add", "path": "/metadata/annotations/x", "value": value},
        {"op": "add", "path": "/spec/containers/0/env/0/value", "value": value},
        {"op": "add", "path": "/spec/containers/0/args", "value": [value]},
    ]
    if operations[-1]["value"] is None:
        operations = [{**operations[-1], "value": value}]
    workload = make_workload(podTemplatePatch=[*seed, *operations])

    with pytest.raises(Refusal) as refused:
        build_draft(workload)

    assert str(value) not in str(refused.value)
