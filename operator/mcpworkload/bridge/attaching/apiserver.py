"""Where the API server is and who we are there, as a pod's files and variables say."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode

CREDENTIALS = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class NotInCluster(Exception):
    """This is no pod with a ServiceAccount; the message names what is missing."""


@dataclass(frozen=True)
class ApiServer:
    """The API server, with the folder that holds our token and its certificate."""

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
        """The token that holds now: it is renewed long before it expires, in the same file."""
        return (self.credentials / "token").read_text().strip()

    def tls(self) -> ssl.SSLContext:
        """What trusts the cluster's certificates, and no others; they are renewed too."""
        return ssl.create_default_context(cafile=self.credentials / "ca.crt")


@dataclass(frozen=True)
class Target:
    """A container whose standard input and output we want."""

    namespace: str
    pod: str
    container: str

    def __str__(self) -> str:
        """``pod shop/time-0, container mcp``."""
        return f"pod {self.namespace}/{self.pod}, container {self.container}"

    @property
    def path(self) -> str:
        """What to ask the API server for. Not standard error, which is in the container's log."""
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
