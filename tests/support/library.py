"""The page about the library: its code blocks, and the rights that it names."""

import json
import re
from pathlib import Path
from typing import Any

import yaml

from tests.support.cluster import ROOT, Cluster
from tests.support.manifests import make_object
from tests.support.namespace import Namespace
from tests.support.process import write_kubeconfig

PAGE = ROOT / "docs" / "library.md"
ACCOUNT = "library"


def read_blocks(language: str) -> list[tuple[int, str]]:
    """The code blocks of the page in one language, each with the line that it begins on."""
    text = PAGE.read_text()
    found = re.finditer(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [(text.count("\n", 0, match.start(1)), match[1]) for match in found]


async def give_rights(namespace: Namespace, cluster: Cluster, folder: Path) -> Path:
    """A kubeconfig of an account that has the page's Role; its namespace is the test's."""
    ((_, role),) = read_blocks("yaml")
    await namespace.create(make_object("ServiceAccount", ACCOUNT))
    await namespace.create(yaml.safe_load(role))
    await namespace.create(
        make_object(
            "RoleBinding",
            ACCOUNT,
            roleRef={
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "Role",
                "name": yaml.safe_load(role)["metadata"]["name"],
            },
            subjects=[{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": namespace.name}],
        )
    )
    path = write_kubeconfig(cluster, folder / "kubeconfig", namespace.name, ACCOUNT)
    config: dict[str, Any] = json.loads(path.read_text())
    for context in config["contexts"]:
        context["context"]["namespace"] = namespace.name
    path.write_text(json.dumps(config))
    return path
