"""What new-api, one-api and the sites built on them share: quota units, the site's own unit, the account behind a token.

`GET /api/user/token` is never asked: in this family it makes a new access token and kills the old one.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from bot.model.money import Balance, Kind, Reading
from bot.model.values import dataclass
from bot.providers.base import Ask, Json, Known, amount, exhausted, flag, limit, maybe, money, number, part, shape, text

PER_UNIT = 500_000
UNLIMITED = Decimal(100_000_000)  # what billing/subscription says of a key without a limit

STATUS = Ask("status", "{root}/api/status", auth="none", credential="none", optional=True)


def user_headers(known: Known) -> Mapping[str, str]:
    """Forks renamed the header that carries the numeric user id; the others ignore what they do not know."""
    if not known.user:
        return {}
    names = ("New-Api-User", "Veloera-User", "X-Api-User", "voapi-user", "User-id", "Rix-Api-User", "neo-api-user")
    return dict.fromkeys((*names, "Dmx-Api-User"), known.user)


def account(url: str = "{root}/api/user/self", *, optional: bool = True) -> Ask:
    """The question about the account, which needs its own key and user number beside the route's key."""
    return Ask("account", url, auth="raw", credential="account_key", headers=user_headers, optional=optional)


def account_bearer(url: str = "{root}/api/user/self") -> Ask:
    """The same question with Bearer, for the sites that refuse the raw token."""
    return Ask(
        "account with bearer",
        url,
        credential="account_key",
        headers=user_headers,
        optional=True,
        instead_of="account",
        instead_when=("http_401",),
    )


@dataclass(frozen=True, slots=True)
class Unit:
    """How quota units become the site's own figures."""

    per: Decimal = Decimal(PER_UNIT)
    currency: str = "USD"
    rate: Decimal = Decimal(1)
    label: str = ""
    note: str = ""

    def of(self, units: Decimal | None) -> Decimal | None:
        """Units of the site as money, exact; None stays None."""
        return None if units is None else units * self.rate / self.per

    def need(self, units: Decimal) -> Decimal:
        """As `of`, where the amount is known to be there."""
        return units * self.rate / self.per


def unit_of(status: Json) -> Unit:
    """From /api/status. Without it 500000 units are one of something: which currency is not known."""
    data = maybe(status, "data")
    if not isinstance(data, dict):
        return Unit(currency="credits", note="unit_unknown")
    per = number(data.get("quota_per_unit")) or Decimal(PER_UNIT)
    if per <= 0:
        raise shape("quota_per_unit")
    kind = data.get("quota_display_type")
    if kind == "CNY":
        return Unit(per, "CNY", amount(data.get("usd_exchange_rate")))
    if kind == "TOKENS":
        return Unit(Decimal(1), "tokens")
    if kind == "CUSTOM":
        rate = number(data.get("custom_currency_exchange_rate")) or Decimal(1)
        return Unit(per, "credits", rate, text(data.get("custom_currency_symbol"), 12))
    if kind in {None, "USD"}:
        if kind is None and flag(data.get("display_in_currency")) is False:
            return Unit(Decimal(1), "tokens")
        return Unit(per, "USD")
    return Unit(per, "credits", note="unit_unknown")


def wallet(answer: Json, unit: Unit) -> Reading:
    """data.quota of /api/user/self is what is LEFT, not a total."""
    data = part(answer, "data")
    return money(
        unit.need(amount(part(data, "quota"))),
        unit.currency,
        used=unit.of(number(maybe(data, "used_quota"))),
        label=unit.label,
    )


def said_no(answer: Json) -> bool:
    """{success: false, message} with HTTP 200."""
    return maybe(answer, "success") is False or maybe(answer, "code") is False


_USED_UP = (
    "额度已用尽",
    "额度不足",
    "余额不足",
    "quota exhausted",
    "quota is exhausted",
    "quota has been used",
    "insufficient quota",
)


def words(answer: Json) -> str:
    """The message of any of the family's error bodies, in lower case; never shown to anybody."""
    for path in (("error", "message"), ("message",), ("msg",), ("error",)):
        found = maybe(answer, *path)
        if isinstance(found, str):
            return found.lower()
    return ""


def used_up(answer: Json) -> bool:
    """Whether a refusal says that the key's budget is spent, in any of the forks' wordings."""
    return any(sign in words(answer) for sign in _USED_UP)


def explain(name: str, status: int, answer: Json) -> Balance | str | None:
    """In this family 401 with a text about the quota is a used-up key, not a wrong one."""
    if name in {"subscription", "usage", "token", "models", "remain"}:
        if used_up(answer) and (status >= 400 or isinstance(maybe(answer, "error"), dict)):
            return exhausted(Kind.KEY_BUDGET, "key_exhausted")
        if status == 200 and maybe(answer, "error"):
            return "said_no"
    if status == 200 and name != "status" and said_no(answer):
        return "said_no"
    return None


def key_reading(left: Decimal, used: Decimal | None, of: Decimal | None, unit: Unit) -> Reading:
    """A key's budget in the unit's currency; what it leaves is not the account's money."""
    return limit(Kind.KEY_BUDGET, unit.currency, left=left, used=used, of=of, label=unit.label)


def from_billing(subscription: Json, usage: Json, unit: Unit, *, accounts_possible: bool) -> tuple[Reading, str]:
    """The OpenAI-style pair, already in the site's display currency. (reading, note).

    `accounts_possible`: one-api's site switch can make these the account's figures; then the limit is what remains, and
    limit minus lifetime use would be wrong, even negative.
    """
    hard = amount(part(subscription, "hard_limit_usd"))
    spent = number(maybe(usage, "total_usage"), 100)
    if hard >= UNLIMITED:
        return Reading(Kind.KEY_BUDGET, currency=unit.currency, used=spent, unlimited=True), "key_unlimited"
    if spent is None:
        return Reading(Kind.KEY_BUDGET, None, unit.currency, limit=hard), "used_unknown"
    if accounts_possible and spent > hard:
        return money(hard, unit.currency, used=spent), "account_figures"
    return key_reading(hard - spent, spent, hard, unit), "key_or_account"
