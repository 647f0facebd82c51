"""Addresses as names, for lists that operators read."""

from __future__ import annotations

from collections.abc import Callable

from bot.services import Services

_LOOKED_AT = 200  # newest entries of the audit


async def names(services: Services) -> Callable[[str], str]:
    """The team file's name for an address, else the one that its owner bears on the platform and last acted under, else the
    address itself. A name from a platform is its owner's own choice, so nothing may be decided by it."""
    entries = await services.store.audits(limit=_LOOKED_AT)
    seen = {entry.who: entry.name for entry in reversed(entries) if entry.name}
    team = services.team.people_names
    return lambda address: team.get(address) or seen.get(address) or address
