"""
Pure: messages of the library in the terms of the command line.

A message of the library names its arguments and methods. This is the one place that replaces them
by options and commands.
"""

import re
from collections.abc import Mapping
from typing import Final

# Whole phrases first, since they contain words of the next table.
_TURNS: Final[Mapping[str, str]] = {
    "deploy it with attach_stdio=True": "run it with --stdin",
    "deploy it anew with other arguments": "change it, or run it again with other options",
    "leave the argument out": "leave the option out",
    "wait longer with timeout=": "wait longer with --timeout",
    "get_workload_logs with previous=True": "mcpworkload logs --previous",
    "docs/library.md lists what each method needs": "docs/cli.md lists what each command needs",
    "open another with from_environment": "run the command again",
    "open another: from_environment()": "run the command again",
    "close the attachment instead": "end it with Ctrl-C",
    "the caller's Role": "your Role",
    "give the caller a": "you need a",
    "the caller may not": "you may not",
}
#: The option or command for each argument and method of the library.
OPTIONS: Final[Mapping[str, str]] = {
    "workload_id": "NAME",
    "image": "IMAGE",
    "command": "ARGS",
    "env_vars": "--env",
    "labels": "--label",
    "permission_profile": "--permission-profile",
    "transport_type": "--transport",
    "isolate_network": "--isolate-network",
    "exposed_ports": "--expose",
    "port_bindings": "--publish",
    "host_port": "the SERVICE of --publish",
    "host_ip": "the address of --publish",
    "attach_stdio": "--stdin",
    "k8s_pod_template_patch": "--patch",
    "sse_headless_service_name": "--headless-service",
    "verification": "--verify",
    "all_namespaces": "--all-namespaces",
    "keep_volumes": "--keep-volumes",
    "restart_workload": "mcpworkload restart",
    "wait_for_workload": "mcpworkload wait",
    "deploy_workload": "mcpworkload run",
    "build_workload": "mcpworkload run --dry-run",
    "start_workload": "mcpworkload start",
    "stop_workload": "mcpworkload stop",
    "remove_workload": "mcpworkload rm",
    "list_workloads": "mcpworkload list",
    "get_workload_info": "mcpworkload get",
    "get_workload_logs": "mcpworkload logs",
    "attach_to_workload": "mcpworkload attach",
    "forward_to_workload": "mcpworkload connect",
    "start_monitoring": "mcpworkload monitor",
    "is_workload_running": "mcpworkload get",
}
# Words of everyday language mean an argument only where the message begins with them.
_EVERYDAY: Final[Mapping[str, str]] = {
    **{word: f"--{word}" for word in ("name", "namespace", "entrypoint", "timeout", "replicas")},
    **{word: f"--{word}" for word in ("container", "tail", "since", "previous", "timestamps")},
    "pod": "--replica",
    "goal": "--for",
    "image": OPTIONS["image"],
    "command": OPTIONS["command"],
    "labels": OPTIONS["labels"],
    "verification": OPTIONS["verification"],
}
_LONG: Final = {word: option for word, option in OPTIONS.items() if "_" in word}
_KEYWORD = re.compile(r"(?<![\w-])(?:options\.)?(" + "|".join(_LONG) + r")(?![\w])(=(True\b)?)?")
_FIRST = re.compile(r"^((?:[\w.-]+/[\w.-]+: )?)(" + "|".join(_EVERYDAY) + r")(?=(\[[^]]*\])*:)")


def in_our_words(text: str) -> str:
    """Return *text* with options and commands in place of the library's arguments and methods."""
    for turn, ours in _TURNS.items():
        text = text.replace(turn, ours)
    text = _FIRST.sub(lambda match: f"{match[1]}{_EVERYDAY[match[2]]}", text)
    return _KEYWORD.sub(lambda match: _LONG[match[1]], text)
