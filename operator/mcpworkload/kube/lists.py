"""Read lists page by page."""

from collections.abc import AsyncIterator, Mapping

import msgspec

from mcpworkload.kube.client import Api
from mcpworkload.kube.kind import Kind
from mcpworkload.kube.objects import LiveT, Page

PAGE_SIZE = 500
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
