"""Keys of objects: namespace and name in one text, as in queues, caches and logs."""


def object_key(namespace: str, name: str) -> str:
    """Return the key ``namespace/name``."""
    return f"{namespace}/{name}"


def split_key(key: str) -> tuple[str, str]:
    """Return namespace and name of a key made by `object_key`."""
    namespace, _, name = key.partition("/")
    return namespace, name
