"""Readings and balances as provider files make them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from bot.model.money import Balance, Kind, Reading


def money(
    value: Decimal | None,
    currency: str,
    *,
    label: str = "",
    used: Decimal | None = None,
    blocks: bool = False,
    **parts: Decimal | None,
) -> Reading:
    """Account money. Parts that are unknown are left out."""
    known = {name: figure for name, figure in parts.items() if figure is not None}
    return Reading(Kind.ACCOUNT_MONEY, value, currency, used=used, parts=known, label=label, blocks=blocks)


def limit(
    kind: Kind,
    currency: str,
    *,
    left: Decimal | None = None,
    used: Decimal | None = None,
    of: Decimal | None = None,
    resets_at: datetime | None = None,
    label: str = "",
    stops: bool = True,
) -> Reading:
    """A budget, group quota or window. Two of left, used and `of` give the third. `stops`: at nothing left, calls stop."""
    if left is None and of is not None and used is not None:
        left = of - used
    if used is None and of is not None and left is not None:
        used = of - left
    blocks = stops and left is not None and left <= 0
    return Reading(kind, left, currency, used=used, limit=of, resets_at=resets_at, label=label, blocks=blocks)


def percent(left: Decimal, *, resets_at: datetime | None = None, label: str = "", stops: bool = True) -> Reading:
    """A window of which only the share is told. `left` in percent."""
    return limit(
        Kind.WINDOW_QUOTA,
        "percent",
        left=left,
        of=Decimal(100),
        resets_at=resets_at,
        label=label,
        stops=stops,
    )


def settled(*readings: Reading, usable: bool | None = None, note: str = "", models: tuple[str, ...] = ()) -> Balance:
    """A Balance. Where every wallet is known to be empty and the provider does not say that it may be used all the same,
    `usable` is False and the wallets are what blocks."""
    wallets = [r.amount for r in readings if r.kind is Kind.ACCOUNT_MONEY and not r.unlimited]
    if usable is not True and wallets and all(figure is not None and figure <= 0 for figure in wallets):
        usable = False
        readings = tuple(replace(r, blocks=True) if r.kind is Kind.ACCOUNT_MONEY else r for r in readings)
    return Balance(readings, usable=usable, note=note, models=models)


def exhausted(kind: Kind, note: str = "") -> Balance:
    """The provider said in words that it is used up: no figure is known, but calls stop."""
    return Balance((Reading(kind, blocks=True),), usable=False, note=note)
