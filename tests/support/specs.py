"""Specs that together use every field, for golden manifests and for a real API server."""

from typing import Any

PROBE = {"httpGet": {"path": "/healthz", "port": "metrics"}, "periodSeconds": 2}

SERVER: dict[str, Any] = {
    "imagePullPolicy": "Always",
    "workingDir": "/srv",
    "stdin": True,
    "ports": [
        {"name": "metrics", "port": 9090, "servicePort": 80},
        {"name": "events", "port": 9090, "protocol": "UDP"},
    ],
    "securityContext": {"capabilities": {"add": ["NET_BIND_SERVICE"]}, "runAsUser": 1001},
    "lifecycle": {"postStart": {"exec": {"command": ["true"]}}},
    "probes": {
        "startup": {"failureThreshold": 600},
        "readiness": PROBE,
        "liveness": {"periodSeconds": 30},
    },
}

POD: dict[str, Any] = {
    "labels": {"team": "sky"},
    "annotations": {"example.com/contact": "sky"},
    "initContainers": [{"name": "fetch", "image": "fetch:1", "args": ["--to=/data"]}],
    "sidecars": [
        {
            "name": "proxy",
            "image": "proxy:1",
            "ports": [{"containerPort": 3128, "protocol": "TCP"}],
            "volumeMounts": [{"name": "tmp", "mountPath": "/var/run"}],
            "securityContext": {"readOnlyRootFilesystem": True},
        },
        {"name": "logger", "image": "logger:1", "restartPolicy": "OnFailure"},
    ],
    "podSecurityContext": {"fsGroup": 2000, "supplementalGroups": [3000]},
    "automountServiceAccountToken": True,
    "serviceAccountName": "weather",
    "imagePullSecrets": [{"name": "registry"}],
    "nodeSelector": {"disk": "ssd"},
    "tolerations": [{"key": "mcp", "operator": "Exists", "effect": "NoExecute"}],
    "affinity": {
        "podAntiAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [
                {
                    "topologyKey": "kubernetes.io/hostname",
                    "labelSelector": {"matchLabels": {"team": "sky"}},
                }
            ]
        }
    },
    "topologySpreadConstraints": [
        {
            "maxSkew": 1,
            "topologyKey": "topology.kubernetes.io/zone",
            "whenUnsatisfiable": "ScheduleAnyway",
        }
    ],
    "priorityClassName": "important",
    "runtimeClassName": "gvisor",
    "hostAliases": [{"ip": "10.1.2.3", "hostnames": ["station.internal"]}],
    "dnsPolicy": "None",
    "dnsConfig": {"nameservers": ["10.0.0.10"], "options": [{"name": "ndots", "value": "2"}]},
}

STORAGE: dict[str, Any] = {
    "volumes": [
        {"name": "config", "configMap": {"name": "weather", "defaultMode": 292}},
        {"name": "cache", "emptyDir": {"sizeLimit": "1Gi"}},
    ],
    "volumeMounts": [
        {"name": "config", "mountPath": "/etc/weather", "readOnly": True},
        {"name": "cache", "mountPath": "/tmp"},
        {"name": "data", "mountPath": "/data"},
    ],
    "volumeClaimTemplates": [
        {
            "metadata": {"name": "data", "labels": {"tier": "hot"}},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": "fast",
                "resources": {"requests": {"storage": "1Gi"}},
            },
        },
        {
            "metadata": {"name": "archive"},
            "spec": {
                "accessModes": ["ReadWriteOncePod"],
                "resources": {"requests": {"storage": "10Gi"}},
            },
        },
    ],
    "volumeRetention": {"whenScaled": "Delete"},
}

ROLLOUT: dict[str, Any] = {
    "replicas": 4,
    "minReadySeconds": 5,
    "updateStrategy": {
        "type": "RollingUpdate",
        "rollingUpdate": {"partition": 1, "maxUnavailable": "50%"},
    },
    "disruptionBudget": {"maxUnavailable": 1},
    "restartedAt": "2026-03-01T12:00:00Z",
}

SERVICE: dict[str, Any] = {
    "service": {
        "type": "LoadBalancer",
        "annotations": {"example.com/internal": "true"},
        "sessionAffinity": "ClientIP",
        "headlessAlias": "mcp-weather",
    },
    "ports": [{"name": "metrics", "port": 9090, "servicePort": 80}],
}

PATCH: dict[str, Any] = {
    "podTemplatePatch": [
        {"op": "test", "path": "/spec/containers/0/name", "value": "mcp"},
        {
            "op": "add",
            "path": "/spec/containers/0/env/-",
            "value": {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
        },
        {"op": "add", "path": "/spec/shareProcessNamespace", "value": True},
        {"op": "replace", "path": "/spec/enableServiceLinks", "value": True},
        {"op": "remove", "path": "/spec/containers/0/terminationMessagePolicy"},
        {"op": "add", "path": "/metadata/annotations/example.com~1patched", "value": "yes"},
        {
            "op": "copy",
            "from": "/metadata/annotations/example.com~1patched",
            "path": "/metadata/annotations/example.com~1copied",
        },
    ]
}

PERMISSIONS: dict[str, Any] = {
    "permissionProfile": {
        "name": "weather",
        "read": ["configmap://weather:/etc/profile", "secret://key:/run/key"],
        "write": ["volume://archive:/archive", "emptydir://:/scratch"],
        "network": {
            "mode": "bridge",
            "outbound": {
                "allowHost": [".example.com", "192.0.2.0/24"],
                "allowPort": [443],
                "allowPrivateHost": ["db.example.com"],
            },
            "inbound": {"allowHost": ["10.0.0.0/8", "front/agent"]},
        },
        "capAdd": ["NET_BIND_SERVICE"],
        "capDrop": ["CHOWN"],
        "securityOpt": ["seccomp=runtime/default", "no-new-privileges"],
    },
    "isolateNetwork": True,
}

# Nothing of it is in any child.
VERIFICATION: dict[str, Any] = {
    "verification": {
        "mode": "Periodic",
        "interval": "1m",
        "timeout": "5s",
        "headersFrom": [{"secretRef": {"name": "key"}}],
        "expectTools": f"sha256:{'0' * 64}",
    }
}

EVERY_FIELD: dict[str, Any] = {
    "image": "weather:2",
    "transport": {"type": "sse", "port": 9000, "path": "/events"},
    "command": ["uvx"],
    "args": ["weather", "--units=si"],
    "env": [{"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "weather", "key": "api"}}}],
    "envFrom": [{"configMapRef": {"name": "weather"}}],
    "resources": {"limits": {"cpu": "1"}},
    "terminationGracePeriodSeconds": 4,
    "operatingMode": "Running",
    **SERVER,
    **POD,
    **STORAGE,
    **ROLLOUT,
    "service": SERVICE["service"],
    **PATCH,
    **PERMISSIONS,
}

# One spec for each of the parts, and the combinations in which they meet.
SPECS: dict[str, dict[str, Any]] = {
    "minimal": {},
    "server": SERVER,
    "pod": POD,
    "storage": STORAGE,
    "stopped": {**STORAGE, "operatingMode": "Stopped", "replicas": 3},
    "rollout": ROLLOUT,
    "service": SERVICE,
    "patch": PATCH,
    "permissions": PERMISSIONS,
    "verification": VERIFICATION,
    "every-field": EVERY_FIELD,
}
