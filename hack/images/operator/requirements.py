"""
Print requirements out of pyproject.toml, one a line.

Runs inside the image build (`requirements.py operator|library|build`): what images install is
written once, in the project's own lists.
"""

import sys
import tomllib
from pathlib import Path


def requirements(pyproject: str, which: str) -> list[str]:
    """Return the extra *which*; for `library` the base install, for `build` the backend."""
    table = tomllib.loads(pyproject)
    if which == "build":
        return list(table["build-system"]["requires"])
    if which == "library":
        return list(table["project"]["dependencies"])
    return list(table["project"]["optional-dependencies"][which])


if __name__ == "__main__":
    print("\n".join(requirements(Path("pyproject.toml").read_text(), sys.argv[1])))
