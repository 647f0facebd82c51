"""Venice: dollars and DIEM left, with an ADMIN key. 401 here may mean the wrong kind of key."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from bot.model.money import Balance, Kind, Reading
from bot.providers.base import MODELS, Ask, Json, Known, Provider, Sample, flag, limit, money, number, part, shape, wire


def explain(name: str, status: int, answer: Json) -> Balance | str | None:
    """The key may ask models but not the balance: `needs_admin_key`."""
    return "needs_admin_key" if name == "balance with the key" and status == 401 else None


def read(answers: Mapping[str, Json], known: Known) -> Balance:
    """Which purse pays is the account's choice, so only `canConsume` decides."""
    answer = answers.get("balance", answers.get("balance with the key"))
    usable = flag(part(answer, "canConsume"))
    if usable is None:
        raise shape("canConsume")
    purse = part(answer, "balances")
    readings: list[Reading] = []
    if (dollars := number(purse.get("usd"))) is not None:
        readings.append(money(dollars, "USD"))
    if (diem := number(purse.get("diem"))) is not None:
        of = number(answer.get("diemEpochAllocation"))
        readings.append(limit(Kind.WINDOW_QUOTA, "credits", left=diem, of=of, label="DIEM", stops=False))
    if not readings:
        raise shape("balances")
    return Balance(tuple(readings), usable=usable)


_ANSWER = {
    "canConsume": True,
    "consumptionCurrency": "DIEM",
    "balances": {"diem": 90.5, "usd": 25},
    "diemEpochAllocation": 100,
}

PROVIDER = Provider(
    id="venice",
    title="Venice AI",
    zh_title="Venice",
    hosts=("api.venice.ai",),
    env_vars=("VENICE_API_KEY",),
    tells=(Kind.ACCOUNT_MONEY, Kind.WINDOW_QUOTA),
    needs="admin_key",
    asks=(
        Ask("balance", "https://{host}/api/v1/billing/balance", credential="account_key"),
        Ask(
            "balance with the key",
            "https://{host}/api/v1/billing/balance",
            optional=True,
            instead_of="balance",
            instead_when=("no_account_key",),
        ),
    ),
    read=read,
    explain=explain,
    models=MODELS,
    public_models=True,
    base_paths=("/api/v1",),
    default_base="https://api.venice.ai/api/v1",
    balance_url="https://venice.ai/settings/api",
    keys_url="https://venice.ai/settings/api",
    samples=(
        Sample(
            "both purses",
            {"balance": wire(_ANSWER)},
            (
                money(Decimal(25), "USD"),
                limit(Kind.WINDOW_QUOTA, "credits", left=Decimal("90.5"), of=Decimal(100), label="DIEM"),
            ),
            usable=True,
            account_key=True,
        ),
        Sample(
            "may not call, whatever is in it",
            {"balance": wire({**_ANSWER, "canConsume": False, "balances": {"usd": 1}})},
            (money(Decimal(1), "USD"),),
            usable=False,
            account_key=True,
        ),
    ),
    source="https://docs.venice.ai/api-reference/endpoint/billing/balance, read 2026-11",
)
