"""The option for a permission profile: a builtin, a file, or the key of a ConfigMap."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from mcpworkload.cli.codes import ExitCode, Failure
from mcpworkload.cli.environment import read_file

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from mcpworkload.runtime import PermissionProfile

FORMS: Final = "none|network|FILE|configmap:NAME/KEY"
_BUILTINS: Final = ("none", "network")
_CONFIG_MAP: Final = "configmap:"
_YAML: Final = (".yaml", ".yml")
# What the library's messages begin with; here the file stands in its place.
_ARGUMENT: Final = "permission_profile"


def complete_profile(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> "list[CompletionItem]":
    """Return the builtins that begin so, and let the shell offer its files."""
    del context, parameter
    from click.shell_completion import CompletionItem

    found = [CompletionItem(name) for name in _BUILTINS if name.startswith(incomplete)]
    return [*found, CompletionItem(incomplete, type="file")]


def read_profile(text: str, option: str) -> "PermissionProfile":
    """
    Return the profile that *text*, the value of *option*, stands for.

    `./none` is a file of that name. A file is YAML if its name ends so, else ToolHive's JSON.

    Raises:
        Failure: the file cannot be read or is no profile; names the file, the entry and the rule.
    """
    from mcpworkload.runtime import PermissionProfile, WorkloadInvalid

    if text in _BUILTINS:
        return PermissionProfile.from_builtin(text)
    if text.startswith(_CONFIG_MAP):
        name, slash, key = text.removeprefix(_CONFIG_MAP).partition("/")
        if not (name and slash and key):
            raise Failure(f"{option} {text}: write {_CONFIG_MAP}NAME/KEY", ExitCode.USAGE)
        return PermissionProfile.from_config_map(name, key)
    document = read_file(text, option)
    is_yaml = Path(text).suffix in _YAML
    try:
        read = PermissionProfile.from_yaml if is_yaml else PermissionProfile.from_json
        profile = read(document)
        # Finds what has no meaning on Kubernetes while the file can still be named.
        profile.to_spec()
    except WorkloadInvalid as error:
        words = str(error).removeprefix(_ARGUMENT).lstrip(".: ")
        raise Failure(f"{option} {text}: {words}", ExitCode.USAGE) from None
    return profile
