"""Who speaks in a text: provider and gateway, the relay's own software, and whose turn it is."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from bot.model.diagnosis import MONEY_CAUSES, Cause, Party
from bot.services.reading.view import View
from bot.signatures import Origin, Signature

_PARTY: Final[dict[Cause, Party]] = {
    Cause.OVERLOADED: "provider",
    Cause.SERVER_ERROR: "provider",
    Cause.UPSTREAM_ERROR: "provider",
    Cause.NO_CHANNEL: "gateway",
    Cause.NETWORK: "unknown",
    Cause.UNKNOWN: "unknown",
}
_HOST: Final = 3
_FOREIGN_WALLET: Final = MONEY_CAUSES - {Cause.KEY_LIMIT, Cause.REQUEST_TOO_COSTLY}
"""Causes that, told by a provider inside a gateway's answer, lie with the gateway's own account at that provider."""

_RELAY_MARK: Final = re.compile(r"\(request id: ?\w*\)|\(tid: ?\w+\)|\"type\" ?: ?\"<nil>\"|'type': '<nil>'|<nil>")
_RELAY_ID: Final = re.compile(r"20\d{12}\d{6,}[A-Za-z0-9]{0,24}$")
_RELAYED_ID: Final = re.compile(r"\(request id: ?(20\d{12}\d{6,}[a-z0-9]{0,24})\)")


def origin_of(speakers: Iterable[Origin]) -> tuple[str | None, str | None]:
    """Who answered and through whom: hosts weigh more than names, names more than weak signs."""
    provider = gateway = None
    for origin in sorted(speakers, key=lambda origin: -origin.weight):
        provider = provider or origin.provider
        gateway = gateway or origin.gateway
    return provider, gateway


def host_of(speakers: Iterable[Origin]) -> str | None:
    """The provider whose address the text names, where it names one provider's only: an address tells more than a sentence."""
    hosted = {origin.provider for origin in speakers if origin.weight == _HOST and origin.provider}
    return hosted.pop() if len(hosted) == 1 else None


def relay_of(seen: View, request_id: str | None) -> str | None:
    """A relay's request id: time and eight letters or digits in new-api, digits alone in one-api."""
    if request_id is None:
        return None
    if not _RELAY_ID.match(request_id):  # the provider's own id may stand before the relay's
        further = _RELAYED_ID.search(seen.low)
        if further is None:
            return None
        request_id = further.group(1)
    if not (_RELAY_MARK.search(seen.low) or "| " + request_id.lower() + " |" in seen.low):
        return None
    return "one-api" if request_id.isdigit() and "<nil>" not in seen.low else "new-api"


def party_of(cause: Cause, entry: Signature | None, gateway: str | None, seen: View) -> Party:
    """Whose turn it is. A provider's word about money inside a relay's answer speaks of the relay's account, not the caller's."""
    if entry is not None and entry.party:
        return entry.party
    if cause in _FOREIGN_WALLET and entry is not None and entry.provider and entry.provider != gateway:
        if gateway or _relayed(seen):
            return "gateway"
    elif cause is Cause.UPSTREAM_ERROR and (gateway or _relayed(seen)):
        return "gateway"
    return _PARTY.get(cause, "client")


def _relayed(seen: View) -> bool:
    return ("id" in seen.low or "<nil>" in seen.low) and bool(_RELAY_MARK.search(seen.low))
