"""What `hack.install` hands to kustomize."""

import json

from hack.install import kustomization


def test_both_images_are_put_in() -> None:
    """The operator's by kustomize's own way, the bridge's as a variable of the operator."""
    found = json.loads(kustomization("registry.example.com:5000/op:1", "bridge:2"))

    assert found["images"] == [
        {
            "name": "mcpworkload-operator",
            "newName": "registry.example.com:5000/op",
            "newTag": "1",
        }
    ]
    (patch,) = found["patches"]
    (container,) = json.loads(patch["patch"])["spec"]["template"]["spec"]["containers"]
    assert container == {
        "name": "operator",
        "env": [{"name": "MCPWORKLOAD_BRIDGE_IMAGE", "value": "bridge:2"}],
    }
