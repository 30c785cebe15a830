"""
The rules of single values, each with the message that its violation gets.

Regular expressions here follow Kubernetes' own name formats; CEL takes them from the API
server's `format` library where its cost budget allows.
"""

import re
from typing import Any, Final

from mcpworkload.api.base import KeyRule, Rule, refusal
from mcpworkload.api.names import EGRESS_SUFFIX, GROUP, SERVICE_SUFFIX, common_labels

# A StatefulSet puts its name, a dash and a hash of ten characters into a label of 63.
NAME_MAX_LENGTH: Final = 52
SERVICE_NAME_MAX_LENGTH: Final = 63
# Names of further children end like this; a workload of that name would fight over them.
RESERVED_SUFFIXES: Final = (SERVICE_SUFFIX, EGRESS_SUFFIX)

LABEL_VALUE_PATTERN: Final = r"^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$"
LABEL_VALUE_MAX_LENGTH: Final = 63
# What Kubernetes accepts as the name of an environment variable: printable ASCII but "=".
ENV_NAME_PATTERN: Final = r"^[ -<>-~]+$"

_DNS_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_DNS_1123_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_QUALIFIED_NAME = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]")
_PATH = re.compile(r"/[^\s?#]*", re.ASCII)
#: As the names of most Kubernetes objects.
SUBDOMAIN_PATTERN, SUBDOMAIN_MAX_LENGTH = f"^{_DNS_1123_SUBDOMAIN.pattern}$", 253


def is_subdomain(text: str) -> bool:
    """Return whether *text* is a DNS-1123 subdomain, as names of most Kubernetes objects are."""
    return len(text) <= SUBDOMAIN_MAX_LENGTH and bool(_DNS_1123_SUBDOMAIN.fullmatch(text))


def is_qualified_name(key: str) -> bool:
    """Return whether *key* has the syntax of a label's key: an optional domain, a slash, a name."""
    domain, slash, name = key.rpartition("/")
    return bool(_QUALIFIED_NAME.fullmatch(name)) and (not slash or is_subdomain(domain))


def is_reserved(key: str) -> bool:
    """Return whether *key*, of a label or annotation, is reserved for the operator."""
    domain, _, _ = key.rpartition("/")
    return domain == GROUP or domain.endswith(f".{GROUP}") or key in _RESERVED_KEYS


_RESERVED_KEYS = tuple(key for key in common_labels("") if not key.startswith(f"{GROUP}/"))
_RESERVED_KEYS_TEXT = ", ".join(_RESERVED_KEYS)


NAME_RULES: Final = (
    Rule(
        message=(
            "choose a name of lower-case letters, digits and dashes that starts with a letter "
            'and ends with a letter or digit, such as "weather-2": it becomes the name of a '
            "Service"
        ),
        # Not format.dns1035Label(): the API server knows no bound for the name, and prices
        # that one just out of its budget. Length is the next rule's matter.
        cel=f"self.metadata.name.matches('^{_DNS_1035}$')",
        holds=lambda name: bool(re.fullmatch(_DNS_1035, name)),
        field_path=".metadata.name",
    ),
    Rule(
        message=(
            f"choose a name of at most {NAME_MAX_LENGTH} characters: the StatefulSet adds a "
            "hash to it in a label of its pods, and labels end at 63"
        ),
        cel=f"self.metadata.name.size() <= {NAME_MAX_LENGTH}",
        holds=lambda name: len(name) <= NAME_MAX_LENGTH,
        field_path=".metadata.name",
    ),
    Rule(
        message=(
            "choose a name with another ending than "
            f"{' or '.join(RESERVED_SUFFIXES)}: further objects of a workload are named so"
        ),
        cel=" && ".join(f"!self.metadata.name.endsWith('{end}')" for end in RESERVED_SUFFIXES),
        holds=lambda name: not name.endswith(RESERVED_SUFFIXES),
        field_path=".metadata.name",
    ),
)

IMAGE = Rule(
    message='write the image as one word without spaces, such as "ghcr.io/acme/weather:1.4"',
    cel=r"self.matches('^\\S+$')",
    holds=lambda image: bool(re.fullmatch(r"\S+", image, re.ASCII)),
)

PATH = Rule(
    message='write the path with a leading slash and without spaces, "?" or "#", such as "/mcp"',
    cel=r"self.matches('^/[^\\s?#]*$')",
    holds=lambda path: bool(_PATH.fullmatch(path)),
)

SERVICE_ACCOUNT_NAME = Rule(
    message=(
        "write the name of a ServiceAccount of this namespace: lower-case letters, digits, "
        'dashes and dots, such as "weather"; leave the field out for the namespace\'s default'
    ),
    cel="!format.dns1123Subdomain().validate(self).hasValue()",
    holds=is_subdomain,
)

SERVICE_NAME = Rule(
    message=(
        "write a name of lower-case letters, digits and dashes that starts with a letter, ends "
        f"with a letter or digit, and not with {' or '.join(RESERVED_SUFFIXES)}"
    ),
    cel=(
        f"self.matches('^{_DNS_1035}$') && "
        + " && ".join(f"!self.endsWith('{suffix}')" for suffix in RESERVED_SUFFIXES)
    ),
    holds=lambda name: bool(re.fullmatch(_DNS_1035, name) and not name.endswith(RESERVED_SUFFIXES)),
)

LABEL_KEYS = KeyRule(
    message=(
        "write the key as a name of at most 63 letters, digits, dashes, dots and underscores, "
        'with a domain and a slash before it if you like, such as "team" or "example.com/team"'
    ),
    cel="!format.qualifiedName().validate(key).hasValue()",
    holds=is_qualified_name,
)

# Kubernetes compares an annotation's domain without regard to case, a label's with.
ANNOTATION_KEYS = KeyRule(
    message=LABEL_KEYS.message,
    cel="!format.qualifiedName().validate(key.lowerAscii()).hasValue()",
    holds=lambda key: is_qualified_name(key.lower()),
)

OWN_KEYS = KeyRule(
    message=(
        f"take another key than those under {GROUP}/ and than {_RESERVED_KEYS_TEXT}: the "
        "operator sets these itself"
    ),
    cel=(
        f"!key.startsWith('{GROUP}/') && !key.contains('.{GROUP}/') "
        f"&& !(key in [{', '.join(repr(key) for key in _RESERVED_KEYS)}])"
    ),
    holds=lambda key: not is_reserved(key),
)


PRIORITY_CLASS_NAME = Rule(
    message=(
        "write the name of a PriorityClass of the cluster: lower-case letters, digits, dashes "
        "and dots; `kubectl get priorityclasses` lists them"
    ),
    cel=SERVICE_ACCOUNT_NAME.cel,
    holds=is_subdomain,
)

RUNTIME_CLASS_NAME = Rule(
    message=(
        "write the name of a RuntimeClass of the cluster: lower-case letters, digits, dashes "
        "and dots; `kubectl get runtimeclasses` lists them"
    ),
    cel=SERVICE_ACCOUNT_NAME.cel,
    holds=is_subdomain,
)


def check_env(env: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Accept *env* if each entry has a name and none has another's; the CRD's structure agrees."""
    names = [entry.get("name") for entry in env]
    if not all(isinstance(name, str) and re.fullmatch(ENV_NAME_PATTERN, name) for name in names):
        raise refusal('give each entry a name of printable ASCII characters without "="')
    repeated = sorted({str(name) for name in names if names.count(name) > 1})
    if repeated:
        raise refusal(f"write {repeated[0]} once")
    return env
