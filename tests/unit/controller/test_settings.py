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
        ("MCPWORKLOAD_WORKERS", "0", "write a number from 1 to 256"),
        ("MCPWORKLOAD_PROBE_PORT", "http", "write a number from 0 to 65535"),
    ],
)
def test_a_bad_value_is_named(name: str, value: str, message: str) -> None:
    """Variable, value, and what would be right."""
    with pytest.raises(BadSetting, match=f"{name} is '{value}'; {message}"):
        Settings.from_environment({name: value})
