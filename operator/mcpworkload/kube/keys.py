"""Keys of objects: namespace and name in one text, as queues, caches and logs have them."""


def object_key(namespace: str, name: str) -> str:
    """The key ``namespace/name``."""
    return f"{namespace}/{name}"


def split_key(key: str) -> tuple[str, str]:
    """Namespace and name of a key made by `object_key`."""
    namespace, _, name = key.partition("/")
    return namespace, name
