"""
What runs in a pod that stands for hosts outside of the cluster; only the standard library.

Its one argument is JSON: `hosts` are pairs of a name and an address at which it answers, with that
name, over http, https, TCP and UDP (an empty address is the pod's own); `names` are lists of the
addresses that its DNS server answers with, one list after the other; `certificate` is PEM.
"""

import itertools
import json
import socket
import ssl
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

HTTP, HTTPS, TCP, UDP, DNS = 80, 443, 9000, 9001, 53
LINK = "eth0"
_NEW_ADDRESS, _REQUEST, _ACK, _CREATE, _REPLACE = 20, 0x1, 0x4, 0x400, 0x100
_LOCAL, _ADDRESS = 2, 1

Answer = Callable[[socket.socket, str], None]


def add_address(address: str) -> None:
    """Give the pod's link a further address, as `ip address add` does, which the image has not."""
    raw = socket.inet_aton(address)
    body = struct.pack("=BBBBI", socket.AF_INET, 32, 0, 0, socket.if_nametoindex(LINK))
    for kind in (_ADDRESS, _LOCAL):
        body += struct.pack("=HH4s", 8, kind, raw)
    flags = _REQUEST | _ACK | _CREATE | _REPLACE
    header = struct.pack("=IHHII", 16 + len(body), _NEW_ADDRESS, flags, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as kernel:
        kernel.send(header + body)
        (problem,) = struct.unpack("=i", kernel.recv(4096)[16:20])
    if problem:
        raise OSError(-problem, f"the kernel refuses {address}")


def note(name: str, protocol: str, client: str) -> None:
    """Write who came."""
    line = json.dumps({"host": name, "protocol": protocol, "from": client})
    # One write: threads write at the same time.
    sys.stderr.write(f"{line}\n")


def answer_http(connection: socket.socket, name: str) -> None:
    """Answer one request with the name."""
    request = b""
    while b"\r\n\r\n" not in request:
        received = connection.recv(4096)
        if not received:
            return
        request += received
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(name)}\r\nConnection: close\r\n\r\n"
    connection.sendall(f"{head}{name}".encode())


def answer_tcp(connection: socket.socket, name: str) -> None:
    """Answer what comes with the name."""
    if connection.recv(100):
        connection.sendall(name.encode())


def serve_tcp(name: str, address: str, port: int, answer: Answer, tls: Any = None) -> None:
    """Answer connections forever, each in a thread of its own."""
    protocol = {HTTP: "http", HTTPS: "https", TCP: "tcp"}[port]

    def handle(connection: socket.socket, client: str) -> None:
        note(name, protocol, client)
        try:
            connection.settimeout(5)
            if tls is not None:
                connection = tls.wrap_socket(connection, server_side=True)
            answer(connection, name)
        except OSError:
            # A client that left has been noted.
            return
        finally:
            connection.close()

    with socket.create_server((address, port), backlog=128) as listener:
        while True:
            connection, client = listener.accept()
            threading.Thread(target=handle, args=(connection, client[0]), daemon=True).start()


def serve_udp(name: str, address: str) -> None:
    """Answer datagrams forever."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((address, UDP))
        while True:
            _, client = server.recvfrom(2048)
            note(name, "udp", client[0])
            server.sendto(name.encode(), client)


def serve_dns(table: dict[str, list[list[str]]]) -> None:
    """Answer lookups of addresses out of a table forever; each answer holds for no time."""
    turns: dict[str, Iterator[list[str]]] = {
        name: itertools.cycle(answers) for name, answers in table.items()
    }
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("", DNS))
        while True:
            query, client = server.recvfrom(2048)
            server.sendto(build_answer(query, turns), client)


def build_answer(query: bytes, turns: dict[str, Iterator[list[str]]]) -> bytes:
    """Return the response to a query; a name that is not in the table does not exist."""
    labels, place = [], 12
    while query[place]:
        labels.append(query[place + 1 : place + 1 + query[place]].decode().lower())
        place += 1 + query[place]
    kind = struct.unpack("!H", query[place + 1 : place + 3])[0]
    question = query[12 : place + 5]
    name = ".".join(labels)
    addresses = next(turns[name]) if name in turns and kind == 1 else []
    flags = 0x8580 | (0 if name in turns else 3)
    header = query[:2] + struct.pack("!5H", flags, 1, len(addresses), 0, 0)
    records = (
        struct.pack("!3HIH4s", 0xC00C, 1, 1, 0, 4, socket.inet_aton(address))
        for address in addresses
    )
    return header + question + b"".join(records)


def main() -> None:
    """Serve everything until the pod ends."""
    asked = json.loads(sys.argv[1])
    certificate = Path("/tmp/certificate.pem")
    certificate.write_text(asked["certificate"])
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    jobs: list[tuple[Any, ...]] = [(serve_dns, asked["names"])] if asked["names"] else []
    for name, address in asked["hosts"]:
        if address:
            add_address(address)
        jobs += [
            (serve_tcp, name, address, HTTP, answer_http),
            (serve_tcp, name, address, HTTPS, answer_http, tls),
            (serve_tcp, name, address, TCP, answer_tcp),
            (serve_udp, name, address),
        ]
    for function, *arguments in jobs:
        threading.Thread(target=function, args=arguments, daemon=True).start()
    threading.Event().wait()


if __name__ == "__main__":
    main()
