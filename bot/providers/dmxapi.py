"""DMXAPI: account money with the system token and the user id. Here 500000 quota units are 1 CNY, not 1 USD."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from bot.model.money import Balance, Kind
from bot.providers.base import MODELS, Ask, Json, Known, Provider, Sample, money, settled, wire
from bot.providers.quota_units import Unit, explain, user_headers, wallet


def _site(known: Known) -> str:
    """The two sites are separate account systems."""
    site = "www.dmxapi.com" if known.host.endswith("dmxapi.com") else "www.dmxapi.cn"
    return f"https://{site}/api/user/self"


def read(answers: Mapping[str, Json], known: Known) -> Balance:
    """On .com the unit is not confirmed anywhere, so no currency is claimed there."""
    international = known.host.endswith("dmxapi.com")
    unit = Unit(currency="credits", note="unit_unknown") if international else Unit(currency="CNY")
    answer = answers.get("account", answers.get("account raw"))
    return settled(wallet(answer, unit), note=unit.note)


_SELF = wire(
    {
        "success": True,
        "message": "",
        "data": {"id": 23201, "quota": 44444444, "used_quota": 883574750, "group": "default"},
    }
)

PROVIDER = Provider(
    id="dmxapi",
    title="DMXAPI",
    zh_title="DMXAPI",
    hosts=("www.dmxapi.cn", "dmxapi.cn", "www.dmxapi.com", "dmxapi.com", "api.dmxapi.com"),
    env_vars=("DMXAPI_API_KEY", "DMXAPI_SYSTEM_TOKEN", "DMXAPI_USER_ID"),
    tells=(Kind.ACCOUNT_MONEY,),
    needs="system_token",
    asks=(
        Ask("account", _site, credential="account_key", headers=user_headers),
        Ask(
            "account raw",
            _site,
            auth="raw",
            credential="account_key",
            headers=user_headers,
            optional=True,
            instead_of="account",
            instead_when=("http_401",),
        ),
    ),
    read=read,
    explain=explain,
    # The per-key route of this site wants the key in the path, where every proxy logs it: it is never asked.
    models=MODELS,
    default_base="https://www.dmxapi.cn/v1",
    balance_url="https://www.dmxapi.cn/",
    top_up_url="https://www.dmxapi.cn/",
    keys_url="https://www.dmxapi.cn/",
    samples=(
        Sample(
            "China: CNY",
            {"account": _SELF},
            (money(Decimal("88.888888"), "CNY", used=Decimal("1767.1495")),),
            account_key=True,
            user="23201",
        ),
        Sample(
            "international: the unit is not known",
            {"account": _SELF},
            (money(Decimal("88.888888"), "credits", used=Decimal("1767.1495")),),
            note="unit_unknown",
            base_url="https://www.dmxapi.com/v1",
            account_key=True,
        ),
        Sample(
            "a refusal with HTTP 200",
            {"account": wire({"success": False, "message": "x"})},
            account_key=True,
            wrong="said_no",
        ),
    ),
    source="https://doc.dmxapi.cn/yuer.html, read 2026-11",
)
