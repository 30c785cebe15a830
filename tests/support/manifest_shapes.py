"""
Manifests as users write them by mistake, or as YAML lets them: what the API server says of each.

`mcpworkload template -f` has to say the same. The verdicts here stand in for an API server in the
unit tests; an integration test holds them against a real one, and generated mutations as well.
"""

from typing import Final

NAME: Final = "NAME"
HTTP = "transport: {type: streamable-http}"

#: Lines of a spec, below the image, and whether the API server takes them.
SPECS: Final[dict[str, bool]] = {
    # Names of fields that are none.
    f"{HTTP}\nrepicas: 2": False,
    "transport: {type: sse, prot: 1}": False,
    "transport: {type: stdio, stdio: {maxsessions: 2}}": False,
    f"{HTTP}\nprobes: {{livenes: {{}}}}": False,
    f"{HTTP}\nservice: {{sesionAffinity: None}}": False,
    f"{HTTP}\nupdateStrategy: {{rollingUpdate: {{maxSurge: 1}}}}": False,
    f"{HTTP}\npodSecurityContext: {{readOnlyRootFilesystem: true}}": False,
    f"{HTTP}\nsecurityContext: {{readOnlyRootFileSystem: true}}": False,
    f"{HTTP}\nsecurityContext: {{runAsuser: 1000}}": False,
    f"{HTTP}\nenv: [{{name: A, valueFrom: {{secretKeyReff: {{name: a, key: b}}}}}}]": False,
    f"{HTTP}\nenvFrom: [{{configMapRefs: {{name: a}}}}]": False,
    f"{HTTP}\nprobes: {{liveness: {{httpget: {{port: 80}}}}}}": False,
    f"{HTTP}\nsidecars: [{{name: a, image: b, enviroment: []}}]": False,
    f"{HTTP}\naffinity: {{nodeAffinty: {{}}}}": False,
    f"{HTTP}\ntolerations: [{{keys: a}}]": False,
    f"{HTTP}\nvolumes: [{{name: a, configmap: {{name: b}}}}]": False,
    f"{HTTP}\nvolumes: [{{name: a, emptyDir: {{}}}}]\n"
    "volumeMounts: [{name: a, mountPath: /a, readonly: true}]": False,
    # Types and missing parts of Kubernetes' own.
    f"{HTTP}\npodSecurityContext: {{runAsUser: '1000'}}": False,
    f"{HTTP}\npodSecurityContext: {{runAsUser: 1000}}": True,
    f"{HTTP}\nsecurityContext: {{capabilities: {{drop: ALL}}}}": False,
    f"{HTTP}\nsecurityContext: {{capabilities: {{drop: [ALL]}}}}": True,
    f"{HTTP}\nenv: [{{name: A, value: 1}}]": False,
    f"{HTTP}\nenv: [{{name: A, value: true}}]": False,
    f"{HTTP}\nenv: [{{name: A, value: '1'}}, {{name: A, value: '2'}}]": False,
    f"{HTTP}\nenv: [{{value: a}}]": False,
    f"{HTTP}\nenv: [{{name: A, valueFrom: {{secretKeyRef: "
    "{name: a, key: b, optional: 'true'}}}]": False,
    f"{HTTP}\nvolumes: [{{name: a, emptyDir: {{}}}}]\nvolumeMounts: [{{name: a}}]": False,
    f"{HTTP}\nvolumes: [{{name: a, emptyDir: {{sizeLimit: a lot}}}}]": False,
    f"{HTTP}\nprobes: {{readiness: {{httpGet: {{path: /}}}}}}": False,
    f"{HTTP}\nprobes: {{readiness: {{periodSeconds: '5'}}}}": False,
    f"{HTTP}\nprobes: {{readiness: {{periodSeconds: 5}}}}": True,
    f"{HTTP}\nsidecars: [{{name: a, image: b, command: sleep 5}}]": False,
    f"{HTTP}\nsidecars: [{{image: b}}]": False,
    f"{HTTP}\nsidecars: [{{name: a, image: b, ports: [{{name: x}}]}}]": False,
    f"{HTTP}\nsidecars: [{{name: a, image: b}}, {{name: a, image: b}}]": False,
    f"{HTTP}\nsidecars: [{{name: a, image: b, ports: [{{containerPort: 1}}, "
    "{containerPort: 1}]}]": False,
    f"{HTTP}\nresources: {{limits: {{memory: 1 GB}}}}": False,
    f"{HTTP}\nresources: {{limits: {{memory: 1Gi, cpu: 2}}}}": True,
    f"{HTTP}\nresources: {{limits: {{cpu: 1.5}}}}": False,
    f"{HTTP}\nresources: {{limits: {{cpu: true}}}}": False,
    f"{HTTP}\ntolerations: [{{key: a, tolerationSeconds: 5m}}]": False,
    f"{HTTP}\naffinity: {{podAntiAffinity: {{requiredDuringSchedulingIgnoredDuringExecution: "
    "[{labelSelector: {}}]}}": False,
    f"{HTTP}\ntopologySpreadConstraints: [{{topologyKey: a, whenUnsatisfiable: DoNotSchedule}}]": (
        False
    ),
    f"{HTTP}\nhostAliases: [{{hostnames: [a]}}]": False,
    f"{HTTP}\ndnsConfig: {{options: ndots}}": False,
    f"{HTTP}\nlifecycle: {{preStop: {{exec: {{command: sleep 5}}}}}}": False,
    f"{HTTP}\nnodeSelector: {{a: 1}}": False,
    # Types, bounds, choices and rules of the workload's own.
    "transport: {type: http}": False,
    "transport: {type: sse, port: 0}": False,
    "transport: {type: sse, port: '80'}": False,
    "transport: {type: sse, path: mcp}": False,
    "transport: {}": False,
    f"{HTTP}\nreplicas: -1": False,
    f"{HTTP}\nreplicas: 4294967296": False,
    f"{HTTP}\nreplicas: true": False,
    f"{HTTP}\nports: [{{name: web, port: 8080}}]": False,
    f"{HTTP}\nports: [{{name: web, port: 9090}}, {{name: web, port: 9091}}]": False,
    f"{HTTP}\nlabels: {{mcpworkload.dev/x: a}}": False,
    f"{HTTP}\nrestartedAt: now": False,
    f"{HTTP}\nrestartedAt: 2026-01-31T12:00:00Z": True,
    f"{HTTP}\nrestartedAt: 2026-02-31T12:00:00Z": False,
    f"{HTTP}\nrestartedAt: '2026-01-31 12:00:00'": False,
    f"{HTTP}\noperatingMode: stopped": False,
    f"{HTTP}\npodTemplatePatch: [{{op: add, path: /a, value: null}}]": True,
    f"{HTTP}\npodTemplatePatch: [{{op: add, path: /a, value: {{b: 1.5}}}}]": True,
    f"{HTTP}\npodTemplatePatch: [{{op: put, path: /a}}]": False,
    # How YAML is read.
    f"{HTTP}\nvolumes: [{{name: a, configMap: {{name: b, defaultMode: 0o400}}}}]": True,
    f"{HTTP}\nvolumes: [{{name: a, configMap: {{name: b, defaultMode: 0400}}}}]": True,
    f"{HTTP}\nvolumes: [{{name: a, configMap: {{name: b, defaultMode: '0400'}}}}]": False,
    f"{HTTP}\nenv: [{{name: A, value: 12:30:00}}]": True,
    f"{HTTP}\nenv: [{{name: A, value: 2026-01-01}}]": True,
    f"{HTTP}\nenv: [{{name: A, value: 2026-01-01T12:00:00Z}}]": True,
    f"{HTTP}\nenv: [{{name: A, value: 1e3}}]": False,
    f"{HTTP}\nenv: [{{name: A, value: 1_000}}]": False,
    f"{HTTP}\nenv: [{{name: A, value: 0x1F}}]": False,
    f"{HTTP}\nenv: [{{name: A, value: 089}}]": False,
    f"{HTTP}\nenv: [{{name: A, value: y}}]": False,
    f"{HTTP}\nenv: [{{name: A, value: Off}}]": False,
    f"{HTTP}\nenv: [{{name: A, value: .5}}]": False,
    f"{HTTP}\nenv: [{{name: A, value: 1.2.3}}]": True,
    f"{HTTP}\nenv: [{{name: A, value: .inf}}]": False,
    f"{HTTP}\nenv: [{{name: A, value: !!str 5}}]": True,
    f"{HTTP}\nenv: [{{name: A, value: ! 5}}]": True,
    f"{HTTP}\nenv: [{{name: y, value: a}}]": False,
    f"{HTTP}\nreplicas: 2.0": True,
    f"{HTTP}\nreplicas: 2e0": True,
    f"{HTTP}\nreplicas: 0b10": True,
    f"{HTTP}\nreplicas: +2": True,
    f"{HTTP}\nreplicas: 2.5": False,
    f"{HTTP}\nreplicas: 1_0": True,
    f"{HTTP}\nreplicas: !!int '2'": True,
    f"{HTTP}\nstdin: yes": True,
    f"{HTTP}\nstdin: on": True,
    f"{HTTP}\nstdin: 'yes'": False,
    f"{HTTP}\nstdin: 1": False,
    f"{HTTP}\nargs: [a, 1]": False,
    f"{HTTP}\nargs: [a, null]": False,
    f"{HTTP}\nargs: &x [a]\ncommand: *x": True,
    f"{HTTP}\nargs: *x": False,
    f"{HTTP}\nresources: {{limits: &x {{memory: 1Gi}}, requests: {{<<: *x, cpu: 1}}}}": True,
    f"{HTTP}\nreplicas: 1\nreplicas: 2": True,
    f"{HTTP}\nargs: [a": False,
    f"{HTTP}\n\targs: [a]": False,
    # Nothing behind a colon, as charts render it.
    f"{HTTP}\nenv:": True,
    f"{HTTP}\nenv: ~": True,
    f"{HTTP}\nreplicas:": True,
    f"{HTTP}\noperatingMode: null": True,
    f"{HTTP}\nresources: {{limits: null}}": True,
    f"{HTTP}\nnodeSelector: {{a: null}}": True,
    f"{HTTP}\nenv: [null]": False,
    f"{HTTP}\nsecurityContext: {{runAsNonRoot: null}}": True,
    f"{HTTP}\nprobes: {{liveness: null}}": True,
    "transport: {type: sse, port: null}": True,
    "transport: {type: null}": False,
    "transport:": False,
}

_SPEC = "spec: {image: weather:1, transport: {type: sse}}"
_HEAD = "apiVersion: mcpworkload.dev/v1alpha1\nkind: MCPWorkload"
#: Whole files, with NAME for the name; for names that are wrong there is none in the answer.
FILES: Final[dict[str, bool]] = {
    f"{_HEAD}\nmetadata: {{name: NAME}}\n{_SPEC}": True,
    f"apiVersion: mcpworkload.dev/v1\nkind: MCPWorkload\nmetadata: {{name: NAME}}\n{_SPEC}": False,
    f"kind: MCPWorkload\nmetadata: {{name: NAME}}\n{_SPEC}": False,
    f"{_HEAD}\nmetadata: {{name: NAME}}": False,
    f"{_HEAD}\nmetadata: {{name: NAME}}\nspec: null": False,
    f"{_HEAD}\nmetadata: {{name: NAME}}\nspec: [a]": False,
    f"{_HEAD}\nmetadata: {{name: NAME}}\nspek: {{}}\n{_SPEC}": False,
    f"{_HEAD}\nmetadata: {{name: NAME}}\nstatus: {{foo: 1}}\n{_SPEC}": False,
    f"{_HEAD}\nmetadata: {{name: NAME}}\nstatus: {{replicas: 1}}\n{_SPEC}": True,
    f"{_HEAD}\nmetadata: {{name: NAME, label: {{a: b}}}}\n{_SPEC}": False,
    f"{_HEAD}\nmetadata: {{name: NAME, labels: {{a: 1}}}}\n{_SPEC}": False,
    f"{_HEAD}\nmetadata: {{name: NAME, labels: {{a: b c}}}}\n{_SPEC}": False,
    f"{_HEAD}\nmetadata: {{name: NAME, labels: {{a/b/c: d}}}}\n{_SPEC}": False,
    f"{_HEAD}\nmetadata: {{name: NAME, labels: null}}\n{_SPEC}": True,
    f"{_HEAD}\nmetadata: {{name: NAME, labels: {{a: null}}}}\n{_SPEC}": True,
    f"{_HEAD}\nmetadata: {{name: NAME, labels: [a]}}\n{_SPEC}": False,
    f"{_HEAD}\nmetadata: {{name: NAME, annotations: {{a b: c}}}}\n{_SPEC}": False,
    f"{_HEAD}\nmetadata: {{name: NAME, annotations: {{a: true}}}}\n{_SPEC}": False,
    f"{_HEAD}\nmetadata: {{name: NAME, annotations: {{on: 'x'}}}}\n{_SPEC}": True,
    f"{_HEAD}\nmetadata: {{name: NAME, finalizers: [a b]}}\n{_SPEC}": False,
    f"{_HEAD}\nmetadata: {{name: NAME, generation: '1'}}\n{_SPEC}": False,
    f"{_HEAD}\nmetadata: {{name: NAME, ownerReferences: [{{name: a}}]}}\n{_SPEC}": False,
    f"{_HEAD}\nmetadata: {{generateName: NAME-}}\n{_SPEC}": False,
    f"{_HEAD}\nmetadata: {{name: 5}}\n{_SPEC}": False,
    f"{_HEAD}\nmetadata: {{name: NAME-mcpw-x_y}}\n{_SPEC}": False,
    f"# first\n---\n\n--- # then\n{_HEAD}\nmetadata: {{name: NAME}}\n{_SPEC}\n---\n": True,
    f"--- {{a: b}}\n{_HEAD}\nmetadata: {{name: NAME}}\n{_SPEC}": False,
    '{"apiVersion": "mcpworkload.dev/v1alpha1", "kind": "MCPWorkload", "metadata": {"name": '
    '"NAME"}, "spec": {"image": "a", "replicas": 2.0, "transport": {"type": "sse"}}}': True,
    '{"apiVersion": "mcpworkload.dev/v1alpha1", "kind": "MCPWorkload", "metadata": {"name": '
    '"NAME"}, "spec": {"image": "a", "replicas": 2e0, "transport": {"type": "sse"}}}': True,
    '{"apiVersion": "mcpworkload.dev/v1alpha1", "kind": "MCPWorkload", "metadata": {"name": '
    '"NAME"}, "spec": {"image": "a", "transport": {"type": "sse"},}}': False,
    '{"apiVersion": "mcpworkload.dev/v1alpha1", "kind": "MCPWorkload", "metadata": {"name": '
    '"NAME"}, "spec": {"image": "a", "restartedAt": "now", "transport": {"type": "sse"}}}': False,
    "{apiVersion: mcpworkload.dev/v1alpha1, kind: MCPWorkload, metadata: {name: NAME}, "
    f"{_SPEC}}}": False,
    "apiVersion: v1\nkind: List\nitems:\n- apiVersion: mcpworkload.dev/v1alpha1\n"
    f"  kind: MCPWorkload\n  metadata: {{name: NAME}}\n  {_SPEC}": True,
    "apiVersion: mcpworkload.dev/v1alpha1\nkind: MCPWorkloadList\nitems:\n"
    f"- metadata: {{name: NAME}}\n  {_SPEC}": True,
}


def manifest(spec: str, name: str) -> str:
    """A file with those lines as its spec."""
    lines = "\n".join(f"  {line}" for line in spec.splitlines())
    return f"{_HEAD}\nmetadata: {{name: {name}}}\nspec:\n  image: weather:1\n{lines}\n"


def shapes() -> dict[str, tuple[str, bool]]:
    """Every shape as a file, by the name of its workload, with what the API server says."""
    found = {
        f"shape-{number}": (manifest(spec, f"shape-{number}"), taken)
        for number, (spec, taken) in enumerate(SPECS.items())
    }
    for number, (text, taken) in enumerate(FILES.items()):
        found[f"file-{number}"] = (text.replace(NAME, f"file-{number}"), taken)
    return found
