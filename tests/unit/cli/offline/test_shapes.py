"""What `template -f` takes and refuses, shape by shape: the same as the API server."""

import json

import pytest

from mcpworkload.cli.codes import ExitCode
from tests.support.commands import CommandHarness
from tests.support.manifest_shapes import shapes

SHAPES = shapes()


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_has_the_verdict_of_the_api_server(name: str) -> None:
    """Taken with a template, or refused with words and the exit code of a refusal."""
    text, taken = SHAPES[name]

    result = CommandHarness().run("template", "-f", "-", "--before", "-o", "json", stdin=text)

    assert result.exit_code == (ExitCode.OK if taken else ExitCode.USAGE), (text, result.output)
    if taken:
        assert json.loads(result.stdout)
    else:
        assert result.stderr.startswith("error: ")
