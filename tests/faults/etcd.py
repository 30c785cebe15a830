"""What an administrator of etcd does, by its HTTP gateway; the store is a control plane's own."""

import base64
import json
import ssl
import urllib.request
from pathlib import Path
from typing import Any

from tests.support.control_plane import ControlPlane

_NO_SPACE = "NOSPACE"
_ANY_MEMBER = "0"
_FILLER = b"/filler/"
_FILLER_BYTES = 1_400_000
_REQUEST_SECONDS = 60.0


class Etcd:
    """The store of a control plane."""

    def __init__(self, plane: ControlPlane) -> None:
        environment = plane.etcdctl_environment()
        self._url = environment["ETCDCTL_ENDPOINTS"]
        self._tls = ssl.create_default_context(cafile=environment["ETCDCTL_CACERT"])
        self._tls.verify_flags &= ~ssl.VERIFY_X509_STRICT
        self._tls.load_cert_chain(environment["ETCDCTL_CERT"], environment["ETCDCTL_KEY"])

    def revision(self) -> int:
        """Return the newest revision."""
        answer = self._call("kv/range", key=_encoded(b"/"), limit=1)
        return int(answer["header"]["revision"])

    def compact(self) -> int:
        """Forget all revisions but the newest; return that."""
        revision = self.revision()
        self._call("kv/compaction", revision=revision, physical=True)
        return revision

    def fill(self) -> int:
        """
        Write until the quota is used up; return how many bytes that took.

        Afterwards etcd refuses every write, by its alarm NOSPACE.
        """
        value = _encoded(bytes(_FILLER_BYTES))
        count = 0
        while True:
            try:
                self._call("kv/put", key=_encoded(_FILLER + str(count).encode()), value=value)
            except OSError:
                assert self.has_alarm(), "etcd refuses writes, but not because it is full"
                return count * _FILLER_BYTES
            count += 1

    def has_alarm(self) -> bool:
        """Return whether etcd says that it has no space."""
        alarms = self._call("maintenance/alarm", action="GET").get("alarms", [])
        return any(each.get("alarm") == _NO_SPACE for each in alarms)

    def make_room(self) -> None:
        """Delete what filled the store, compact and defragment it, and take the alarm back."""
        end = _encoded(_FILLER[:-1] + bytes([_FILLER[-1] + 1]))
        self._call("kv/deleterange", key=_encoded(_FILLER), range_end=end)
        self.compact()
        self._call("maintenance/defragment")
        disarm = {"action": "DEACTIVATE", "memberID": _ANY_MEMBER, "alarm": _NO_SPACE}
        self._call("maintenance/alarm", **disarm)
        assert not self.has_alarm()

    def _call(self, path: str, **body: Any) -> dict[str, Any]:
        """
        Return the answer to one call.

        Raises:
            OSError: etcd refused it.
        """
        request = urllib.request.Request(  # noqa: S310 - the store's own address
            f"{self._url}/v3/{path}", json.dumps(body).encode()
        )
        with urllib.request.urlopen(  # noqa: S310
            request, timeout=_REQUEST_SECONDS, context=self._tls
        ) as answer:
            found: dict[str, Any] = json.loads(answer.read())
            return found


def size_of(plane: ControlPlane) -> int:
    """Return the bytes of the store on disk."""
    folder = Path(plane.settings.state) / "etcd"
    return sum(file.stat().st_size for file in folder.rglob("db"))


def _encoded(value: bytes) -> str:
    return base64.b64encode(value).decode()
