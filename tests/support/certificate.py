"""A certificate that nobody signed, as many a server inside a cluster has one."""

import subprocess
from pathlib import Path


def self_signed(folder: Path, name: str) -> Path:
    """A file below *folder* with a key and a certificate for *name*."""
    path = folder / "server.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"),
            *("-keyout", str(path), "-out", str(folder / "server.crt")),
        ],
        check=True,
        capture_output=True,
    )
    with path.open("a", encoding="utf-8") as file:
        file.write((folder / "server.crt").read_text(encoding="utf-8"))
    return path
