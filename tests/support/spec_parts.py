"""Parts of a spec that go together, as users write them: every field of it, and the patch."""

from typing import Any

Spec = dict[str, Any]

_EXEC = {"exec": {"command": ["true"]}}
_HTTP = {"httpGet": {"path": "/healthz", "port": "mcp", "scheme": "HTTP"}}
_TERM = {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a", "b"]}]}
_PODS = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"a": "b"}}}
_CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}


def _volume(name: str, source: Spec, **mount: Any) -> Spec:
    """A volume and where the server finds it."""
    return {
        "volumes": [{"name": name, **source}],
        "volumeMounts": [{"name": name, "mountPath": f"/{name}", **mount}],
    }


def _claim(name: str, **spec: Any) -> Spec:
    """A volume that each pod has for itself, and where the server finds it."""
    return {
        "volumeClaimTemplates": [{"metadata": {"name": name}, "spec": {**_CLAIM, **spec}}],
        "volumeMounts": [{"name": name, "mountPath": f"/{name}"}],
    }


def _patch(*operations: tuple[Any, ...]) -> Spec:
    """Operations on the template, each as op, path and value, or op, path and from for two."""
    fields = {"move": "from", "copy": "from"}
    return {
        "podTemplatePatch": [
            {"op": op, "path": path, **{fields.get(op, "value"): value for value in rest}}
            for op, path, *rest in operations
        ]
    }


#: What can be combined: lists of mappings are joined, of other fields the last one counts.
TRAITS: tuple[Spec, ...] = (
    {"imagePullPolicy": "Always", "imagePullSecrets": [{"name": "registry"}]},
    {"imagePullPolicy": "Never"},
    {"command": ["serve", "--port=8080"], "args": ["-v", "", "ä"], "workingDir": "/srv"},
    {"env": [{"name": "MCP_PORT", "value": "1"}, {"name": "EMPTY"}, {"name": "NIL", "value": ""}]},
    {"env": [{"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]},
    {"env": [{"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}}]},
    {"env": [{"name": "K", "valueFrom": {"configMapKeyRef": {"name": "a", "key": "b"}}}]},
    {"env": [{"name": "S", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}]},
    {"envFrom": [{"prefix": "A_", "configMapRef": {"name": "a", "optional": True}}]},
    {"envFrom": [{"secretRef": {"name": "a"}}, {"secretRef": {"name": "a"}}]},
    {"stdin": True, "terminationGracePeriodSeconds": 0},
    {"stdin": False, "terminationGracePeriodSeconds": 1},
    {"terminationGracePeriodSeconds": 7200},
    {"lifecycle": {"preStop": {"sleep": {"seconds": 0}}, "postStart": _EXEC}},
    {"lifecycle": {"preStop": _HTTP}},
    {"probes": {"startup": {"failureThreshold": 900}, "liveness": _EXEC}},
    {"probes": {"readiness": {"disabled": True}, "startup": {"disabled": True}}},
    {"probes": {"readiness": {**_HTTP, "periodSeconds": 1}, "liveness": {"timeoutSeconds": 2}}},
    {"probes": {"liveness": {"grpc": {"port": 8080}}, "readiness": {"tcpSocket": {"port": 1}}}},
    {"ports": [{"name": "metrics", "port": 9090}]},
    {"ports": [{"name": "dns", "port": 53, "protocol": "UDP", "servicePort": 1053}]},
    {"ports": [{"name": "dns-tcp", "port": 53}, {"name": "same", "port": 9091, "protocol": "UDP"}]},
    {"replicas": 0},
    {"replicas": 3, "operatingMode": "Stopped"},
    {"replicas": 2**31 - 1, "operatingMode": "Running"},
    {"resources": {"requests": {"cpu": "0.5", "memory": "100M"}, "limits": {"cpu": "1000m"}}},
    {"resources": {"limits": {"memory": "1.5Gi", "example.com/gpu": 1}}},
    {"resources": {"limits": {"memory": 1, "cpu": "1e-3"}}},
    {"securityContext": {"readOnlyRootFilesystem": False, "capabilities": {"add": ["CHOWN"]}}},
    {"securityContext": {"runAsNonRoot": None, "capabilities": None, "runAsUser": 0}},
    {"podSecurityContext": {"runAsUser": 0}},
    {"podSecurityContext": {"runAsUser": None, "runAsGroup": None, "fsGroup": None}},
    {"podSecurityContext": {"sysctls": [{"name": "net.ipv4.tcp_syncookies", "value": "1"}]}},
    {"sidecars": [{"name": "log", "image": "log:1"}]},
    {"sidecars": [{"name": "job", "image": "job:1", "restartPolicy": "OnFailure"}]},
    {"sidecars": [{"name": "raw", "image": "r:1", "securityContext": {"runAsNonRoot": True}}]},
    {"initContainers": [{"name": "prepare", "image": "p:1", "command": ["prepare"]}]},
    {"initContainers": [{"name": "proxy", "image": "p:1", "restartPolicy": "Always"}]},
    {"initContainers": [{"name": "first", "image": "p:1", "env": [{"name": "A", "value": "1"}]}]},
    _volume("cache", {"emptyDir": {"sizeLimit": "1Gi", "medium": "Memory"}}),
    _volume("tmp", {"emptyDir": {}}),
    _volume("config", {"configMap": {"name": "a", "items": [{"key": "b", "path": "c"}]}}),
    _volume("keys", {"secret": {"secretName": "a", "defaultMode": 0o400}}, readOnly=True),
    _volume("mixed", {"projected": {"sources": [{"configMap": {"name": "a"}}]}}),
    _volume("shared", {"persistentVolumeClaim": {"claimName": "a"}}, subPath="b"),
    _volume("own", {"ephemeral": {"volumeClaimTemplate": {"spec": _CLAIM}}}),
    _claim("data"),
    _claim("fast", storageClassName="fast", volumeMode="Filesystem"),
    {"volumeRetention": {"whenDeleted": "Delete", "whenScaled": "Delete"}, **_claim("gone")},
    {"volumeRetention": {"whenScaled": "Retain"}},
    {"service": {"type": "ClusterIP", "sessionAffinity": "ClientIP"}},
    {"service": {"type": "LoadBalancer", "annotations": {"example.com/lb": "internal"}}},
    {"service": {"type": "Headless"}},
    {"updateStrategy": {"type": "OnDelete"}},
    {"updateStrategy": {"rollingUpdate": {"partition": 1}}},
    {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "50%"}}},
    {"minReadySeconds": 10, "restartedAt": "2026-11-23T12:00:00Z"},
    {"disruptionBudget": {"minAvailable": 1}},
    {"disruptionBudget": {"maxUnavailable": "30%"}},
    {"nodeSelector": {"kubernetes.io/arch": "amd64"}, "runtimeClassName": "gvisor"},
    {"tolerations": [{"key": "a", "operator": "Exists", "effect": "NoSchedule"}]},
    {"tolerations": [{"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 30}]},
    {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [_PODS]}}},
    {
        "affinity": {
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [_TERM]},
                "preferredDuringSchedulingIgnoredDuringExecution": [
                    {"weight": 1, "preference": _TERM}
                ],
            }
        }
    },
    {
        "topologySpreadConstraints": [
            {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}
        ]
    },
    {"priorityClassName": "high"},
    {"hostAliases": [{"ip": "10.0.0.1", "hostnames": ["a", "b"]}], "dnsPolicy": "Default"},
    {"dnsPolicy": "None", "dnsConfig": {"nameservers": ["10.0.0.1"], "searches": ["a"]}},
    {"dnsConfig": {"options": [{"name": "ndots", "value": "2"}, {"name": "edns0"}]}},
    {"labels": {"team": "a", "example.com/x": ""}, "annotations": {"note": "ü\n", "B/c": ""}},
    {"permissionProfile": {"builtin": "none"}, "isolateNetwork": True},
    {"permissionProfile": {"builtin": "network"}, "isolateNetwork": False},
    {"verification": {"mode": "Off"}},
    {
        "verification": {
            "interval": "90s",
            "timeout": "3s",
            "headersFrom": [{"secretRef": {"name": "a"}}],
            "expectTools": f"sha256:{'0' * 64}",
        }
    },
    {
        "permissionProfile": {
            "read": ["configmap://a:/x"],
            "write": ["emptydir://:/y", "volume://a:/z"],
            "network": {
                "outbound": {"allowHost": [".example.com", "192.0.2.1"], "allowPort": [443]},
                "inbound": {"allowHost": ["10.0.0.0/8", "front"]},
            },
            "securityOpt": ["seccomp=runtime/default"],
        },
        "isolateNetwork": True,
    },
    {
        "permissionProfile": {
            "network": {"mode": "bridge", "outbound": {"insecureAllowAll": True}},
            "capAdd": ["NET_BIND_SERVICE"],
        }
    },
    {"serviceAccountName": "weather", "automountServiceAccountToken": True},
    _patch(
        ("add", "/spec/shareProcessNamespace", True), ("test", "/spec/enableServiceLinks", False)
    ),
    _patch(("test", "/spec/containers/0/name", "mcp"), ("add", "/spec/hostname", "a")),
    _patch(("add", "/spec/containers/0/env/-", {"name": "REGION", "value": "eu"})),
    _patch(("add", "/spec/containers/-", {"name": "more", "image": "m:1"})),
    _patch(("replace", "/spec/containers/0/image", "other:1")),
    _patch(("replace", "/spec/securityContext", None)),
    _patch(("remove", "/spec/containers/0/resources"), ("remove", "/spec/enableServiceLinks")),
    _patch(("copy", "/metadata/annotations/copy", "/spec/containers/0/image")),
    _patch(
        ("add", "/metadata/annotations/x", "y"),
        ("move", "/metadata/labels/x", "/metadata/annotations/x"),
    ),
    _patch(("add", "/metadata/annotations/a~1b", "~"), ("add", "/metadata/labels/x", "y")),
)

#: What the operator or the API server refuses, each for another reason.
REFUSED: tuple[Spec, ...] = (
    {"permissionProfile": {"privileged": True}},
    {"permissionProfile": {"read": ["/etc:/host"]}},
    {"permissionProfile": {"builtin": "none", "name": "a"}},
    {"securityContext": {"privileged": True}},
    {"podSecurityContext": {"seccompProfile": {"type": "Unconfined"}}},
    _volume("node", {"hostPath": {"path": "/"}}),
    {"priorityClassName": "system-node-critical"},
    _patch(("add", "/spec/shareProcessNamespace", True), ("test", "/spec/hostNetwork")),
    _patch(("move", "/metadata/annotations/a~1b", "/spec/containers/0/name")),
    _patch(("add", "/spec/hostPID", True)),
    _patch(("add", "/spec/noSuchField", {"a": [None]})),
    _patch(("replace", "/spec/containers", "none")),
    _patch(("remove", "/spec/containers/7")),
)


def combine(traits: list[Spec]) -> Spec:
    """One spec of all *traits*; of entries with one name, the last counts."""
    spec: Spec = {}
    for trait in traits:
        for field, value in trait.items():
            is_list = isinstance(value, list) and isinstance(value[0], dict)
            spec[field] = _join(spec.get(field, []), value) if is_list else value
    return spec


def _join(entries: list[Spec], more: list[Spec]) -> list[Spec]:
    """Both lists; where entries have names, each name once."""
    names = [_name_of(entry) for entry in more]
    return [one for one in entries if (_name_of(one) or "-") not in names] + more


def _name_of(entry: Spec) -> str | None:
    return (entry.get("metadata") or entry).get("name")
