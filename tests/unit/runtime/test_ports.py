"""What a port and a binding of the interface become on Kubernetes."""

from typing import Any

import pytest

from mcpworkload.runtime import DeployWorkloadOptions, PortBinding, WorkloadInvalid
from mcpworkload.runtime.ports import ports_spec


def make_spec(
    *exposed: str,
    env: dict[str, str] | None = None,
    bindings: dict[str, list[PortBinding]] | None = None,
) -> dict[str, Any]:
    """The fields for those ports."""
    options = DeployWorkloadOptions(exposed_ports=exposed, port_bindings=bindings or {})
    return ports_spec(options, env or {})


@pytest.mark.parametrize(
    ("exposed", "env", "port"),
    [
        pytest.param([], {}, 8080, id="nothing exposed"),
        pytest.param(["3000/tcp"], {}, 3000, id="the one that is exposed"),
        pytest.param(["53/udp"], {}, 8080, id="no TCP port is exposed"),
        pytest.param(["3000/tcp", "8080/tcp"], {}, 8080, id="the default among several"),
        pytest.param(["3000/tcp", "3001"], {"MCP_PORT": "3001"}, 3001, id="the environment's"),
        pytest.param([], {"MCP_PORT": "30080"}, 30080, id="in the range of node ports"),
    ],
)
def test_the_transport_has_its_port(exposed: list[str], env: dict[str, str], port: int) -> None:
    """The original returned 0 whatever it was."""
    assert make_spec(*exposed, env=env)["transport"] == {"port": port}


def test_a_host_port_is_a_port_of_a_service_with_an_address_of_its_own() -> None:
    """The headless one cannot translate; a number of the node port range is like any other."""
    assert make_spec("8080/tcp", bindings={"9090/tcp": [PortBinding(host_port="30080")]}) == {
        "transport": {"port": 8080},
        "ports": [{"name": "tcp-9090", "port": 9090, "protocol": "TCP", "servicePort": 30080}],
        "service": {"type": "ClusterIP"},
    }


@pytest.mark.parametrize("host_port", ["", "0", "9090"])
def test_the_ports_own_number_needs_no_second_service(host_port: str) -> None:
    """An empty host port is no random one."""
    binding = PortBinding(host_ip="::", host_port=host_port)

    assert make_spec("8080/tcp", bindings={"9090/udp": [binding]}) == {
        "transport": {"port": 8080},
        "ports": [{"name": "udp-9090", "port": 9090, "protocol": "UDP"}],
    }


@pytest.mark.parametrize(
    ("exposed", "bindings", "words"),
    [
        pytest.param(["3000/tcp", "3001/tcp"], {}, "3000, 3001", id="which is the transport's"),
        pytest.param(["web/tcp"], {}, "'web/tcp' is no port", id="no number"),
        pytest.param(["0/tcp"], {}, "'0' is no port number", id="zero"),
        pytest.param(["70000/tcp"], {}, "'70000' is no port number", id="too large"),
        pytest.param(["80/http"], {}, "'80/http' is no port", id="no protocol"),
        pytest.param(
            [], {"8080/tcp": [PortBinding(host_port="80")]}, "own number only", id="transport"
        ),
        pytest.param(
            [],
            {"9090/udp": [PortBinding(host_ip="127.0.0.1")]},
            "cannot be bound to 127.0.0.1",
            id="one address",
        ),
        pytest.param(
            [],
            {"9090/udp": [PortBinding(host_port="1"), PortBinding(host_port="2")]},
            "several host ports",
            id="two host ports",
        ),
        pytest.param(
            [], {"9090/udp": [PortBinding(host_port="http")]}, "'http' is no", id="a word"
        ),
    ],
)
def test_what_no_service_can_do_is_refused(
    exposed: list[str], bindings: dict[str, list[PortBinding]], words: str
) -> None:
    """The original ignored most of it, and could not deploy the rest."""
    with pytest.raises(WorkloadInvalid, match=words):
        make_spec(*exposed, bindings=bindings)
