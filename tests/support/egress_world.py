"""
A network of its own with an egress proxy in it; run by `tests/support/egress.py`.

It runs in namespaces that need no rights, where every address is this machine's: a stand-in answers
on each of them and says which it was. Standard library only. It reads one JSON object from its
standard input and writes one to its standard output.
"""

import contextlib
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

PORTS = (80, 443, 8080)
PROXY = ("127.0.0.1", 3128)
CONF = "etc/mcpworkload-egress/squid.conf"
USER = 65532


def main() -> None:
    """Do what standard input asks for."""
    wanted = json.load(sys.stdin)
    root = Path(wanted["root"])
    set_up_network()
    if "parse" in wanted:
        json.dump(parse_each(root, wanted["parse"]), sys.stdout)
        return
    (root / "etc/resolv.conf").write_text("nameserver 127.0.0.1\n")
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n")
    (root / CONF).write_text(wanted["conf"])
    mount(root)
    names = Names(wanted["zone"])
    for port in PORTS:
        for host in ("0.0.0.0", "::"):  # noqa: S104 - in a network of its own
            threading.Thread(target=stand_in, args=(host, port), daemon=True).start()
    threading.Thread(target=names.serve, daemon=True).start()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        proxy = start_proxy(root, out, err)
        idle = memory(proxy.pid)
        answers = [ask(text) for text in wanted["requests"]] if "requests" in wanted else []
        hammered = hammer(wanted["hammer"], wanted["seconds"]) if "hammer" in wanted else []
        measured = measure(wanted["measure"], proxy.pid) if "measure" in wanted else {}
        proxy.terminate()
        ended = proxy.wait(10)
        out.seek(0)
        err.seek(0)
        result = {"answers": answers, "hammered": hammered, "asked": names.asked, "idle": idle}
        result |= {"log": out.read().splitlines(), "errors": err.read(), "ended": ended}
        json.dump(result | {"measured": measured}, sys.stdout)


def set_up_network() -> None:
    """Make every address this machine's."""
    for command in (
        "link set lo up",
        "route add local 0.0.0.0/0 dev lo",
        "-6 route add local ::/0 dev lo",
    ):
        subprocess.run(["ip", *command.split()], check=True)


def mount(root: Path) -> None:
    """Make *root* read-only, with what a container has below /dev and /proc."""
    for arguments in (
        f"--bind {root} {root}",
        f"--rbind /dev {root}/dev",
        f"--rbind /proc {root}/proc",
        f"-o remount,bind,ro {root}",
    ):
        subprocess.run(["mount", *arguments.split()], check=True)


def start_proxy(root: Path, out: Any, err: Any) -> subprocess.Popen[bytes]:
    """Start the proxy as the image does, as a user without rights; return once it accepts."""
    # A user namespace is the one way to another user where there is one user only.
    command = ["unshare", "--user", f"--map-user={USER}", f"--map-group={USER}", f"--root={root}"]
    command += ["/usr/sbin/squid", "-N", "-f", f"/{CONF}"]
    proxy = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
    for _ in range(500):
        with contextlib.suppress(OSError), socket.create_connection(PROXY, 1):
            return proxy
        if proxy.poll() is not None:
            break
        time.sleep(0.02)
    err.seek(0)
    raise SystemExit(f"the proxy does not start: {err.read()}")


def stand_in(host: str, port: int) -> None:
    """Answer each request on *port* with the address that it came to."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((host, port))
        listener.listen(128)
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=serve_one, args=(connection,), daemon=True).start()


def serve_one(connection: socket.socket) -> None:
    """Answer requests on *connection* until it closes."""
    with contextlib.suppress(OSError), connection:
        while True:
            head = read_head(connection)
            if not head:
                return
            reached = json.dumps({"reached": connection.getsockname()[0], "head": head.decode()})
            answer = f"HTTP/1.1 200 OK\r\nContent-Length: {len(reached)}\r\n\r\n{reached}"
            # In one piece: a second one would wait 40 ms for the delayed acknowledgement.
            connection.sendall(answer.encode())


def read_head(connection: socket.socket) -> bytes:
    """Return what comes until an empty line or the end."""
    head = b""
    while b"\r\n\r\n" not in head:
        received = connection.recv(4096)
        if not received:
            break
        head += received
    return head


class Names:
    """A DNS server: a name has a list of answers, of which each lookup takes the next."""

    def __init__(self, zone: dict[str, list[list[str]]]) -> None:
        self._zone = zone
        self._count: dict[tuple[str, int], int] = {}
        self.asked: list[str] = []

    def serve(self) -> None:
        """Answer for ever."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
            server.bind(("127.0.0.1", 53))
            while True:
                question, client = server.recvfrom(512)
                server.sendto(self._answer(question), client)

    def _answer(self, question: bytes) -> bytes:
        """Return the answer to *question*, with a time to live of nothing."""
        labels, at = [], 12
        while question[at]:
            labels.append(question[at + 1 : at + 1 + question[at]].decode())
            at += 1 + question[at]
        name = ".".join(labels).lower()
        kind = int.from_bytes(question[at + 1 : at + 3], "big")
        self.asked.append(name)
        answers = self._zone.get(name)
        if answers is None:
            return question[:2] + b"\x81\x83" + question[4:6] + bytes(6) + question[12 : at + 5]
        turn = self._count.get((name, kind), 0)
        self._count[name, kind] = turn + 1
        family = {1: socket.AF_INET, 28: socket.AF_INET6}.get(kind)
        records = b""
        count = 0
        for address in answers[turn % len(answers)]:
            if family == (socket.AF_INET6 if ":" in address else socket.AF_INET):
                packed = socket.inet_pton(family, address)
                records += b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 0, len(packed)) + packed
                count += 1
        head = question[:2] + b"\x81\x80" + question[4:6] + struct.pack(">HHH", count, 0, 0)
        return head + question[12 : at + 5] + records


def ask(text: str, timeout: float = 25) -> dict[str, Any]:
    """Send a request's *text* to the proxy; return the status and the address it came to."""
    with socket.create_connection(PROXY, timeout) as connection:
        connection.settimeout(timeout)
        connection.sendall(text.encode("latin-1"))
        try:
            status, body = answer_of(connection)
            if text.startswith("CONNECT") and status == 200:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                status, body = answer_of(connection)
        except OSError as error:
            return {"status": 0, "reached": "", "body": str(error)}
    try:
        found = json.loads(body)
    except ValueError:
        return {"status": status, "reached": "", "body": body}
    return {"status": status, "reached": found["reached"], "body": found["head"]}


def answer_of(connection: socket.socket) -> tuple[int, str]:
    """Return the status and the body of the answer that *connection* receives."""
    head, _, body = read_head(connection).partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    fields = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
    while len(body) < int(fields.get("content-length", 0)):
        received = connection.recv(4096)
        if not received:
            break
        body += received
    status = lines[0].split()[1] if " " in lines[0] else "0"
    return int(status), body.decode("latin-1")


def hammer(texts: list[str], seconds: float) -> list[str]:
    """Send *texts* from four threads again and again; return each address reached, and statuses."""
    found: set[str] = set()
    end = time.monotonic() + seconds

    def send() -> None:
        while time.monotonic() < end:
            for text in texts:
                answer = ask(text)
                found.add(answer["reached"] or str(answer["status"]))

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(found)


def memory(pid: int) -> int:
    """Return the resident kB of the proxy, whose *pid* counts in this namespace; 0 if unknown."""
    for status in Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError):
            fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
            if fields["Name"].strip() == "squid" and fields["NSpid"].split()[-1] == str(pid):
                return int(fields["VmRSS"].split()[0])
    return 0


def measure(host: str, pid: int) -> dict[str, float]:
    """Return medians in ms of 200 requests to *host*, and the memory with 100 tunnels open."""
    times: dict[str, list[float]] = {"direct": [], "http": [], "connect": []}
    plain = f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
    through = f"GET http://{host}/ HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    tunnel = f"CONNECT {host}:80 HTTP/1.1\r\nHost: {host}:80\r\n\r\n"
    for _ in range(200):
        begin = time.perf_counter()
        with socket.create_connection(("198.51.100.10", 80)) as connection:
            connection.sendall(plain)
            answer_of(connection)
        times["direct"].append(time.perf_counter() - begin)
        for kind, text in (("http", through), ("connect", tunnel)):
            begin = time.perf_counter()
            ask(text)
            times[kind].append(time.perf_counter() - begin)
    with contextlib.ExitStack() as open_tunnels:
        for _ in range(100):
            connection = open_tunnels.enter_context(socket.create_connection(PROXY))
            connection.sendall(tunnel.encode())
            read_head(connection)
        busy = memory(pid)
    medians = {kind: sorted(found)[100] * 1000 for kind, found in times.items()}
    return medians | {"busy": busy, "after": memory(pid)}


def parse_each(root: Path, confs: list[str]) -> list[str]:
    """Return what squid says against each of *confs*; nothing is right."""
    said = []
    for conf in confs:
        (root / CONF).write_text(conf)
        done = subprocess.run(
            ["/usr/sbin/squid", "-k", "parse", "-f", f"/{CONF}"],
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=lambda: os.chroot(root),
        )
        lines = [line for line in done.stderr.splitlines() if "| Processing" not in line]
        bad = [line for line in lines if any(word in line for word in ("FATAL", "ERROR", "WARN"))]
        bad = [line for line in bad if "HTTP requires the use of Via" not in line]
        said.append("\n".join(bad) or ("" if done.returncode == 0 else f"exit {done.returncode}"))
    return said


if __name__ == "__main__":
    main()
