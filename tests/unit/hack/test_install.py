"""What `hack.install` hands to kustomize."""

import json
from typing import Any

from hack.install import kustomization


def test_all_images_are_put_in() -> None:
    """The operator's by kustomize's own way, the others as variables of the operator."""
    references = {"operator": "registry.example.com:5000/op:1", "bridge": "bridge:2"}

    found = json.loads(kustomization({**references, "egress": "egress:3"}))

    assert found["images"] == [
        {
            "name": "mcpworkload-operator",
            "newName": "registry.example.com:5000/op",
            "newTag": "1",
        }
    ]
    assert variables_of(found) == {
        "MCPWORKLOAD_BRIDGE_IMAGE": "bridge:2",
        "MCPWORKLOAD_EGRESS_IMAGE": "egress:3",
    }


def test_dns_servers_that_are_no_pods_are_named() -> None:
    """Those of the local cluster."""
    found = json.loads(kustomization({"operator": "op:1"}, ["10.244.0.1"]))

    assert variables_of(found)["MCPWORKLOAD_DNS_SERVERS"] == "10.244.0.1"


def test_without_an_image_its_variable_is_empty() -> None:
    """The one of deploy/base names an image that no registry has."""
    found = json.loads(kustomization({"operator": "op:1", "bridge": "bridge:2"}))

    assert variables_of(found)["MCPWORKLOAD_EGRESS_IMAGE"] == ""


def variables_of(kustomization: dict[str, Any]) -> dict[str, str]:
    """The variables that it sets in the operator's container."""
    (patch,) = kustomization["patches"]
    (container,) = json.loads(patch["patch"])["spec"]["template"]["spec"]["containers"]
    assert container["name"] == "operator"
    return {entry["name"]: entry["value"] for entry in container["env"]}
