"""Which cluster is meant, and who we are there: found the way kubectl finds it."""

import os
from pathlib import Path

import yaml
from kubernetes.aio.client import Configuration
from kubernetes.aio.config import ConfigException, load_incluster_config, load_kube_config

from mcpworkload.runtime.errors import RuntimeUnavailable

_UNUSABLE = (AttributeError, LookupError, TypeError, ValueError, yaml.YAMLError)
_NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


def is_kubernetes_runtime() -> bool:
    """Whether this process runs in a pod, from where a runtime reaches its own cluster."""
    return bool(os.environ.get("KUBERNETES_SERVICE_HOST"))


class Environment:
    """A kubeconfig and a context if given, else the pod's own cluster, else the default ones."""

    def __init__(self, context: str | None = None, kubeconfig: str | None = None) -> None:
        self._context = context
        self._kubeconfig = kubeconfig
        self._is_in_pod = context is None and kubeconfig is None and is_kubernetes_runtime()

    async def load(self, configuration: Configuration) -> str:
        """
        Fill *configuration*; the namespace that goes with it, empty where none does.

        May be called again, when credentials have expired that a plugin can renew.

        Raises:
            RuntimeUnavailable: there is nothing usable.
        """
        try:
            if self._is_in_pod:
                load_incluster_config(client_configuration=configuration)
                return _read_own_namespace()
            return await self._load_kubeconfig(configuration)
        # An empty kubeconfig is a TypeError to the client; other words of one may be anything.
        except (ConfigException, OSError, *_UNUSABLE) as error:
            raise RuntimeUnavailable(
                f"no usable cluster configuration: {error}",
                advice="set KUBECONFIG, or name a kubeconfig or a context that exists",
            ) from error

    async def _load_kubeconfig(self, configuration: Configuration) -> str:
        # The client remembers what KUBECONFIG was when it was imported; we mean now.
        path = self._kubeconfig or os.environ.get("KUBECONFIG") or Path.home() / ".kube/config"
        _require_any(str(path))
        loader = await load_kube_config(
            config_file=str(path),
            context=self._context,
            client_configuration=configuration,
            persist_config=False,
        )
        namespace: str = loader.current_context["context"].get("namespace", "")
        return namespace


def _require_any(paths: str) -> None:
    """Say of files that there are not what the client says of keys that it then misses."""
    if not any(Path(path).expanduser().exists() for path in paths.split(os.pathsep) if path):
        raise FileNotFoundError(f"there is no file {paths}")


def _read_own_namespace() -> str:
    return _NAMESPACE_FILE.read_text().strip()
