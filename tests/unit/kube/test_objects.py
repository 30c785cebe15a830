"""What the API server sends, decoded."""

import msgspec
import pytest

from mcpworkload.kube.objects import Page, Partial


@pytest.mark.parametrize("items", ["", ',"items":null', ',"items":[]'])
def test_a_page_on_which_nothing_is(items: str) -> None:
    """A list of metadata alone, of which there is none, has null where others have []."""
    content = f'{{"metadata":{{"resourceVersion":"7"}}{items}}}'

    assert msgspec.json.decode(content, type=Page[Partial]).items == []
