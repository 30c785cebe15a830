"""What the workloads of a namespace should be, as their author knows it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tests.support.kinds import Manifest, api_version

IMAGES = ("registry.example/server:1", "registry.example/server:2")


@dataclass(frozen=True)
class Wanted:
    """One workload, and what was done to its containers."""

    image: str = IMAGES[0]
    replicas: int = 1
    is_stopped: bool = False
    #: How many containers have ended without being asked to.
    crashes: int = 0

    @property
    def pods(self) -> int:
        """How many pods there should be."""
        return 0 if self.is_stopped else self.replicas

    def manifest(self, name: str, namespace: str) -> Manifest:
        """The workload as its author applies it."""
        return {
            "apiVersion": api_version("MCPWorkload"),
            "kind": "MCPWorkload",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"transport": {"type": "streamable-http"}, **self.spec()},
        }

    def spec(self) -> dict[str, Any]:
        """The fields of the spec that change."""
        mode = "Stopped" if self.is_stopped else "Running"
        return {"image": self.image, "replicas": self.replicas, "operatingMode": mode}

    def with_next_image(self) -> "Wanted":
        """The workload after an update of its image."""
        return replace(self, image=IMAGES[1 - IMAGES.index(self.image)])

    def with_replicas(self, replicas: int) -> "Wanted":
        """The workload after it was scaled."""
        return replace(self, replicas=replicas)

    def switched(self) -> "Wanted":
        """The workload after it was stopped, or started again."""
        return replace(self, is_stopped=not self.is_stopped)

    def crashed(self) -> "Wanted":
        """The workload after one of its containers has ended."""
        return replace(self, crashes=self.crashes + 1)


Model = Mapping[str, Wanted]
