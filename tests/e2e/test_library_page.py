"""docs/library.md is a program: it is run here, with the rights that it names itself."""

import ast
import inspect
import types
from pathlib import Path
from typing import Any

import pytest

from tests.support.cluster import Cluster
from tests.support.library import PAGE, give_rights, read_blocks
from tests.support.namespace import Namespace


async def run_block(line: int, source: str, scope: dict[str, Any]) -> None:
    """Execute one block; an error names the line of the page."""
    tree = ast.parse(source, str(PAGE))
    ast.increment_lineno(tree, line)
    code = compile(tree, str(PAGE), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    running = types.FunctionType(code, scope)()
    if inspect.iscoroutine(running):
        await running


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_the_page_runs_as_it_stands(
    namespace: Namespace, cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every example, in order, in one program."""
    kubeconfig = await give_rights(namespace, cluster, tmp_path)
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    blocks, scope = read_blocks("python"), {"__name__": "__main__"}
    assert len(blocks) > 8

    for line, source in blocks:
        await run_block(line, source, scope)
