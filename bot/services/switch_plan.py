"""What a switch is before, during and after: values that are safe to show, store and print."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Any, Final

from bot.errors import SwitchRefused
from bot.model.engine import Engine
from bot.model.money import AccountState
from bot.model.values import dataclass
from bot.ports import SwitchRecord, TakenUp

NO_KEY: Final = "no-key-needed"
"""What a route without a key writes: clients want something there, and the former key must not go to another server."""


def refuse(reason: str, message: str, **facts: object) -> SwitchRefused:
    """`reason` is the machine word under `[switch.refused]`; `message` is the English fallback."""
    fault = SwitchRefused(message)
    fault.facts = {"reason": reason, **facts}
    return fault


@dataclass(frozen=True, slots=True)
class Shown:
    """A value as people may see it. `word`: key, text, absent, empty, no_key; `text` never holds any part of a key."""

    word: str
    text: str = ""

    def __str__(self) -> str:
        return self.text or {"absent": "(not set)", "empty": "(empty)", "no_key": "(no key)"}.get(self.word, "")


@dataclass(frozen=True, slots=True)
class Change:
    """One variable, shown with its secret hidden."""

    variable: str
    before: Shown
    after: Shown
    same: bool


@dataclass(frozen=True, slots=True)
class Check:
    """`ok` None: could not be told, which is no reason to refuse. `word` is a machine word under `[switch.checks]`."""

    name: str  # settings | balance | models | environment | file | price | speed
    ok: bool | None
    word: str
    facts: Mapping[str, object] = field(default_factory=dict)

    @property
    def told(self) -> str:
        """For scripts: the machine word, and behind a price or a speed what is known of it."""
        facts = self.facts
        if self.name == "speed":
            return f"{self.word}: {facts['after_s']} s against {facts['before_s']} s"
        if self.name != "price":
            return self.word
        parts = [
            f"{side} {times} x {facts[f'{side}_way']}"
            for side in ("in", "out")
            if (times := facts.get(f"{side}_times"))
        ]
        parts += [
            f"{when} {facts[f'{when}_in'] or '?'}/{facts[f'{when}_out'] or '?'} {currency} per million tokens"
            for when in ("before", "after")
            if (currency := facts.get(f"{when}_currency"))
        ]
        return f"{self.word}: {', '.join(parts)}" if parts else self.word


@dataclass(frozen=True, slots=True)
class Notice:
    """`word` is a machine word under `[switch.warnings]`."""

    word: str
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """A rehearsal. Nothing has been touched. `refused` holds the checks that speak against it; `better` a route that works."""

    engine: str
    title: str
    from_route: str | None
    to_route: str
    changes: tuple[Change, ...]
    checks: tuple[Check, ...]
    warnings: tuple[Notice, ...]
    refused: tuple[Check, ...]
    hard: bool  # not even --force helps: the file or the route's own settings are wrong
    forced: bool
    better: str | None
    account: AccountState | None
    made_at: datetime
    token: str = ""  # "" where nothing can be confirmed
    expires_at: datetime | None = None
    callable: bool = True  # one paid call may be offered (never to Warp)
    second_person: bool = False  # the engine is protected: somebody else must confirm

    @property
    def possible(self) -> bool:
        """Whether `confirm` would go on: nothing refused it, or only what an operator may force."""
        return not self.refused or (self.forced and not self.hard)


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a switch or an undo. The file is changed; `verified` None: it could not be told."""

    record: int
    engine: str
    title: str
    from_route: str | None
    to_route: str | None
    who: str
    at: datetime
    changed: tuple[str, ...]
    taken_up: TakenUp
    checks: tuple[Check, ...]
    undo: bool = False
    automation: str = "off"  # the engine's failover mode, which a manual switch leaves as it is
    name: str = ""  # display name of `who`, already clean
    recorded: bool = True  # False: the database could not take the result; the next start mends that

    @property
    def verified(self) -> bool | None:
        """Whether the file reads back and the application took it up; None where nobody can tell."""
        states = [check.ok for check in self.checks if check.name in ("read_back", "models")]
        if False in states or self.taken_up.ok is False:
            return False
        return True if all(states) and self.taken_up.ok is not None else None


def done_of(record: SwitchRecord, engine: Engine) -> Done:
    """The result of a switch as the store has it."""
    detail = record.detail
    how, ok, reason = detail.get("take_up", ("unknown", None, "interrupted"))
    verified = None if detail.get("interrupted") else detail.get("verified")
    word = "interrupted" if detail.get("interrupted") else "checked_then"
    return Done(
        record.id,
        engine.name,
        engine.title,
        record.from_route,
        record.to_route or None,
        record.who,
        record.at,
        tuple(detail.get("changed", ())),
        TakenUp(how, ok, reason, detail.get("take_up_facts", {})),
        (Check("read_back", verified, "as_written" if verified else word),),
        automation=engine.failover,
        name=record.who if record.who == "quotadesk" else "",
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """One engine now: which route its file names, and where it could go."""

    engine: str
    title: str
    route: str | None
    others: tuple[str, ...]
    switchable: bool
    fault: str = ""  # machine word where the file cannot be read
    since: datetime | None = None
    failover: str = "off"


def as_json(plan: Plan | None, done: Done | None = None, reason: str = "") -> dict[str, Any]:
    """The shape that scripts read (`quotadesk switch --json`)."""
    what = plan or done
    return {
        "engine": what.engine if what else None,
        "from": what.from_route if what else None,
        "to": what.to_route if what else None,
        "plan": [
            {"variable": change.variable, "before": str(change.before), "after": str(change.after)}
            for change in (plan.changes if plan else ())
        ],
        "checks": [
            {"name": check.name, "ok": check.ok, "detail": check.told}
            for check in (*(plan.checks if plan else ()), *(done.checks if done else ()))
        ],
        "applied": done is not None,
        "verified": bool(done and done.verified),
        "undo": bool(done and done.undo),
        "reason": reason or (plan.refused[0].word if plan and plan.refused and not plan.possible else None),
    }
