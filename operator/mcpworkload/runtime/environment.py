"""The cluster and the credentials to use, found the way kubectl finds them."""

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from kubernetes.aio.client import Configuration
from kubernetes.aio.config import ConfigException, load_incluster_config, load_kube_config

from mcpworkload.runtime.errors import RuntimeUnavailable

_UNUSABLE = (AttributeError, LookupError, TypeError, ValueError, yaml.YAMLError)
_NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


def is_kubernetes_runtime() -> bool:
    """Return whether this process runs in a pod, and so can reach the pod's cluster."""
    return bool(os.environ.get("KUBERNETES_SERVICE_HOST"))


class Environment:
    """A kubeconfig and a context if given, else the pod's own cluster, else the default ones."""

    def __init__(self, context: str | None = None, kubeconfig: str | None = None) -> None:
        self._context = context
        self._kubeconfig = kubeconfig
        self._is_in_pod = context is None and kubeconfig is None and is_kubernetes_runtime()

    async def load(self, configuration: Configuration) -> str:
        """
        Fill *configuration*; return the namespace that goes with it, empty where there is none.

        May be called again, when credentials have expired that a plugin can renew.

        Raises:
            RuntimeUnavailable: there is nothing usable.
        """
        try:
            if self._is_in_pod:
                load_incluster_config(client_configuration=configuration)
                return _read_own_namespace()
            return await self._load_kubeconfig(configuration)
        # What else is wrong with a kubeconfig may be anything to the client.
        except (ConfigException, OSError, *_UNUSABLE) as error:
            raise RuntimeUnavailable(
                f"no usable cluster configuration: {error}",
                advice="set KUBECONFIG, or name a kubeconfig or a context that exists",
            ) from error

    async def _load_kubeconfig(self, configuration: Configuration) -> str:
        # The client remembers what KUBECONFIG was when it was imported; we mean now.
        path = self._kubeconfig or os.environ.get("KUBECONFIG") or Path.home() / ".kube/config"
        users = [user for file in _existing(str(path)) for user in _read(file).get("users") or ()]
        loader = await load_kube_config(
            config_file=str(path),
            context=self._context,
            client_configuration=configuration,
            persist_config=False,
        )
        context = loader.current_context["context"]
        _require_program(users, context.get("user"))
        namespace: str = context.get("namespace", "")
        return namespace


def _existing(paths: str) -> list[Path]:
    """Return the files of *paths* that exist; without one, the client reports missing keys only."""
    files = [Path(path).expanduser() for path in paths.split(os.pathsep) if path]
    if not (found := [file for file in files if file.exists()]):
        raise FileNotFoundError(f"there is no file {paths}")
    return found


def _read(file: Path) -> dict[str, Any]:
    """
    Return a kubeconfig that the client can read.

    Raises:
        ConfigException: the file is no kubeconfig.
    """
    config = yaml.safe_load(file.read_text(encoding="utf-8"))
    if not isinstance(config, dict):
        raise ConfigException(f"{file} is no kubeconfig: it holds no mapping")
    for key in ("clusters", "contexts", "users"):
        entries = config.get(key) or []
        if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
            raise ConfigException(f"{file} is no kubeconfig: {key} is no list of mappings")
    return config


def _require_program(users: Iterable[Mapping[str, Any]], name: str | None) -> None:
    """Raise if the user's plugin is missing: the client logs that, and goes on without a login."""
    user: Any = next((each.get("user") for each in users if each.get("name") == name), None)
    plugin = user.get("exec") if isinstance(user, Mapping) else None
    if not isinstance(plugin, Mapping):
        return
    command, variables = str(plugin.get("command")), plugin.get("env") or ()
    path = next((each["value"] for each in variables if each.get("name") == "PATH"), None)
    if shutil.which(command, path=path) is None:
        raise ConfigException(f"{command}, which logs user {name} in, is not installed")


def _read_own_namespace() -> str:
    return _NAMESPACE_FILE.read_text().strip()
