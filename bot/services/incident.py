"""From a proved diagnosis to the facts of a ticket: urgency, evidence by allow-list, the last time it worked. No I/O but the store."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from bot import providers
from bot.model.chat import CleanText
from bot.model.diagnosis import Diagnosis, Proven
from bot.model.handoff import EVIDENCE, Evidence, Urgency
from bot.model.team import Team
from bot.ports import Gate, Sighting, Store, StoredReading

_PRODUCTION: Final = ("", "prod", "production", "live", "生产", "生产环境", "线上", "正式")
_MORNING: Final = time(9, 0)
_LOOK_BACK: Final = timedelta(days=2)
_LONGEST: Final = {"error_text": 600}
_EMAIL = re.compile(r"([A-Za-z0-9._%+-])[A-Za-z0-9._%+-]*@([A-Za-z0-9.-]+\.[A-Za-z]{2,})")
_SIGNED = re.compile(r"(https?://[^\s?#]+)[?#]\S*")
_PAYMENT: Final = (
    ("alipay", ("alipay", "支付宝")),
    ("wechat", ("wechat", "weixin", "微信")),
    ("bank_card", ("card", "visa", "mastercard", "信用卡", "银行卡")),
    ("bank_transfer", ("transfer", "wire", "对公", "转账", "汇款")),
    ("paypal", ("paypal",)),
    ("crypto", ("usdt", "crypto", "加密")),
    ("redeem_code", ("redeem", "code", "兑换", "卡密")),
    ("invoice", ("invoice", "发票", "账期")),
)


def urgency(team: Team, proven: Proven | None, *, asked_to_page: bool = False, warning: bool = False) -> Urgency:
    """No route left in production pages now, one route down is a note, a warning waits for the morning. An environment that
    is not named counts as production: a call too many is better than none."""
    if asked_to_page:
        return "page"
    if warning:
        return "morning"
    production = team.support.environment.strip().lower() in _PRODUCTION
    return "page" if production and proven is not None and proven.no_route_left else "note"


def morning(now: datetime, team: Team) -> datetime:
    """The end of the next night: of the quiet hours, else 9 o'clock, in the team's zone."""
    wanted = time.fromisoformat(team.quiet_hours[1]) if team.quiet_hours else _MORNING
    there = now.astimezone(ZoneInfo(team.timezone))
    at = there.replace(hour=wanted.hour, minute=wanted.minute, second=0, microsecond=0, fold=0)
    if at <= there:
        at = (there.replace(tzinfo=None) + timedelta(days=1)).replace(
            hour=wanted.hour, minute=wanted.minute, second=0, microsecond=0, tzinfo=ZoneInfo(team.timezone)
        )
    return at.astimezone(now.tzinfo)


def titles(diagnosis: Diagnosis | None) -> dict[str, dict[str, str]]:
    """What people call the provider and the gateway of a trouble, by id and language."""
    ids = (diagnosis.provider, diagnosis.gateway) if diagnosis else ()
    known = {id: providers.get(id) for id in ids if id}
    return {id: {"en": each.title, "zh": each.zh_title or each.title} for id, each in known.items() if each}


def key_of(diagnosis: Diagnosis | None, cause: str, engine: str | None, account: str | None) -> str:
    """The same engine, cause and account are the same trouble. Unknown errors only join where their text is the same."""
    where = account or (diagnosis and (diagnosis.gateway or diagnosis.provider)) or "-"
    key = f"{engine or '-'}|{cause}|{where}"
    if cause == "unknown" and diagnosis is not None:
        words = " ".join(re.sub(r"[\d\W_]+", " ", diagnosis.says or diagnosis.text.text).lower().split())
        key += f"|{hashlib.sha256(words.encode('utf-8', 'replace')).hexdigest()[:12]}"
    return key


def model_of(team: Team, route: str | None, diagnosis: Diagnosis | None) -> str | None:
    """As the error names it, else as the route in trouble is set up."""
    if diagnosis is not None and diagnosis.model:
        return diagnosis.model
    known = team.routes.get(route or "")
    return known.model or None if known else None


def capability(team: Team, engine: str | None, route: str | None, model: str | None) -> str:
    """`QueryEngine · deepseek-reasoner · deepseek-main`; "" where nothing is known."""
    known = team.engines.get(engine or "")
    return " · ".join(part for part in (known.title if known else engine, model, route) if part)


def symptom(diagnosis: Diagnosis | None) -> str:
    """The status, where the error's own words do not name it, and these words."""
    if diagnosis is None:
        return "-"
    says = " ".join((diagnosis.says or diagnosis.text.text).split())[:300]
    status = str(diagnosis.status) if diagnosis.status is not None and str(diagnosis.status) not in says else ""
    return " ".join(part for part in (status, says) if part) or "-"


def kept(name: str, value: CleanText, gate: Gate) -> Evidence | None:
    """One piece of evidence as it may be kept: e-mail addresses masked, signed parts of links cut off, of a payment its kind
    only. None for what is not on the allow-list or empty."""
    text = " ".join(value.text.split())[: _LONGEST.get(name, 200)]
    if name not in EVIDENCE or not text:
        return None
    if name == "payment_method":
        low = text.lower()
        text = next((kind for kind, signs in _PAYMENT if any(sign in low for sign in signs)), "other")
    text = _SIGNED.sub(r"\1", _EMAIL.sub(r"\1***@\2", text))
    return Evidence(name, gate.trusted(text))


def evidence(
    diagnosis: Diagnosis | None,
    sighting: Sighting | None,
    proven: Proven | None,
    gate: Gate,
    *,
    model: str | None = None,
) -> tuple[Evidence, ...]:
    """What the text and the live checks told. Nothing is asked, nothing is made up."""
    found: dict[str, str | None] = {}
    if sighting is not None:
        found["time"] = sighting.at.isoformat(timespec="seconds")
    if diagnosis is not None:
        found |= {
            "time": diagnosis.occurred_at or found.get("time"),
            "provider": diagnosis.provider,
            "gateway": diagnosis.gateway,
            "model": model or diagnosis.model,
            "status": str(diagnosis.status) if diagnosis.status is not None else None,
            "error_text": diagnosis.says or diagnosis.text.text,
            "request_id": diagnosis.request_id,
            "task_id": diagnosis.task_id,
        }
    if proven is not None:
        found["account"] = proven.account
        if diagnosis is not None and (diagnosis.task_id or diagnosis.request_id):
            found["submitted_twice"] = "yes" if proven.repeats > 1 else "no"
    pieces = (kept(name, gate.trusted(value), gate) for name in EVIDENCE if (value := found.get(name)))
    return tuple(piece for piece in pieces if piece is not None)


def seen_time(diagnosis: Diagnosis | None, sighting: Sighting | None) -> str | None:
    """The evidence's time, where that is not when the request was made but when we were told."""
    if sighting is None or (diagnosis is not None and diagnosis.occurred_at):
        return None
    return sighting.at.isoformat(timespec="seconds")


async def last_known_good(store: Store, engine: str | None, account: str | None, now: datetime) -> Mapping[str, Any]:
    """`check`: the newest asking of the account in which nothing blocked; `switch`: the engine's last switch that held.
    Both from the bot's own doing; absent where it has none."""
    good: dict[str, Any] = {}
    if account is not None:
        rows = (await store.latest([account])).get(account, [])
        if any(row.reading.blocks for row in rows) or not rows:
            rows = _newest_good(await store.history(account, now - _LOOK_BACK))
        if rows:
            figure = next((row.reading for row in rows if row.reading.amount is not None), rows[0].reading)
            good["check"] = {
                "at": rows[0].at.isoformat(),
                "account": account,
                "kind": figure.kind.value,
                "amount": str(figure.amount) if figure.amount is not None else None,
                "currency": figure.currency,
            }
    if engine is not None and (switches := await store.switches(engine, states=("done",), limit=1)):
        good["switch"] = {"at": switches[0].at.isoformat(), "to": switches[0].to_route, "who": switches[0].who}
    return good


def _newest_good(history: list[StoredReading]) -> list[StoredReading]:
    asked: dict[datetime, list[StoredReading]] = {}
    for row in history:
        asked.setdefault(row.at, []).append(row)
    for at in sorted(asked, reverse=True):
        if not any(row.reading.blocks for row in asked[at]):
            return asked[at]
    return []


def good_in_short(good: Mapping[str, Any]) -> str:
    """Without words, for the record: the note words the same facts in the reader's language."""
    parts = []
    if check := good.get("check"):
        figure = f" {check['currency'] or ''} {check['amount']}" if check["amount"] is not None else ""
        parts.append(f"{check['at']} {check['account']} {check['kind']}{figure}")
    if switch := good.get("switch"):
        parts.append(f"{switch['at']} -> {switch['to']}")
    return " · ".join(parts) or "-"
