"""Read lists page by page."""

from collections.abc import AsyncIterator, Mapping

import msgspec

from mcpworkload.kube.client import Api
from mcpworkload.kube.errors import Unavailable
from mcpworkload.kube.kind import Kind
from mcpworkload.kube.objects import LiveT, Page

# Of several kinds a page each is in memory at the same time, ten times its size once decoded.
PAGE_SIZE = 200
# What to accept where nothing but metadata is of interest: of a list, and of one object or a watch.
PARTIAL_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
PARTIAL_OBJECT = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"


async def read_pages(
    api: Api,
    kind: Kind[LiveT],
    namespace: str | None,
    *,
    selector: Mapping[str, str] | None = None,
    accept: str = "application/json",
) -> AsyncIterator[Page[LiveT]]:
    """
    Yield every page of a list; the last one carries the resource version to watch from.

    Raises:
        ApiError: `Gone` when the list grew too old between two pages; `Unavailable` when a page
            is no whole JSON.
        msgspec.ValidationError: a page is JSON of another shape.
    """
    decoder = msgspec.json.Decoder(Page[kind.live])  # type: ignore[name-defined]
    params = {"limit": str(PAGE_SIZE), **(selector or {})}
    while True:
        content = await api.request("GET", kind.path(namespace), params=params, accept=accept)
        page = _decode(decoder, content, kind.plural)
        yield page
        if not page.metadata.continue_:
            return
        params["continue"] = page.metadata.continue_


def _decode(decoder: "msgspec.json.Decoder[Page[LiveT]]", content: bytes, what: str) -> Page[LiveT]:
    try:
        return decoder.decode(content)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError as error:
        # A proxy may have cut it off; the next answer is another one.
        raise Unavailable(f"the list of {what} cannot be read: {error}") from error
