"""
The provisioner behind the default StorageClass: a folder of this machine for each claim.

Volumes are of the kind `local`: unlike hostPath they honour fsGroup, as real storage does. One loop
lists everything whenever anything changed; it keeps no state between two runs.
"""

import http.client
import json
import shutil
import ssl
import sys
import threading
import time
import urllib.parse
from pathlib import Path
from typing import Any

Manifest = dict[str, Any]

PROVISIONER = "mcpworkload.dev/local"
_SELECTED_NODE = "volume.kubernetes.io/selected-node"
_PROVISIONER = "volume.kubernetes.io/storage-provisioner"
_PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
_CLAIMS = "/api/v1/persistentvolumeclaims"
_VOLUMES = "/api/v1/persistentvolumes"
_CONFLICT = 409
_NOT_FOUND = 404
_WATCH_SECONDS = 300
_PAUSE_AFTER_ERROR = 1.0


class Api:
    """The requests of a Kubernetes client that two kinds of objects need."""

    def __init__(self, server: str, certificates: Path) -> None:
        self._host = urllib.parse.urlsplit(server).netloc
        self._tls = ssl.create_default_context(cafile=str(certificates / "ca.crt"))
        self._tls.load_cert_chain(certificates / "volumes.crt", certificates / "volumes.key")

    def request(
        self, method: str, path: str, body: Manifest | None = None, content: str = "json"
    ) -> Manifest:
        """
        Return the body of the response. Already gone, or already there, counts as done.

        Raises:
            OSError: any other refusal.
        """
        response = self._send(method, path, body, content, timeout=30)
        answer: Manifest = json.loads(response.read())
        if response.status >= 400 and response.status not in (_CONFLICT, _NOT_FOUND):
            raise OSError(f"{method} {path}: {response.status} {answer.get('message')}")
        return answer

    def watch(self, path: str, changed: threading.Event) -> None:
        """Set *changed* whenever something of this kind changes, until the server ends it."""
        query = f"?watch=true&timeoutSeconds={_WATCH_SECONDS}"
        response = self._send("GET", path + query, None, "json", timeout=_WATCH_SECONDS + 30)
        while response.readline():
            changed.set()

    def _send(
        self, method: str, path: str, body: Manifest | None, content: str, timeout: float
    ) -> http.client.HTTPResponse:
        connection = http.client.HTTPSConnection(self._host, timeout=timeout, context=self._tls)
        headers = {"Content-Type": f"application/{content}"}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        return connection.getresponse()


def build_volume(claim: Manifest, folder: Path) -> Manifest:
    """Return the volume for a claim whose node has been chosen."""
    metadata, spec = claim["metadata"], claim["spec"]
    node = metadata["annotations"][_SELECTED_NODE]
    hostname = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {
            "name": volume_name(claim),
            # Tells the volume controller that deleting is our business.
            "annotations": {_PROVISIONED_BY: PROVISIONER},
        },
        "spec": {
            "capacity": {"storage": spec["resources"]["requests"]["storage"]},
            "accessModes": spec["accessModes"],
            "volumeMode": "Filesystem",
            "persistentVolumeReclaimPolicy": "Delete",
            "storageClassName": spec["storageClassName"],
            "local": {"path": str(folder)},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [hostname]}]}},
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                **{key: metadata[key] for key in ("namespace", "name", "uid")},
            },
        },
    }


def volume_name(claim: Manifest) -> str:
    """Return the name of a claim's volume, by the claim's UID: a second try makes no other."""
    return f"pvc-{claim['metadata']['uid']}"


def wants_volume(claim: Manifest) -> bool:
    """Return whether a claim of our class has a node chosen, and no volume."""
    annotations: dict[str, str] = claim["metadata"].get("annotations", {})
    return (
        annotations.get(_PROVISIONER) == PROVISIONER
        and _SELECTED_NODE in annotations
        and not claim["spec"].get("volumeName")
        and "deletionTimestamp" not in claim["metadata"]
    )


def wants_growth(claim: Manifest) -> bool:
    """Return whether a claim with a volume of ours asks for another size; the API refuses less."""
    annotations: dict[str, str] = claim["metadata"].get("annotations", {})
    capacity = claim.get("status", {}).get("capacity", {}).get("storage")
    request = claim["spec"]["resources"]["requests"]["storage"]
    return annotations.get(_PROVISIONER) == PROVISIONER and capacity not in (None, request)


def is_released(volume: Manifest) -> bool:
    """Return whether a volume is ours, its claim is gone, and it is not to be kept."""
    annotations: dict[str, str] = volume["metadata"].get("annotations", {})
    return (
        annotations.get(_PROVISIONED_BY) == PROVISIONER
        and volume.get("status", {}).get("phase") == "Released"
        and volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete"
    )


def reconcile(api: Api, root: Path) -> None:
    """Make the volumes that claims wait for, confirm grown ones, delete released ones."""
    for claim in api.request("GET", _CLAIMS)["items"]:
        if wants_volume(claim):
            folder = root / volume_name(claim)
            # Root's, as new storage is; fsGroup opens it to a pod's user.
            folder.mkdir(mode=0o755, parents=True, exist_ok=True)
            api.request("POST", _VOLUMES, build_volume(claim, folder))
        elif wants_growth(claim):
            _grow(api, claim)
    for volume in api.request("GET", _VOLUMES)["items"]:
        if is_released(volume):
            # The folder first: a volume that is still listed is tried again, a folder is not.
            shutil.rmtree(root / volume["metadata"]["name"], ignore_errors=True)
            api.request("DELETE", f"{_VOLUMES}/{volume['metadata']['name']}")


def _grow(api: Api, claim: Manifest) -> None:
    """Write the new size into the volume. A folder has no bounds, so that this is all."""
    size = {"storage": claim["spec"]["resources"]["requests"]["storage"]}
    metadata = claim["metadata"]
    volume = f"{_VOLUMES}/{claim['spec']['volumeName']}"
    api.request("PATCH", volume, {"spec": {"capacity": size}}, "merge-patch+json")
    path = f"/api/v1/namespaces/{metadata['namespace']}/persistentvolumeclaims/{metadata['name']}"
    status = {"status": {"capacity": size, "conditions": []}}
    api.request("PATCH", f"{path}/status", status, "merge-patch+json")


def _watch_forever(api: Api, path: str, changed: threading.Event) -> None:
    while True:
        try:
            api.watch(path, changed)
        except (OSError, http.client.HTTPException) as error:
            _log("watch failed", error)
            time.sleep(_PAUSE_AFTER_ERROR)


def _log(what: str, error: Exception) -> None:
    print(time.strftime("%H:%M:%S"), what, error, flush=True)


def main(server: str, certificates: str, root: str) -> None:
    """Reconcile now, and again after every change, for ever."""
    api = Api(server, Path(certificates))
    changed = threading.Event()
    for path in (_CLAIMS, _VOLUMES):
        threading.Thread(target=_watch_forever, args=(api, path, changed), daemon=True).start()
    while True:
        changed.clear()
        try:
            reconcile(api, Path(root))
        except (OSError, http.client.HTTPException) as error:
            _log("will try again:", error)
            time.sleep(_PAUSE_AFTER_ERROR)
            continue
        changed.wait(_WATCH_SECONDS)


if __name__ == "__main__":
    main(*sys.argv[1:])
