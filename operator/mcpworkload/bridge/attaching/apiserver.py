"""The API server's address and this pod's credentials, from the pod's variables and files."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode

CREDENTIALS = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class NotInCluster(Exception):
    """This process runs in no pod with a ServiceAccount; the message names what is missing."""


@dataclass(frozen=True)
class ApiServer:
    """The API server, with the folder of the pod's token and the cluster's certificate."""

    host: str
    port: int
    credentials: Path = CREDENTIALS

    @classmethod
    def from_pod(
        cls, environment: Mapping[str, str], credentials: Path = CREDENTIALS
    ) -> "ApiServer":
        """
        Return what the kubelet has put into this container.

        Raises:
            NotInCluster: a variable or a file is missing.
        """
        host = environment.get("KUBERNETES_SERVICE_HOST", "")
        port = environment.get("KUBERNETES_SERVICE_PORT", "")
        if not host or not port.isdecimal():
            raise NotInCluster(
                f"KUBERNETES_SERVICE_HOST={host!r} and KUBERNETES_SERVICE_PORT={port!r}"
                " do not name an API server; the kubelet sets both in every pod"
            )
        for name in ("token", "ca.crt"):
            if not (credentials / name).is_file():
                raise NotInCluster(
                    f"{credentials / name} is missing; this container needs the token of the"
                    " workload's bridge mounted there"
                )
        return cls(host, int(port), credentials)

    def token(self) -> str:
        """Return the current token: the kubelet renews it in the file, long before it expires."""
        return (self.credentials / "token").read_text().strip()

    def tls(self) -> ssl.SSLContext:
        """Return a context that trusts the cluster's certificates alone; they are renewed too."""
        return ssl.create_default_context(cafile=self.credentials / "ca.crt")


@dataclass(frozen=True)
class Target:
    """A container whose standard input and output the bridge attaches to."""

    namespace: str
    pod: str
    container: str

    def __str__(self) -> str:
        """``pod shop/time-0, container mcp``."""
        return f"pod {self.namespace}/{self.pod}, container {self.container}"

    @property
    def path(self) -> str:
        """The path of the attach request. Standard error is left to the container's log."""
        query = urlencode(
            {
                "container": self.container,
                "stdin": "true",
                "stdout": "true",
                "stderr": "false",
                "tty": "false",
            }
        )
        pod = f"/api/v1/namespaces/{quote(self.namespace, '')}/pods/{quote(self.pod, '')}"
        return f"{pod}/attach?{query}"
