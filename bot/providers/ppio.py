"""PPIO: account money in ten-thousandths of a yuan, as two public clients read it; nobody documents it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from bot.model.money import Balance, Kind
from bot.providers.base import MODELS, Ask, Json, Known, Provider, Sample, amount, maybe, money, part, settled, wire


def explain(name: str, status: int, answer: Json) -> Balance | str | None:
    """A missing key comes as 400; it is `http_401`."""
    return "http_401" if status == 400 and maybe(answer, "reason") == "MISSING_API_KEY" else None


def read(answers: Mapping[str, Json], known: Known) -> Balance:
    """Yuan; the site counts in ten-thousandths. Undocumented, and noted as such."""
    answer = answers.get("user", answers.get("user raw"))
    return settled(money(amount(part(answer, "credit_balance"), 10_000), "CNY"), note="undocumented")


PROVIDER = Provider(
    id="ppio",
    title="PPIO",
    zh_title="PPIO 派欧云",
    hosts=("api.ppinfra.com", "api.ppio.com"),
    aliases=("ppinfra",),
    env_vars=("PPIO_API_KEY",),
    tells=(Kind.ACCOUNT_MONEY,),
    asks=(
        Ask("user", "https://{host}/v3/user"),
        Ask(
            "user raw",
            "https://{host}/v3/user",
            auth="raw",
            optional=True,
            instead_of="user",
            instead_when=("http_401",),
        ),
    ),
    read=read,
    explain=explain,
    models=MODELS,
    public_models=True,
    base_paths=("/v3/openai", "/openai/v1"),
    default_base="https://api.ppinfra.com/v3/openai",
    unproven=True,
    samples=(
        Sample(
            "ten-thousandths",
            {"user": wire({"credit_balance": 98000})},
            (money(Decimal("9.8"), "CNY"),),
            note="undocumented",
        ),
        Sample("another shape", {"user": wire({"balance": 98000})}, wrong="wrong_shape"),
    ),
    source="ThinkInAIXYZ/deepchat and four more public clients, read 2026-11",
)
