"""The generated files: written together, and each told when it is out of date."""

from pathlib import Path

import pytest

from hack.crdgen.__main__ import GENERATED, ROOT, main

CRD = "crds/mcpworkload.yaml"


@pytest.mark.parametrize("path", GENERATED)
def test_the_committed_files_are_what_the_models_say(path: str) -> None:
    """`make crds` has been run since the models changed."""
    assert (ROOT / path).read_text(encoding="utf-8") == GENERATED[path]()


@pytest.mark.parametrize(
    ("content", "status", "hint"),
    [
        pytest.param(GENERATED[CRD](), 0, "", id="current"),
        pytest.param("old", 1, "is out of date: run make crds and commit it\n", id="stale"),
        pytest.param(None, 1, "is out of date: run make crds and commit it\n", id="absent"),
    ],
)
def test_the_check_says_what_to_do(
    content: str | None,
    status: int,
    hint: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`--check` is silent about a current file; its hint about another is one line."""
    main(["--write"], tmp_path)
    (tmp_path / CRD).unlink()
    if content is not None:
        (tmp_path / CRD).write_text(content, encoding="utf-8")

    assert main(["--check"], tmp_path) == status
    assert capsys.readouterr().err == (hint and f"crds/mcpworkload.yaml {hint}")


def test_printing_and_writing_give_the_same_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Redirected output is as good as `--write`, which writes every generated file."""
    assert main(["--write"], tmp_path) == 0
    assert main([], tmp_path) == 0
    assert capsys.readouterr().out == (tmp_path / CRD).read_text(encoding="utf-8")
    written = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert written == set(GENERATED)
