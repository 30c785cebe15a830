"""The fields of a spec that `run` sets besides the image, from its options."""

import os
import re
from pathlib import Path
from typing import Any, Final

from mcpworkload.cli.codes import ExitCode, Failure

_SOURCES: Final = {
    "secret": "secretRef",
    "secrets": "secretRef",
    "configmap": "configMapRef",
    "configmaps": "configMapRef",
    "cm": "configMapRef",
}
# What Kubernetes takes: printable ASCII but "=".
_KEY = re.compile(r"[ -<>-~]+")
_WRITE: Final = "write KEY=VALUE, KEY in letters, digits, _ and the like"
# As a shell would read it; without a check it would be part of the name.
_EXPORT = re.compile(r"export\s")


def further_fields(flags: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that the options ask for and that the library has no argument for."""
    spec: dict[str, Any] = {}
    if sources := [_source(text) for text in flags["env_from"]]:
        spec["envFrom"] = sources
    limits = {key: flags[key] for key in ("cpu", "memory") if flags[key] is not None}
    if limits:
        spec["resources"] = {"limits": limits}
    if flags["image_pull_secret"]:
        spec["imagePullSecrets"] = [{"name": name} for name in flags["image_pull_secret"]]
    if flags["service_account"] is not None:
        spec["serviceAccountName"] = flags["service_account"]
    return spec


def read_env_file(path: str | None) -> dict[str, str]:
    """Return the variables of a file, one on each line; comments and empty lines do not count."""
    if path is None:
        return {}
    found = {}
    lines = read_file(path, "--env-file").removeprefix("\ufeff").split("\n")
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if text and not text.startswith("#"):
            key, value = _variable_of_line(text, f"--env-file {path}, line {number}")
            found[key] = value
    return found


def _variable_of_line(text: str, where: str) -> tuple[str, str]:
    """As `variable`; no error repeats *text*, which may be a piece of a secret."""
    if _EXPORT.match(text):
        raise Failure(f"{where}: leave export out, write KEY=VALUE", ExitCode.USAGE)
    key = text.partition("=")[0]
    if not _KEY.fullmatch(key):
        raise Failure(f"{where}: {_WRITE}", ExitCode.USAGE)
    if "=" not in text and key not in os.environ:
        words = "it has no =, and no variable of that name is set here; write KEY=VALUE"
        raise Failure(f"{where}: {words}", ExitCode.USAGE)
    return variable(text)


def variable(text: str) -> tuple[str, str]:
    """
    Return KEY and VALUE; for KEY alone, its value in the environment of this program.

    Raises:
        Failure: KEY is no name of a variable, or is not set here.
    """
    key, separator, value = text.partition("=")
    if not _KEY.fullmatch(key):
        raise Failure(f"--env {text}: {_WRITE}", ExitCode.USAGE)
    if separator:
        return key, value
    if key not in os.environ:
        raise Failure(f"--env {key}: it is not set here; write {key}=VALUE", ExitCode.USAGE)
    return key, os.environ[key]


def read_file(path: str, option: str) -> str:
    """
    Return the text of a file that *option* names.

    Raises:
        Failure: it cannot be read.
    """
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"{option}: {path} cannot be read: {error}", ExitCode.USAGE) from None


def _source(text: str) -> dict[str, Any]:
    kind, _, name = text.partition("/")
    field = _SOURCES.get(kind.lower())
    if field is None or not name:
        words = "write secret/NAME or configmap/NAME"
        raise Failure(f"--env-from {text}: {words}", ExitCode.USAGE)
    return {field: {"name": name}}
