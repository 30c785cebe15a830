"""Settings from the environment."""

import pytest

from mcpworkload.controller.settings import BadSetting, BridgeVolume, PodSecurity, Settings


def test_an_empty_environment_gives_the_defaults() -> None:
    """Cluster-wide, with probes."""
    settings = Settings.from_environment({"POD_NAME": "p"})

    assert settings == Settings(identity="p")


def test_everything_can_be_set() -> None:
    """Namespaces are cleaned and sorted."""
    settings = Settings.from_environment(
        {
            "MCPWORKLOAD_NAMESPACES": " b, a,,a ",
            "POD_NAMESPACE": "ops",
            "POD_NAME": "p",
            "MCPWORKLOAD_LOG_FORMAT": "json",
            "MCPWORKLOAD_LOG_LEVEL": "DEBUG",
            "MCPWORKLOAD_PROBE_PORT": "0",
            "MCPWORKLOAD_WORKERS": "3",
            "MCPWORKLOAD_POD_SECURITY": "restricted",
            "MCPWORKLOAD_BRIDGE_IMAGE": "bridge:1",
            "MCPWORKLOAD_BRIDGE_VOLUME": "image",
            "MCPWORKLOAD_ATTACH": "denied",
            "MCPWORKLOAD_EXPOSURE": "denied",
            "MCPWORKLOAD_API_AUDIENCES": "https://issuer.example, api",
            "MCPWORKLOAD_EGRESS_IMAGE": "egress:1",
            "MCPWORKLOAD_GATE": "waived",
            "MCPWORKLOAD_GATE_SERVICE": "door",
            "MCPWORKLOAD_GATE_PORT": "0",
            "MCPWORKLOAD_DNS_SERVERS": "169.254.20.10, fd00::/64",
            "MCPWORKLOAD_HOST_PATHS": "/srv/data, /models",
            "MCPWORKLOAD_VERIFICATION": "OnStart",
            "MCPWORKLOAD_VERIFICATION_INTERVAL": "1h30m",
            "MCPWORKLOAD_VERIFICATION_TIMEOUT": "2s",
        }
    )

    assert settings == Settings(
        namespaces=("a", "b"),
        operator_namespace="ops",
        identity="p",
        log_format="json",
        log_level="DEBUG",
        probe_port=0,
        workers=3,
        pod_security=PodSecurity.RESTRICTED,
        bridge_image="bridge:1",
        bridge_volume=BridgeVolume.IMAGE,
        is_attach_allowed=False,
        is_exposure_allowed=False,
        api_audiences=("api", "https://issuer.example"),
        egress_image="egress:1",
        is_gate_required=False,
        gate_service="door",
        gate_port=0,
        dns_servers=("169.254.20.10/32", "fd00::/64"),
        host_paths=("/models", "/srv/data"),
        verification="OnStart",
        verification_interval=5400.0,
        verification_timeout=2.0,
    )


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("MCPWORKLOAD_LOG_FORMAT", "xml", "write one of auto, text, json"),
        (
            "MCPWORKLOAD_POD_SECURITY",
            "strict",
            "write one of restricted, baseline, privileged",
        ),
        ("MCPWORKLOAD_BRIDGE_IMAGE", "bridge: 1", "write one image, without spaces"),
        ("MCPWORKLOAD_BRIDGE_VOLUME", "mount", "write one of copy, image"),
        ("MCPWORKLOAD_ATTACH", "no", "write one of allowed, denied"),
        ("MCPWORKLOAD_EXPOSURE", "no", "write one of allowed, denied"),
        ("MCPWORKLOAD_EGRESS_IMAGE", "egress: 1", "write one image, without spaces"),
        ("MCPWORKLOAD_GATE", "off", "write one of required, waived"),
        ("MCPWORKLOAD_GATE_PORT", "-1", "write a number from 0 to 65535"),
        ("MCPWORKLOAD_WORKERS", "0", "write a number from 1 to 256"),
        ("MCPWORKLOAD_PROBE_PORT", "http", "write a number from 0 to 65535"),
    ],
)
def test_a_bad_value_is_named(name: str, value: str, message: str) -> None:
    """Variable, value, and what would be right."""
    with pytest.raises(BadSetting, match=f"{name} is '{value}'; {message}"):
        Settings.from_environment({name: value})


@pytest.mark.parametrize("value", ["dns.example", "10.0.0.1/8", "10.0.0.300"])
def test_dns_servers_are_addresses_or_networks(value: str) -> None:
    """A network with bits of a host set is hardly the one that was meant."""
    with pytest.raises(
        BadSetting, match=r"MCPWORKLOAD_DNS_SERVERS: .*; write addresses or networks"
    ):
        Settings.from_environment({"MCPWORKLOAD_DNS_SERVERS": f"10.0.0.10,{value}"})


@pytest.mark.parametrize("value", ["data", "/srv/../etc", "/srv/", "//srv", "./srv"])
def test_host_paths_are_absolute_and_plain(value: str) -> None:
    """What is compared with a mount must not lead elsewhere."""
    with pytest.raises(BadSetting, match=r"MCPWORKLOAD_HOST_PATHS has .*; write absolute paths"):
        Settings.from_environment({"MCPWORKLOAD_HOST_PATHS": f"/models,{value}"})


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("VERIFICATION", "off", "write one of Periodic, OnStart, Off"),
        ("VERIFICATION_INTERVAL", "300", "write a duration of a second or more, such as 90s"),
        ("VERIFICATION_TIMEOUT", "10ms", "write a duration of a second or more"),
    ],
)
def test_a_wrong_choice_of_verification(name: str, value: str, words: str) -> None:
    """The message says what to write."""
    with pytest.raises(BadSetting, match=words):
        Settings.from_environment({f"MCPWORKLOAD_{name}": value})
