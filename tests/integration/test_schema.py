"""The API as it is served: what `kubectl explain` can say about every field."""

from collections.abc import Iterator

from tests.support.api import Api
from tests.support.cluster import Cluster
from tests.support.kinds import Manifest

DOCUMENT = "/openapi/v3/apis/mcpworkload.dev/v1alpha1"
SCHEMA = "dev.mcpworkload.v1alpha1.MCPWorkload"


def fields_of(schema: Manifest, path: str = "") -> Iterator[tuple[str, Manifest]]:
    """Every field below *schema*, list items included, by its path."""
    for name, field in schema.get("properties", {}).items():
        below = f"{path}.{name}" if path else name
        yield below, field
        yield from fields_of(field, below)
    if "items" in schema:
        yield from fields_of(schema["items"], f"{path}[]")


async def test_every_field_has_a_sentence(api: Api) -> None:
    """Nothing of ours is served without a description that ends like a sentence."""
    document = await api.request("GET", DOCUMENT)
    served = dict(fields_of(document["components"]["schemas"][SCHEMA]))
    ours = {path: field for path, field in served.items() if not path.startswith("metadata.")}

    mute = sorted(path for path, field in ours.items() if not field.get("description", "").strip())

    assert mute == []
    unended = [
        path
        for path, field in ours.items()
        if path.startswith(("spec.", "status.")) and not field["description"].strip().endswith(".")
    ]
    assert unended == []
    assert len(ours) > 20


async def test_kubectl_explains_the_transport(cluster: Cluster) -> None:
    """What the README shows."""
    text = await cluster.kubectl("explain", "mcpworkload.spec.transport")

    words = " ".join(text.split())
    assert "How clients reach the server: the transport, its port, its path. Required." in words
    assert "The TCP port on which the server listens inside its container" in words


async def test_kubectl_explains_the_parts_taken_from_kubernetes(cluster: Cluster) -> None:
    """With their real structure, however deep."""
    text = await cluster.kubectl("explain", "mcpworkload.spec.sidecars.volumeMounts")

    lines = [line.split() for line in text.splitlines()]
    assert ["FIELD:", "volumeMounts", "<[]Object>"] in lines
    for field in (["mountPath", "<string>", "-required-"], ["readOnly", "<boolean>"]):
        assert field in lines


async def test_kubectl_knows_the_short_name_and_the_category(cluster: Cluster) -> None:
    """`kubectl get mcpw` and `kubectl get mcp` work."""
    text = await cluster.kubectl("api-resources", "--api-group=mcpworkload.dev", "--output=wide")

    (line,) = text.splitlines()[1:]
    assert line.split()[:2] == ["mcpworkloads", "mcpw"]
    assert line.split()[-1] == "mcp"
