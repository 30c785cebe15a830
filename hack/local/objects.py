"""The objects that the API must hold before pods can resolve names and claim volumes."""

from hack.local.settings import DNS_PORT, DNS_SERVICE_ADDRESS, NODE_ADDRESS
from hack.local.volumes import PROVISIONER


def build_objects() -> list[dict[str, object]]:
    """Return the Service of our DNS and the default StorageClass, as manifests."""
    port_names = (("dns", "UDP"), ("dns-tcp", "TCP"))
    name: dict[str, object] = {"name": "kube-dns", "namespace": "kube-system"}
    service: dict[str, object] = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": name,
        "spec": {
            "clusterIP": DNS_SERVICE_ADDRESS,
            "ports": [{"name": n, "port": 53, "protocol": p} for n, p in port_names],
        },
    }
    endpoints: dict[str, object] = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {**name, "labels": {"kubernetes.io/service-name": "kube-dns"}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [NODE_ADDRESS], "conditions": {"ready": True}}],
        "ports": [{"name": n, "port": DNS_PORT, "protocol": p} for n, p in port_names],
    }
    storage_class: dict[str, object] = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": "local",
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": PROVISIONER,
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "WaitForFirstConsumer",
        "allowVolumeExpansion": True,
    }
    return [service, endpoints, storage_class]
