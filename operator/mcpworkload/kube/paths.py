"""The paths of the API server's resources."""

from urllib.parse import quote

CORE_ROOT = "/api/v1"
APPS_ROOT = "/apis/apps/v1"


def resource_path(
    root: str, plural: str, namespace: str | None = "", name: str | None = "", subresource: str = ""
) -> str:
    """
    Return the path of one object, of a namespace's collection, or of the cluster's.

    *root* is that of the API group and version, such as `/apis/apps/v1`.
    """
    scope = f"/namespaces/{quote(namespace, safe='')}" if namespace else ""
    tail = f"/{quote(name, safe='')}" if name else ""
    below = f"/{subresource}" if subresource else ""
    return f"{root}{scope}/{plural}{tail}{below}"


def core_path(resource: str, namespace: str = "", name: str = "", subresource: str = "") -> str:
    """Return the path of a resource in core/v1: pods, persistentvolumeclaims, pods/NAME/log."""
    return resource_path(CORE_ROOT, resource, namespace, name, subresource)


def apps_path(resource: str, namespace: str = "", name: str = "") -> str:
    """Return the path of a resource in apps/v1."""
    return resource_path(APPS_ROOT, resource, namespace, name)
