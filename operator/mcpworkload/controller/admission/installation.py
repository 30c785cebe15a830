"""The policy of an installation: what pods may hold, and where the bridge comes from."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from mcpworkload.controller.settings import BridgeVolume, PodSecurity, Settings


@dataclass(frozen=True)
class Policy:
    """The rules of an installation, and what it brings along for stdio servers."""

    pod_security: PodSecurity = PodSecurity.BASELINE
    #: Empty where there is none.
    bridge_image: str = ""
    bridge_volume: BridgeVolume = BridgeVolume.COPY
    is_attach_allowed: bool = True
    #: Whether Services may be given to load balancers and to controllers that read annotations.
    is_exposure_allowed: bool = True
    #: For whom a token is that the API server takes, beside the names that it has everywhere.
    api_audiences: tuple[str, ...] = ()

    @classmethod
    def of(cls, settings: Settings, audiences: Iterable[str] = ()) -> "Policy":
        """Return the policy of *settings*, where the API server takes tokens for *audiences*."""
        return cls(
            pod_security=settings.pod_security,
            bridge_image=settings.bridge_image,
            bridge_volume=settings.bridge_volume,
            is_attach_allowed=settings.is_attach_allowed,
            is_exposure_allowed=settings.is_exposure_allowed,
            api_audiences=(*settings.api_audiences, *audiences),
        )


DEFAULT_POLICY: Final = Policy()
