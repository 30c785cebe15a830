"""
An HTTP proxy in front of an API server that answers some requests wrongly, late or never.

It ends the TLS of its clients, so it sees each request: a `Rule` says by verb and path which
requests get which `Fault`, and what share of them. Watches stream through it, and those that are
open can be cut or made silent.
"""

import asyncio
import json
import random
import re
import ssl
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import yaml
from aiohttp import web
from kubernetes.aio import config
from kubernetes.aio.client import Configuration
from yarl import URL

from tests.support.certificate import self_signed

# The address in the certificate, which the kubeconfig of the proxy's clients has.
HOST = "localhost"
WATCH = "watch"
# What belongs to one connection, or is made anew for the next one.
_HOP_BY_HOP = frozenset({"connection", "host", "keep-alive", "transfer-encoding", "content-length"})
_REASONS = {
    409: "Conflict",
    410: "Expired",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
}


@dataclass(frozen=True)
class Answer:
    """The proxy answers in place of the API server, which never sees the request."""

    status: int
    retry_after: int | None = None


@dataclass(frozen=True)
class Delay:
    """The request reaches the API server that many seconds later."""

    seconds: float


@dataclass(frozen=True)
class Hold:
    """The request reaches the API server once *until* is set."""

    until: asyncio.Event


@dataclass(frozen=True)
class Cut:
    """The connection breaks before the request reaches the API server."""


@dataclass(frozen=True)
class LoseAnswer:
    """The API server carries the request out, and the connection breaks before its answer."""


@dataclass(frozen=True)
class Silence:
    """The request is accepted, and nothing follows: no answer, and no end of the connection."""


@dataclass(frozen=True)
class Limit:
    """A list comes in pages of at most *size* objects."""

    size: int


@dataclass(frozen=True)
class Expire:
    """The watch begins, and says that the version that it was to go on from is too old."""


Fault = Answer | Delay | Hold | Cut | LoseAnswer | Silence | Limit | Expire


@dataclass(frozen=True)
class Rule:
    """Which requests get a fault; a request gets that of the first rule that takes it."""

    fault: Fault
    #: The share of the requests that fit, from 0 to 1.
    share: float = 1.0
    #: HTTP methods in lower case, and `watch`; empty for all.
    verbs: frozenset[str] = frozenset()
    #: What the path has to contain, with its query, as a regular expression.
    path: str = ""
    #: After so many requests for one path the rule takes no more of it; None for no end.
    times: int | None = None


@dataclass(eq=False)
class _Stream:
    """An answer to a watch that is open."""

    is_silent: bool = False


@dataclass
class FaultProxy:
    """Passes requests on to one API server, except those that its rules take."""

    #: The address of the API server, and how to connect to it.
    upstream: str
    tls: ssl.SSLContext | None
    random: random.Random
    #: Leads to the proxy, with the credentials of the kubeconfig that it was opened with.
    kubeconfig: str = ""
    rules: Sequence[Rule] = ()
    #: How many requests got each fault, and how many passed.
    counts: Counter[str] = field(default_factory=Counter)
    _taken: Counter[tuple[Rule, str]] = field(default_factory=Counter)
    _streams: set[_Stream] = field(default_factory=set)
    _open: set[asyncio.Transport] = field(default_factory=set)

    @classmethod
    @asynccontextmanager
    async def open(cls, kubeconfig: str | Path, seed: int = 0) -> AsyncIterator["FaultProxy"]:
        """A proxy that lasts as long as the context; without rules it changes nothing."""
        configuration = Configuration()
        await config.load_kube_config(str(kubeconfig), client_configuration=configuration)
        proxy = cls(configuration.host, _client_tls(configuration), random.Random(seed))  # noqa: S311
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            pem = await asyncio.to_thread(self_signed, folder, HOST)
            async with proxy._serve(pem) as port:
                proxy.kubeconfig = str(folder / "kubeconfig")
                text = _redirect(Path(kubeconfig), port, folder / "server.crt")
                Path(proxy.kubeconfig).write_text(text)
                yield proxy

    def cut(self, share: float = 1.0) -> int:
        """Break that share of the connections that are open; return how many."""
        chosen = [each for each in self._open if self.random.random() < share]
        for transport in chosen:
            transport.abort()
        self.counts["Cut"] += len(chosen)
        return len(chosen)

    def silence(self) -> int:
        """Pass nothing on for the watches that are open, not even their end; return how many."""
        for stream in self._streams:
            stream.is_silent = True
        self.counts["Silence"] += len(self._streams)
        return len(self._streams)

    def use_token(self, token: str) -> None:
        """Write another token into the kubeconfig, in one step, as a client may read it."""
        path = Path(self.kubeconfig)
        document = json.loads(path.read_text())
        for entry in document["users"]:
            entry["user"] = {"token": token}
        new = path.with_suffix(".new")
        new.write_text(json.dumps(document))
        new.replace(path)

    @property
    def open_watches(self) -> int:
        """How many watches are open and not silent."""
        return sum(not stream.is_silent for stream in self._streams)

    @asynccontextmanager
    async def _serve(self, pem: Path) -> AsyncIterator[int]:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(pem)
        # No limit on connections, and nothing of its own in requests and answers.
        connector = aiohttp.TCPConnector(limit=0, ssl=self.tls or True)
        async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as session:

            async def handle(request: web.BaseRequest) -> web.StreamResponse:
                return await self._handle(session, request)

            # A client that goes away ends the request that it waits for.
            server = web.Server(handle, handler_cancellation=True)
            runner = web.ServerRunner(server, shutdown_timeout=0.1)
            await runner.setup()
            try:
                await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
                yield runner.addresses[0][1]
            finally:
                self.cut()
                await runner.cleanup()

    async def _handle(
        self, session: aiohttp.ClientSession, request: web.BaseRequest
    ) -> web.StreamResponse:
        assert isinstance(request.transport, asyncio.Transport)
        transport = request.transport
        self._open.add(transport)
        fault = self._choose(request)
        self.counts[_name(fault)] += 1
        try:
            return await self._answer(session, request, fault)
        except (aiohttp.ClientError, ConnectionError):
            # Neither is there anything to pass on: the far end, or the near one, is gone.
            transport.abort()
            return web.Response()
        finally:
            self._open.discard(transport)

    def _choose(self, request: web.BaseRequest) -> Fault | None:
        verb = WATCH if _is_watch(request) else request.method.lower()
        for rule in self.rules:
            fits = (not rule.verbs or verb in rule.verbs) and re.search(rule.path, request.path_qs)
            place = rule, request.path
            is_left = rule.times is None or self._taken[place] < rule.times
            if fits and is_left and self.random.random() < rule.share:
                self._taken[place] += 1
                return rule.fault
        return None

    async def _answer(
        self, session: aiohttp.ClientSession, request: web.BaseRequest, fault: Fault | None
    ) -> web.StreamResponse:
        query = request.rel_url.raw_query_string
        match fault:
            case Answer(status, retry_after):
                return _failure(status, retry_after)
            case Expire():
                return _expired()
            case Cut():
                raise ConnectionAbortedError
            case Silence():
                await asyncio.Event().wait()
            case Delay(seconds):
                await asyncio.sleep(seconds)
            case Hold(until):
                await until.wait()
            case Limit(size):
                query = re.sub(r"\blimit=\d+", f"limit={size}", query)
        url = f"{self.upstream}{request.rel_url.raw_path}" + (f"?{query}" if query else "")
        async with session.request(
            request.method,
            URL(url, encoded=True),
            headers=_passed(request.headers),
            data=request.content if request.can_read_body else None,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=None),
        ) as answer:
            if isinstance(fault, LoseAnswer):
                await answer.read()
                raise ConnectionAbortedError
            return await self._relay(request, answer)

    async def _relay(
        self, request: web.BaseRequest, answer: aiohttp.ClientResponse
    ) -> web.StreamResponse:
        response = web.StreamResponse(status=answer.status, headers=_passed(answer.headers))
        response.content_length = answer.content_length
        await response.prepare(request)
        stream = _Stream()
        if _is_watch(request):
            self._streams.add(stream)
        try:
            async for data in answer.content.iter_any():
                if not stream.is_silent:
                    await response.write(data)
            if stream.is_silent:
                await asyncio.Event().wait()
        finally:
            self._streams.discard(stream)
        await response.write_eof()
        return response


def _is_watch(request: web.BaseRequest) -> bool:
    return request.query.get("watch") in ("true", "1")


def _name(fault: Fault | None) -> str:
    """Return the word under which a fault is counted; `passed` for none."""
    if isinstance(fault, Answer):
        return f"{fault.status}"
    return type(fault).__name__ if fault else "passed"


def _failure(status: int, retry_after: int | None) -> web.Response:
    """Return what the API server answers with that status."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return web.json_response(_status(status), status=status, headers=headers)


def _expired() -> web.Response:
    """Return a watch of which the version is too old, as the API server begins and ends it."""
    return web.json_response({"type": "ERROR", "object": _status(410)})


def _status(code: int) -> dict[str, str | int]:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "message": "a fault that was asked for",
        "reason": _REASONS.get(code, ""),
        "code": code,
    }


def _passed(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in _HOP_BY_HOP}


def _client_tls(configuration: Configuration) -> ssl.SSLContext | None:
    if not configuration.host.startswith("https"):
        return None
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
    return context


def _redirect(kubeconfig: Path, port: int, certificate: Path) -> str:
    """Return the text of *kubeconfig* with the address and the certificate of the proxy."""
    document = yaml.safe_load(kubeconfig.read_text())
    for entry in document["clusters"]:
        entry["cluster"] = {
            "server": f"https://{HOST}:{port}",
            "certificate-authority": str(certificate),
        }
    return json.dumps(document)
