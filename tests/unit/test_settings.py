"""Settings from the environment."""

import pytest

from mcpworkload.settings import BadSetting, PodSecurity, Settings


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
        }
    )

    assert settings == Settings(
        ("a", "b"), "ops", "p", "json", "DEBUG", 0, 3, PodSecurity.RESTRICTED
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
        ("MCPWORKLOAD_WORKERS", "0", "write a number from 1 to 256"),
        ("MCPWORKLOAD_PROBE_PORT", "http", "write a number from 0 to 65535"),
    ],
)
def test_a_bad_value_is_named(name: str, value: str, message: str) -> None:
    """Variable, value, and what would be right."""
    with pytest.raises(BadSetting, match=f"{name} is '{value}'; {message}"):
        Settings.from_environment({name: value})
