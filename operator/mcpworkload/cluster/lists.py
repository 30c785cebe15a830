"""Lists, page by page."""

from collections.abc import AsyncIterator, Mapping

import msgspec

from mcpworkload.cluster.api import Api
from mcpworkload.cluster.kinds import Kind
from mcpworkload.live import LiveT, Page

PAGE_SIZE = 500
METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


async def read_pages(
    api: Api,
    kind: Kind[LiveT],
    namespace: str | None,
    *,
    selector: Mapping[str, str] | None = None,
    accept: str = "application/json",
) -> AsyncIterator[Page[LiveT]]:
    """
    Every page of a list; the last one carries the resource version to watch from.

    Raises:
        ApiError: `Gone` when the list grew too old between two pages.
    """
    decoder = msgspec.json.Decoder(Page[kind.live])  # type: ignore[name-defined]
    params = {"limit": str(PAGE_SIZE), **(selector or {})}
    while True:
        content = await api.request("GET", kind.path(namespace), params=params, accept=accept)
        page: Page[LiveT] = decoder.decode(content)
        yield page
        if not page.metadata.continue_:
            return
        params["continue"] = page.metadata.continue_
