"""Every field of a spec that may name another object is known to kustomize, or decided against."""

import re

from hack.crdgen.kustomize import is_image, kind_named_by, leaves

# What a field of such a name means otherwise: a name inside of the spec, of a host, of a driver.
_ITS_OWN = re.compile(
    r"(env|envFrom|ports|volumes|volumeMounts|volumeDevices|sidecars|initContainers|httpHeaders"
    r"|options|claims|metadata|sysctls|dataSource|dataSourceRef)/name$"
    r"|(containerName|gmsaCredentialSpecName|runAsUserName|volumeName|diskName|shareName|signerName"
    r"|pdName|datasetName|initiatorName|resourceName|storagePolicyName|headlessAlias"
    r"|volumeAttributesClassName|permissionProfile/name)$"
)


def test_every_name_is_decided_upon() -> None:
    """A field that a newer Kubernetes brings fails here until somebody has looked at it."""
    suspicious = [
        path
        for path in leaves()
        if re.search(r"([nN]ame|Alias)$", path[-1]) and not kind_named_by(path)
    ]

    assert [path for path in suspicious if not _ITS_OWN.search("/".join(path))] == []


def test_names_and_images_are_distinguished() -> None:
    """Of the many fields of that name, the right ones."""
    paths = {"/".join(path): path for path in leaves()}

    assert {path for path, steps in paths.items() if is_image(steps)} == {
        "spec/image",
        "spec/sidecars/image",
        "spec/initContainers/image",
        "spec/volumes/image/reference",
    }
    assert kind_named_by(paths["spec/volumes/secret/secretName"]) == "Secret"
    assert kind_named_by(paths["spec/sidecars/env/valueFrom/secretKeyRef/name"]) == "Secret"
    assert kind_named_by(paths["spec/sidecars/env/name"]) is None
    assert kind_named_by(paths["spec/volumes/name"]) is None
