"""
The settings of this machine by which a build reaches its package indexes: CA bundle, addresses.

The build gets them as secrets, files that exist during one command: an image and a Dockerfile stay
free of this machine.
"""

import ast
import os
import ssl
import sys
from pathlib import Path

from hack.terminal import ToolError, run

# Where the Dockerfiles mount the bundle.
CA_IN_BUILD = "/run/build/ca.pem"
CA_VARIABLES = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
PIP_SETTINGS = ("index-url", "extra-index-url", "trusted-host")


def write_secrets(folder: Path) -> dict[str, Path]:
    """Write this machine's settings into *folder*; return the files by the Dockerfiles' names."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    bundle = ca_bundle()
    texts = {
        "pip": pip_configuration(_pip_settings(), private_ca=bundle is not None),
        "npm": npm_configuration(_npm_registry(), private_ca=bundle is not None),
    }
    secrets = {}
    for name, text in texts.items():
        secrets[name] = folder / name
        secrets[name].write_text(text)
    if bundle is not None:
        secrets["ca"] = bundle
    return secrets


def ca_bundle() -> Path | None:
    """Return the file of CA certificates that programs on this machine trust."""
    named = [os.environ.get(variable) for variable in CA_VARIABLES]
    found = [*named, ssl.get_default_verify_paths().cafile, "/etc/ssl/certs/ca-certificates.crt"]
    return next((Path(path) for path in found if path and Path(path).is_file()), None)


def pip_configuration(settings: dict[str, str], *, private_ca: bool) -> str:
    """Return a pip.conf for the build out of this machine's *settings*."""
    chosen = {name: settings[name] for name in PIP_SETTINGS if name in settings}
    if private_ca:
        chosen["cert"] = CA_IN_BUILD
    return "[global]\n" + "".join(
        # Further lines of a value are indented, or they would be settings of their own.
        f"{name} = {value.replace(chr(10), chr(10) + '  ')}\n"
        for name, value in chosen.items()
    )


def npm_configuration(registry: str | None, *, private_ca: bool) -> str:
    """Return an .npmrc for the build."""
    lines = [f"registry={registry}"] if registry else []
    if private_ca:
        lines.append(f"cafile={CA_IN_BUILD}")
    return "".join(f"{line}\n" for line in lines)


def parse_pip_settings(listing: str) -> dict[str, str]:
    """Return the output of `pip config list` by setting; the environment wins, as in pip."""
    settings: dict[str, str] = {}
    for line in listing.splitlines():
        name, _, literal = line.partition("=")
        section, _, setting = name.rpartition(".")
        if section not in ("global", "install", ":env:"):
            continue
        if section == ":env:" or setting not in settings:
            settings[setting] = str(ast.literal_eval(literal))
    return settings


def _pip_settings() -> dict[str, str]:
    """This machine's pip settings; none where it has no pip."""
    try:
        return parse_pip_settings(run([sys.executable, "-m", "pip", "config", "list"], timeout=20))
    except ToolError:
        return {}


def _npm_registry() -> str | None:
    """This machine's npm registry; None where it has no npm."""
    try:
        said = run(["npm", "config", "get", "registry"], timeout=20).strip()
    except ToolError:
        return None
    return said if "://" in said else None
