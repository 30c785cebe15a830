"""
Mutations of manifests that are right: at each place a wrong type, a null, a typo, a bad number.

They are text, because how a value is written in YAML is half of the matter.
"""

from collections.abc import Iterator
from random import Random
from typing import Any, Final

import yaml

from tests.support.generate import make_spec

Steps = tuple[str | int, ...]

_MARK: Final = "MUTATION"
_ANYTHING: Final = ("null", "5", '"5"', "true", "[]", "{}", "text", "[a]", "{a: b}", '""')
_NUMBERS: Final = (
    *("-1", "0", "1.0", "1.5", "1e2", "0o17", "017", "0x10", "08", "1_0", "+3", "0b11"),
    *("2147483648", "9223372036854775808", "12:30", ".5", "1e400", '"1"', "0.1e1", "-0"),
)
_TEXTS: Final = ("1e3", "yes", "2026-01-01", "12:30:00", "~", "a: b", '"a\\nb"', "é", "0o7", "=")

#: Specs that use nearly every field once, and that the API server takes.
BASES: Final[tuple[str, ...]] = (
    """
image: weather:1
imagePullPolicy: Always
imagePullSecrets: [{name: pull}]
command: [serve]
args: [a, b]
workingDir: /srv
env:
- {name: A, value: b}
- {name: C, valueFrom: {secretKeyRef: {name: s, key: k, optional: true}}}
- {name: D, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
- {name: E, valueFrom: {resourceFieldRef: {resource: limits.cpu, divisor: 1}}}
envFrom: [{prefix: P_, configMapRef: {name: c, optional: false}}]
stdin: true
transport:
  type: streamable-http
  port: 8080
  path: /mcp
ports: [{name: web, port: 9090, servicePort: 90, protocol: TCP}]
resources: {requests: {cpu: 100m, memory: 64Mi}, limits: {memory: 1Gi}}
securityContext:
  runAsUser: 1000
  runAsNonRoot: true
  capabilities: {drop: [ALL], add: [NET_BIND_SERVICE]}
  seccompProfile: {type: RuntimeDefault}
lifecycle: {preStop: {exec: {command: [sleep, "1"]}}}
probes:
  startup: {tcpSocket: {port: 8080}, periodSeconds: 2}
  readiness: {httpGet: {path: /, port: web, scheme: HTTP}, failureThreshold: 3}
  liveness: {disabled: true}
terminationGracePeriodSeconds: 10
reportLogTail: false
labels: {team: a}
annotations: {team: a}
""",
    """
image: weather:1
transport: {type: stdio, stdio: {sessions: Shared, serve: [sse], idleTimeout: 5m}}
command: [serve]
replicas: 1
restartedAt: "2026-01-31T12:00:00Z"
serviceAccountName: weather
automountServiceAccountToken: false
nodeSelector: {disk: ssd}
tolerations: [{key: a, operator: Equal, value: b, effect: NoExecute, tolerationSeconds: 5}]
affinity:
  nodeAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
    - weight: 1
      preference: {matchExpressions: [{key: a, operator: In, values: [b]}]}
topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: ScheduleAnyway}]
hostAliases: [{ip: 10.0.0.1, hostnames: [a]}]
dnsConfig: {nameservers: [10.0.0.1], options: [{name: ndots, value: "2"}]}
podSecurityContext: {runAsUser: 1000, fsGroup: 1000, supplementalGroups: [1, 2]}
sidecars:
- name: helper
  image: helper:1
  command: [run]
  env: [{name: A, value: b}]
  ports: [{name: x, containerPort: 9091}]
  resources: {limits: {cpu: 1}}
initContainers: [{name: first, image: first:1, args: [a]}]
volumes:
- {name: a, configMap: {name: c, defaultMode: 256, items: [{key: k, path: p}]}}
- {name: b, emptyDir: {sizeLimit: 1Gi, medium: Memory}}
- {name: c, projected: {sources: [{secret: {name: s}}]}}
volumeMounts: [{name: a, mountPath: /a, readOnly: true}, {name: b, mountPath: /b, subPath: x}]
volumeClaimTemplates:
- metadata: {name: data}
  spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
service: {type: ClusterIP, sessionAffinity: ClientIP}
updateStrategy: {type: RollingUpdate}
podTemplatePatch: [{op: add, path: /metadata/labels/x, value: y}]
""",
)


def mutated_specs(number: int, seed: int = 1) -> Iterator[str]:
    """*number* of the mutations of all bases, and a generated spec for every five of them."""
    every = [text for base in BASES for text in _mutations(base)]
    random = Random(seed)  # noqa: S311 - to be repeated, not to be secret
    yield from random.sample(every, min(number, len(every)))
    for spec_seed in range(seed, seed + number // 5):
        yield yaml.safe_dump(make_spec(spec_seed), sort_keys=False)


def _mutations(base: str) -> Iterator[str]:
    tree = yaml.safe_load(base)
    for steps, value in _places(tree, ()):
        others = _NUMBERS if type(value) is int else _TEXTS if isinstance(value, str) else ()
        for text in (*_ANYTHING, *others):
            yield _with(tree, steps, text)
        if isinstance(steps[-1], str):
            yield _renamed(tree, steps)
        else:
            yield _doubled(tree, steps)


def _places(value: Any, steps: Steps) -> Iterator[tuple[Steps, Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        yield (*steps, key), item
        if isinstance(item, (dict, list)):
            yield from _places(item, (*steps, key))


def _with(tree: Any, steps: Steps, text: str) -> str:
    copy = yaml.safe_load(yaml.safe_dump(tree))
    _parent(copy, steps)[steps[-1]] = _MARK
    return yaml.safe_dump(copy, sort_keys=False).replace(_MARK, text)


def _renamed(tree: Any, steps: Steps) -> str:
    """The same with a typo in the name of the field."""
    copy = yaml.safe_load(yaml.safe_dump(tree))
    parent = _parent(copy, steps)
    name = str(steps[-1])
    parent[f"{name[0]}{name[2:]}s"] = parent.pop(name)
    return yaml.safe_dump(copy, sort_keys=False)


def _doubled(tree: Any, steps: Steps) -> str:
    """The same with one item of a list written twice."""
    copy = yaml.safe_load(yaml.safe_dump(tree))
    parent = _parent(copy, steps)
    parent.append(yaml.safe_load(yaml.safe_dump(parent[int(steps[-1])])))
    return yaml.safe_dump(copy, sort_keys=False)


def _parent(tree: Any, steps: Steps) -> Any:
    for key in steps[:-1]:
        tree = tree[key]
    return tree
