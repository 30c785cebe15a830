"""Print the CRD, write what is generated from the models, or check that it is up to date."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from hack.crdgen.docs import render_docs
from hack.crdgen.document import build_crd, render, render_schema
from hack.crdgen.kustomize import render_configuration, render_openapi
from mcpworkload.api.names import KIND

ROOT: Final = Path(__file__).parents[2]
OVERLAY: Final = "deploy/gitops/kustomize/overlay"
#: Every generated file below the repository's root, and what makes its text, once a process.
GENERATED: Final[Mapping[str, Callable[[], str]]] = MappingProxyType(
    {
        path: cache(make)
        for path, make in {
            f"crds/{KIND.lower()}.yaml": lambda: render(build_crd()),
            "docs/api.md": render_docs,
            # What the command line checks files against where no cluster is asked.
            "operator/mcpworkload/cli/offline/schema.json": render_schema,
            f"{OVERLAY}/{KIND.lower()}-openapi.json": render_openapi,
            f"{OVERLAY}/{KIND.lower()}-configuration.yaml": render_configuration,
        }.items()
    }
)


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Do with the files below *root* what the command line asks; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m hack.crdgen", description=__doc__)
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--write", action="store_true", help="write the committed files")
    action.add_argument("--check", action="store_true", help="fail if one of them is out of date")
    options = parser.parse_args(arguments)
    if not (options.write or options.check):
        sys.stdout.write(render(build_crd()))
        return 0
    stale = {
        path: text for path, make in GENERATED.items() if _is_stale(root / path, text := make())
    }
    for path, text in stale.items():
        if options.write:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
        else:
            sys.stderr.write(f"{path} is out of date: run make crds and commit it\n")
    return 1 if stale and options.check else 0


def _is_stale(path: Path, text: str) -> bool:
    return not path.is_file() or path.read_text(encoding="utf-8") != text


if __name__ == "__main__":
    sys.exit(main())
