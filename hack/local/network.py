"""
The pods' network: a bridge, a route table without an exit, and the removal of all of it.

Pods reach one another, Services and this node, over IPv4 alone. They cannot leave the machine, so
that no test can send a packet to another host.
"""

import itertools
import json
import re
from pathlib import Path

from hack.local.host import cni_plugins
from hack.local.settings import (
    API_PORT,
    BRIDGE,
    NODE_ADDRESS,
    POD_RANGE,
    POLICIES,
    SERVICE_RANGE,
    STAND_INS,
    Settings,
)
from hack.terminal import ToolError, run, succeeds

_NETWORK = "mcpworkload-local"
_CHAIN = "MCPWORKLOAD-INPUT"
_FORWARD_CHAIN = "MCPWORKLOAD-FORWARD"
#: Number of the route table for packets that come from pods, and priority of its rule.
_TABLE = "10244"
_SYSCTLS = {
    "net.ipv4.ip_forward": "1",
    # Traffic between two pods crosses only the bridge, where Services and policies must see it.
    "net.bridge.bridge-nf-call-iptables": "1",
    "net.bridge.bridge-nf-call-ip6tables": "1",
}
#: Chains of kube-proxy, the kubelet, the CNI plugins, the policy engine, and ours.
_OUR_CHAINS = re.compile(r"(KUBE-|CNI-|AZURE-NPM|MCPWORKLOAD-)")
_OUR_SETS = "azure-npm-"
_CNI_RESULTS = Path("/var/lib/cni/results")


def make_network(settings: Settings) -> None:
    """Make bridge, routes and rules; idempotent. The node's address must exist before its API."""
    _set_sysctls(settings.state / "sysctls.json")
    if not bridge_exists():
        run(["ip", "link", "add", BRIDGE, "type", "bridge"])
    run(["ip", "address", "replace", f"{NODE_ADDRESS}/24", "dev", BRIDGE])
    run(["ip", "link", "set", BRIDGE, "up"])
    _close_exit()
    _guard_node()
    _write_cni_configuration(settings)


def _close_exit() -> None:
    """
    Let packets from pods go to pods only, and none to a Service leave this machine.

    A packet to a Service without endpoints keeps its address until kube-proxy refuses it, and would
    take the default route before; on the bridge no host has that address.

    Not a rule in FORWARD: what a NetworkPolicy allows is accepted there before it would be read.
    The node's own addresses are in the local table, which every packet meets first, and a Service's
    address has become a pod's by the time of routing.
    """
    run(["ip", "route", "replace", SERVICE_RANGE, "dev", BRIDGE])
    for network in (POD_RANGE, *STAND_INS):
        run(["ip", "route", "replace", network, "dev", BRIDGE, "table", _TABLE])
    run(["ip", "route", "replace", "prohibit", "default", "table", _TABLE])
    if f"lookup {_TABLE}" not in run(["ip", "rule", "show"]):
        run(["ip", "rule", "add", "iif", BRIDGE, "lookup", _TABLE, "priority", _TABLE])


def _guard_node() -> None:
    """
    Keep the API server, the kubelet and DNS to this machine and to pods that may reach them.

    The API server can bind to one address only, and needs two: loopback for people, the bridge for
    pods. And Linux accepts packets for the bridge's address on every link.

    The policy engine reads only what is forwarded, since other clusters' API servers and DNS are
    elsewhere. Here they are processes of the node, so what pods send to it takes the same way.
    """
    # The engine keeps a chain of that name where it finds one.
    if not succeeds(["iptables", "-w", "-n", "-L", POLICIES]):
        run(["iptables", "-w", "-N", POLICIES])
    _fill_chain("iptables", _CHAIN, "INPUT", build_input_rules())
    api = f"-p tcp --dport {API_PORT} -j REJECT"
    _fill_chain("ip6tables", _CHAIN, "INPUT", ["-i lo -j RETURN", f"-i {BRIDGE} -j DROP", api])
    # The engine knows no IPv6, and pods have link-local addresses of it.
    _fill_chain("ip6tables", _FORWARD_CHAIN, "FORWARD", [f"-i {BRIDGE} -j DROP"])


def build_input_rules() -> list[str]:
    """Return the rules for IPv4 packets to this node, without the chain that they are in. Pure."""
    return [
        "-i lo -j RETURN",
        f"-i {BRIDGE} -m conntrack --ctstate NEW -j {POLICIES}",
        f"-i {BRIDGE} -j RETURN",
        f"-p tcp --dport {API_PORT} -j REJECT",
        f"-d {NODE_ADDRESS} -j REJECT",
    ]


def _fill_chain(command: str, chain: str, hook: str, rules: list[str]) -> None:
    """Make *chain* hold *rules* and no others, at once, and be read by *hook* before others."""
    appended = [f"-A {chain} {rule}" for rule in rules]
    has_jump = succeeds([command, "-w", "-C", hook, "-j", chain])
    jump = [] if has_jump else [f"-I {hook} -j {chain}"]
    script = ["*filter", f":{chain} - [0:0]", *appended, *jump, "COMMIT", ""]
    run([f"{command}-restore", "-w", "--noflush"], stdin="\n".join(script))


def _write_cni_configuration(settings: Settings) -> None:
    bridge = {
        "type": "bridge",
        "bridge": BRIDGE,
        "isGateway": True,
        "hairpinMode": True,
        "ipam": {
            "type": "host-local",
            "dataDir": str(settings.state / "cni" / "leases"),
            "ranges": [[{"subnet": POD_RANGE, "gateway": NODE_ADDRESS}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    content = {"cniVersion": "0.4.0", "name": _NETWORK, "plugins": [bridge, ports]}
    folder = settings.state / "cni" / "config"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "10-mcpworkload.conflist").write_text(json.dumps(content, indent=2))


def plugin_folder() -> str:
    """Return the folder in which containerd finds the CNI plugins."""
    return str(cni_plugins())


def _set_sysctls(record: Path) -> None:
    """Set the needed sysctls, and record their former values once."""
    if not _sysctl("net.bridge.bridge-nf-call-iptables").exists():
        run(["modprobe", "br_netfilter"])
    if not record.exists():
        before = {name: _sysctl(name).read_text().strip() for name in _SYSCTLS}
        record.write_text(json.dumps(before))
    for name, value in _SYSCTLS.items():
        _sysctl(name).write_text(value)


def _sysctl(name: str) -> Path:
    return Path("/proc/sys") / name.replace(".", "/")


def bridge_exists() -> bool:
    """Return whether our bridge exists; its name is ours alone."""
    return Path("/sys/class/net", BRIDGE).exists()


def remove_pod_links(state: Path) -> None:
    """Remove every pod's address and link; only for pods that have ended."""
    for link in _pod_links():
        succeeds(["ip", "link", "delete", link])
    for lease in (state / "cni" / "leases").glob("*/*"):
        if lease.name != "lock":
            lease.unlink(missing_ok=True)
    for result in _cni_results(state):
        result.unlink(missing_ok=True)


def remove_network(state: Path) -> None:
    """Undo all changes to this machine's network, ours and the components'."""
    remove_pod_links(state)
    if bridge_exists():
        run(["ip", "link", "delete", BRIDGE])
    succeeds(["ip", "rule", "delete", "lookup", _TABLE])
    succeeds(["ip", "route", "flush", "table", _TABLE])
    for command in ("iptables", "ip6tables"):
        script = build_removal(run([f"{command}-save"]))
        if script:
            run([f"{command}-restore", "-w", "--noflush"], stdin=script)
    _destroy_sets()
    record = state / "sysctls.json"
    if record.exists():
        for name, value in json.loads(record.read_text()).items():
            _sysctl(name).write_text(value)


def build_removal(saved: str) -> str:
    """
    Return the input of `iptables-restore --noflush` that removes our chains and the rules to them.

    *saved* is what `iptables-save` printed. Pure, and empty when there is nothing to remove.
    """
    script: list[str] = []
    for table in re.findall(r"^\*.*?^COMMIT$", saved, re.MULTILINE | re.DOTALL):
        lines = table.splitlines()
        chains = [line[1:].split()[0] for line in lines if line.startswith(":")]
        ours = [chain for chain in chains if _OUR_CHAINS.match(chain)]
        if not ours:
            continue
        jumps = [line for line in lines if _is_foreign_jump(line)]
        script += [lines[0], *(f":{chain} - [0:0]" for chain in ours)]
        script += [f"-D{line[2:]}" for line in jumps]
        script += [*(f"-X {chain}" for chain in ours), "COMMIT"]
    return "\n".join([*script, ""]) if script else ""


def _is_foreign_jump(line: str) -> bool:
    """Return whether a rule of another chain leads into one of ours."""
    words = line.split()
    if len(words) < 2 or words[0] != "-A" or _OUR_CHAINS.match(words[1]):
        return False
    target = next((b for a, b in itertools.pairwise(words) if a in ("-j", "-g")), "")
    return bool(_OUR_CHAINS.match(target))


def _destroy_sets() -> None:
    names = _set_names()
    # Sets hold sets, and one that is held can't be destroyed: empty them all first.
    script = [f"flush {name}" for name in names] + [f"destroy {name}" for name in names]
    if script:
        run(["ipset", "restore"], stdin="\n".join([*script, ""]))


def _set_names() -> list[str]:
    return [name for name in run(["ipset", "list", "-n"]).split() if name.startswith(_OUR_SETS)]


def _pod_links() -> list[str]:
    """Return the host's ends of the pods' links, which are attached to our bridge."""
    ports = Path("/sys/class/net", BRIDGE, "brif")
    return sorted(port.name for port in ports.iterdir()) if ports.exists() else []


def _cni_results(state: Path) -> list[Path]:
    """Return the CNI library's cache of our pods, outside of our state folder."""
    if not _CNI_RESULTS.exists():
        return []
    needle = str(state).encode()
    return [
        path
        for path in _CNI_RESULTS.iterdir()
        if path.name.startswith(f"{_NETWORK}-") or needle in path.read_bytes()
    ]


def find_network(state: Path) -> list[str]:
    """Name everything of ours that is still in this machine's network."""
    found = [f"network link {BRIDGE}"] if bridge_exists() else []
    found += [f"network link {link}" for link in _pod_links()]
    found += [f"CNI result {path}" for path in _cni_results(state)]
    try:
        if f"lookup {_TABLE}" in run(["ip", "rule", "show"]):
            found.append(f"routing rule for table {_TABLE}")
        for command in ("iptables", "ip6tables"):
            found += [
                f"{command} chain {line[2:]}"
                for line in build_removal(run([f"{command}-save"])).splitlines()
                if line.startswith("-X")
            ]
        found += [f"ipset {name}" for name in _set_names()]
    except ToolError:
        # Programs that were never installed have left nothing.
        return found
    return found
