"""The Pod Security levels that namespaces enforce."""

from collections.abc import Callable

from mcpworkload.controller.kinds import NAMESPACE
from mcpworkload.controller.settings import PodSecurity
from mcpworkload.kube.client import Api
from mcpworkload.kube.errors import Forbidden, NotFound, read_answer
from mcpworkload.kube.lists import PARTIAL_OBJECT
from mcpworkload.kube.objects import Partial

_LEVEL = "pod-security.kubernetes.io/enforce"
# A level changes rarely, and the namespace's own admission judges every pod in any case.
KEPT_SECONDS = 30.0


class NamespaceLevels:
    """Reads namespaces, each at most once in a while."""

    def __init__(self, api: Api, monotonic: Callable[[], float]) -> None:
        self._api = api
        self._monotonic = monotonic
        self._known: dict[str, tuple[float, PodSecurity | None]] = {}

    async def level_of(self, namespace: str) -> PodSecurity | None:
        """
        Return the level that *namespace* enforces; None for none, or if it may not be read.

        Raises:
            ApiError: the API server does not answer; worth a retry.
        """
        now = self._monotonic()
        known = self._known.get(namespace)
        if known is None or now - known[0] >= KEPT_SECONDS:
            known = self._known[namespace] = (now, await self._read(namespace))
        return known[1]

    async def _read(self, namespace: str) -> PodSecurity | None:
        try:
            content = await self._api.request(
                "GET", NAMESPACE.path(None, namespace), accept=PARTIAL_OBJECT
            )
        except (Forbidden, NotFound):
            return None
        level = read_answer(content, Partial).metadata.labels.get(_LEVEL, "")
        return PodSecurity(level) if level in tuple(PodSecurity) else None
