"""What the benchmark knows of a program that reconciles workloads: a TOML file."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

CONTENDERS = Path(__file__).parent / "contenders"


@dataclass(frozen=True)
class Resource:
    """A resource of the API, such as `apis/apps/v1` and `statefulsets`."""

    group: str
    plural: str

    @property
    def path(self) -> str:
        """The path of all its objects."""
        return f"/{self.group}/{self.plural}"

    def path_in(self, namespace: str, name: str = "") -> str:
        """Return the path of a namespace's objects, or of the one with that name."""
        path = f"/{self.group}/namespaces/{namespace}/{self.plural}"
        return f"{path}/{name}" if name else path


@dataclass(frozen=True)
class ChildOf:
    """A child that every workload is expected to get; `{name}` in *name* is the workload's."""

    resource: Resource
    name: str = "{name}"
    #: Whether it runs pods: its readiness is awaited, and its image has to be the workload's.
    runs_pods: bool = False

    def workload_of(self, name: str) -> str:
        """Return the name of the workload whose child is called *name*."""
        before, _, after = self.name.partition("{name}")
        return name.removeprefix(before).removesuffix(after)

    def name_for(self, workload: str) -> str:
        """Return the child's name."""
        return self.name.replace("{name}", workload)


@dataclass(frozen=True)
class Contender:
    """A program to measure: how it is started, and what it makes of which objects."""

    name: str
    #: Its command line; `{python}`, `{kubeconfig}`, `{here}`, `{resource}` and `{children}` are
    #: filled in.
    command: tuple[str, ...]
    namespace: str
    account: str
    #: The workload's manifest, with `{name}` and `{image}`.
    workload: str
    resource: Resource
    #: Where in the workload the image is.
    image_path: tuple[str, ...]
    children: tuple[ChildOf, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    #: What its log shows once it works; empty: nothing is awaited.
    log_words: str = ""
    #: The condition that is True once the workload can be used; empty: it reports none.
    ready_condition: str = ""
    #: Whether it repairs children that others changed.
    repairs: bool = True
    #: The rules of the ClusterRole that its account gets; none where the installation has it.
    rules: tuple[Mapping[str, Any], ...] = ()
    #: Files with what has to be applied before it starts, such as its CRD.
    manifests: tuple[str, ...] = ()

    @property
    def user(self) -> str:
        """Its name in the audit log."""
        return f"system:serviceaccount:{self.namespace}:{self.account}"

    @classmethod
    def read(cls, path: Path) -> Self:
        """Return the contender that the file describes; a name alone is one of CONTENDERS."""
        if not path.suffix:
            path = CONTENDERS / f"{path}.toml"
        content = tomllib.loads(path.read_text())
        workload, children = content.pop("workload"), content.pop("children")
        manifests = tuple(str(path.parent / name) for name in content.pop("manifests", ()))
        return cls(
            command=tuple(content.pop("command")),
            rules=tuple(content.pop("rules", ())),
            manifests=manifests,
            workload=workload["manifest"],
            resource=Resource(workload["group"], workload["plural"]),
            image_path=tuple(workload["image"]),
            ready_condition=workload.get("ready", ""),
            children=tuple(
                ChildOf(
                    Resource(child["group"], child["plural"]),
                    child.get("name", "{name}"),
                    child.get("runs_pods", False),
                )
                for child in children
            ),
            **content,
        )
