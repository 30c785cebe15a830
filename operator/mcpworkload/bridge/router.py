"""Routes HTTP requests to their transport, and answers the bridge's own paths."""

import logging
from dataclasses import dataclass, field

from mcpworkload.bridge.account import Account
from mcpworkload.bridge.changes import Changes
from mcpworkload.bridge.drain_wait import DrainWait
from mcpworkload.bridge.draining import Load
from mcpworkload.bridge.options import IDLE_PATH, MESSAGES_PATH, READY_PATH, SERVER_PATH, Options
from mcpworkload.bridge.sse import Sse
from mcpworkload.bridge.stateless import Stateless
from mcpworkload.bridge.streamable import Streamable
from mcpworkload.bridge.supervisor import Supervisor
from mcpworkload.protocol import jsonrpc
from mcpworkload.protocol.answers import refuse, refuse_for_now
from mcpworkload.protocol.headers import host_refusal, media_refusal, page_headers
from mcpworkload.protocol.http.request import NO_STORE, TEXT, Request
from mcpworkload.protocol.jsonrpc import NotJsonRpc
from mcpworkload.protocol.opening import LARGE_BYTES, in_turns
from mcpworkload.protocol.origins import Hosts
from mcpworkload.protocol.request_meta import is_stateless
from mcpworkload.protocol.sent import Sent, opened, opening

log = logging.getLogger(__name__)


@dataclass
class HttpRouter:
    """Sends each request to its transport and era."""

    options: Options
    hosts: Hosts
    streamable: Streamable
    sse: Sse
    stateless: Stateless
    account: Account
    supervisor: Supervisor
    changes: Changes
    #: The requests that are being answered.
    _open: set[Request] = field(default_factory=set, init=False)
    _drain_wait: DrainWait = field(init=False)

    def __post_init__(self) -> None:
        """Let `GET /idle` see what is under way."""
        self._drain_wait = DrainWait(lambda: self.load, self.changes)

    @property
    def load(self) -> Load:
        """The requests that are under way."""
        return Load(
            requests=len(self._open),
            posts=sum(request.method == "POST" for request in self._open),
            subscriptions=self.supervisor.subscriptions,
            waiting=self.supervisor.waiting,
        )

    def check(self, request: Request) -> tuple[int, str] | None:
        """Return why *request* is refused for its head alone."""
        request.path = self._canonical(request.path)
        path, method = request.path, request.method
        methods = self._methods(path)
        if not methods:
            return 404, f"nothing is served at this path; MCP is at {self.options.path}"
        if path == READY_PATH:
            return None if method in methods else (405, f"send one of {', '.join(methods)}")
        if method == "OPTIONS":
            return host_refusal(request, self.hosts)
        if (refusal := host_refusal(request, self.hosts)) is not None:
            return refusal
        if method not in methods:
            return 405, f"{method} has no meaning here; send one of {', '.join(methods)}"
        if path in (IDLE_PATH, SERVER_PATH):
            return None
        is_streamable = path == self.options.streamable_path
        return media_refusal(
            request,
            needs_json=is_streamable and method == "POST",
            needs_events=method == "GET" or (is_streamable and method == "POST"),
        )

    def is_urgent(self, request: Request) -> bool:
        """Return whether *request* is a probe: those are answered whatever else waits."""
        return request.path == READY_PATH

    async def serve(self, request: Request) -> None:
        """Answer *request*; a fault of the bridge becomes a 500."""
        self._open.add(request)
        self.changes.report()
        try:
            await self._serve(request)
        except NotJsonRpc as error:
            refuse(request, 400, error.code, str(error), request_id=error.request_id)
        except Exception:  # one request's bug must not become another's
            log.exception("cannot answer a %s of %s", request.method, request.path)
            refuse(request, 500, jsonrpc.INTERNAL_ERROR, "the bridge failed; its log says why")
        finally:
            self._open.discard(request)
            request.abort()
            self.changes.report()

    async def _serve(self, request: Request) -> None:
        path, method = request.path, request.method
        servers = self.supervisor.servers
        if path == READY_PATH:
            self._report_readiness(request)
            return
        request.extra = page_headers(request, self._methods(path))
        if method == "OPTIONS":
            request.respond(204, [(b"allow", ", ".join(self._methods(path)).encode())])
        elif path == IDLE_PATH:
            await self._drain_wait.serve(request)
        elif path == SERVER_PATH:
            await self.account.serve(request)
        elif not servers.has_started:
            refuse_for_now(request, f"not ready: {servers.not_ready_reason}")
        elif path == MESSAGES_PATH:
            await self.sse.post(request, await _opened(request))
        elif path == self.options.sse_path:
            await self.sse.get(request)
        elif method == "POST":
            await self._post(request)
        elif method == "GET":
            await self.streamable.get(request)
        else:
            await self.streamable.delete(request)

    async def _post(self, request: Request) -> None:
        sent = await _opened(request)
        if is_stateless(request, sent):
            await self.stateless.post(request, sent)
        else:
            await self.streamable.post(request, sent)

    def _report_readiness(self, request: Request) -> None:
        reason = self.supervisor.servers.not_ready_reason
        text = "ready" if reason is None else "not ready"
        if reason is not None and host_refusal(request, self.hosts) is None:
            # The reason quotes servers and the API server. The kubelet and any client that uses an
            # address or name of the bridge may read it, a page that points its own name here not.
            text = reason
        request.respond(200 if reason is None else 503, [TEXT, NO_STORE], f"{text}\n".encode())

    def _canonical(self, path: str) -> str:
        """Return *path* without the slash at its end that some clients put there, or with it."""
        other = path[:-1] if path.endswith("/") else f"{path}/"
        return other if self._methods(other) and not self._methods(path) else path

    def _methods(self, path: str) -> tuple[str, ...]:
        if path == READY_PATH:
            return ("GET", "HEAD")
        if path in (IDLE_PATH, SERVER_PATH):
            return ("GET",)
        if path == self.options.streamable_path:
            return ("POST", "GET", "DELETE")
        if path == self.options.sse_path:
            return ("GET",)
        return ("POST",) if path == MESSAGES_PATH and self.options.sse_path else ()


async def _opened(request: Request) -> Sent:
    """Return the message in the body; a large one in steps, between which others are served."""
    body = request.take_body()
    if len(body) <= LARGE_BYTES:
        return opened(body)
    return await in_turns(opening(body))
