"""
Attempts to get out of a pod, made from inside; only the standard library.

Its one argument is a JSON list of attempts: target, protocol, host, port, and whether the client
asks the proxy that its environment names. All are made at once. Then a JSON line for each has the
attempt, and what came of it: `reached NAME` with the name that the other side answered with,
`denied STATUS` by the proxy, or `none` and the reason.
"""

import json
import os
import socket
import ssl
import struct
import sys
import threading
from pathlib import Path

SECONDS = 1.5
_OK = "200"
#: In DNS: the first byte of a pointer, and what is between a record's name and its address.
_POINTER, _FIXED = 0xC0, 10


class Denied(Exception):
    """The proxy answered with another status than 200."""


def look_up(name: str, transport: str = "udp") -> str:
    """Return the first address of *name* that the pod's DNS server answers with."""
    try:
        socket.inet_aton(name)
    except OSError:
        pass
    else:
        return name
    lines = Path("/etc/resolv.conf").read_text(encoding="utf-8").splitlines()
    servers = [line.split()[1] for line in lines if line.startswith("nameserver")]
    if not servers:
        raise OSError("no DNS server")
    labels = (label.encode() for label in name.split("."))
    question = b"".join(bytes([len(label)]) + label for label in labels)
    query = struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + question + struct.pack("!B2H", 0, 1, 1)
    if transport == "tcp":
        with socket.create_connection((servers[0], 53), SECONDS) as connection:
            connection.settimeout(SECONDS)
            connection.sendall(struct.pack("!H", len(query)) + query)
            answer = connection.recv(2048)[2:]
    else:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
            asker.settimeout(SECONDS)
            asker.connect((servers[0], 53))
            asker.send(query)
            answer = asker.recv(2048)
    count = struct.unpack("!H", answer[6:8])[0]
    if not count:
        raise OSError("no such name")
    place = len(query)
    # A record begins with its name: whole, or two bytes that point to it.
    while answer[place] and answer[place] < _POINTER:
        place += 1 + answer[place]
    place += 2 if answer[place] else 1
    return socket.inet_ntoa(answer[place + _FIXED : place + _FIXED + 4])


def proxy_of(protocol: str) -> "tuple[str, int] | None":
    """Return the proxy that the environment names for a protocol, as clients read it."""
    url = os.environ.get("HTTP_PROXY" if protocol == "http" else "HTTPS_PROXY", "")
    if not url:
        return None
    host, _, port = url.partition("://")[2].rstrip("/").rpartition(":")
    return host, int(port)


def read_head(connection: socket.socket) -> bytes:
    """Receive up to the end of a head, and what came with it."""
    received = b""
    while b"\r\n\r\n" not in received:
        more = connection.recv(4096)
        if not more:
            break
        received += more
    return received


def check_status(head: bytes) -> None:
    """Raise Denied for any status but 200."""
    words = head.split()
    status = words[1].decode() if len(words) > 1 else "nothing"
    if status != _OK:
        raise Denied(status)


def connect(host: str, port: int, protocol: str, is_aware: bool) -> "tuple[socket.socket, bool]":
    """Return a connection, and whether its other end is a proxy that was not asked for a tunnel."""
    proxy = proxy_of(protocol) if is_aware else None
    if proxy is None:
        connection = socket.create_connection((look_up(host), port), SECONDS)
        connection.settimeout(SECONDS)
        return connection, False
    connection = socket.create_connection(proxy, SECONDS)
    # The proxy has its own lookups and connections to wait for.
    connection.settimeout(2 * SECONDS)
    if protocol == "http":
        return connection, True
    request = f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n"
    connection.sendall(request.encode())
    check_status(read_head(connection))
    return connection, False


def try_tcp(host: str, port: int, protocol: str, is_aware: bool) -> str:
    """Return what the other side answered over http, https or plain TCP."""
    connection, is_proxy = connect(host, port, protocol, is_aware)
    with connection:
        if protocol == "https":
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
            connection = tls.wrap_socket(connection, server_hostname=host)
        if protocol == "tcp":
            connection.sendall(b"?")
            return connection.recv(100).decode()
        path = f"http://{host}:{port}/" if is_proxy else "/"
        connection.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
        )
        answer = read_head(connection)
        if protocol == "http":
            check_status(answer)
        body = answer.partition(b"\r\n\r\n")[2]
        return (body or connection.recv(200)).decode(errors="replace")


def try_udp(host: str, port: int) -> str:
    """Return what the other side answered to a datagram."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(SECONDS)
        client.connect((look_up(host), port))
        client.send(b"?")
        return client.recv(100).decode()


def make(attempt: "tuple[str, str, str, int, bool]", lines: "list[str]") -> None:
    """Make one attempt and add its line."""
    _, protocol, host, port, is_aware = attempt
    try:
        if protocol.startswith("lookup"):
            answer = look_up(host, protocol.partition(" ")[2])
        elif protocol == "udp":
            answer = try_udp(host, port)
        else:
            answer = try_tcp(host, port, protocol, is_aware)
        words = " ".join(answer.split())
        outcome = f"reached {words[:60]}" if words else "none: no answer"
    except Denied as denied:
        outcome = f"denied {denied}"
    except (OSError, IndexError, struct.error) as error:
        outcome = f"none: {error}"
    lines.append(json.dumps([*attempt, outcome]))


def main() -> None:
    """Make all attempts at once, then print what came of them."""
    lines: list[str] = []
    threads = [
        threading.Thread(target=make, args=(attempt, lines)) for attempt in json.loads(sys.argv[1])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # By one thread: another's line may begin within this one's.
    sys.stdout.write("".join(f"{line}\n" for line in lines))


if __name__ == "__main__":
    main()
