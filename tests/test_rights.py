"""Who may do what, cell by cell: every command and every button that there is, for a stranger, a member and an operator.

A refused cell has to be refused as declared, and nothing of the house may have been touched for it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.locales import Words
from bot.model.chat import Line, Person, Place, Reply, Request, Role
from bot.model.team import Access, OnCall, Team
from bot.ports import Profile
from bot.redaction.gate import Gate
from bot.services import Services
from handlers.router import Command, Press, Router, discover

STRANGER, MEMBER, OPERATOR = Person("slack", "U0EVE"), Person("slack", "U0BOB"), Person("slack", "U0ADMIN")
PEOPLE = {Role.NOBODY: STRANGER, Role.MEMBER: MEMBER, Role.OPERATOR: OPERATOR}
TEAM = Team(
    access=Access(("slack:U0BOB", "telegram:*"), ("slack:U0ADMIN", "telegram:1001"), "T0TEAM", (-1001,)),
    oncall=OnCall(people=("slack:U0ALICE",)),
)
HERE = Place("slack", "C0TEAM", team="T0TEAM")

# What only operators may do. A handler that needs more than its role (who takes a ticket, whose alert it is) asks for itself.
OPERATORS_ONLY = {
    "switch",
    "gateway",
    "audit",
    "switch.plan",
    "switch.confirm",
    "switch.probe",
    "switch.cancel",
    "switch.undo",
    "switch.return",
    "switch.stay",
    "switch.clear",
    "alert.silence",
    "alert.unsilence",
    "gateway.confirm",
    "gateway.cancel",
    "gateway.undo",
}


OPEN = {"link"}  # a code that a member asked for is the right


class Sealed:
    """A part of the house that nobody may touch."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{self._name}.{name} was used")


class OnlyProfiles(Sealed):
    async def profile(self, address: str) -> Profile:
        return Profile(address, None, None, ())


def services(team: Team = TEAM) -> Services:
    parts: dict[str, Any] = {
        name: Sealed(name) for name in Services.__dataclass_fields__ if name not in ("team", "store", "gate")
    }
    store: Any = OnlyProfiles("store")
    return Services(team=team, store=store, gate=Gate(b"tests"), **parts)


class Seen:
    """Stands in for what a command does and says so."""

    def __init__(self) -> None:
        self.ran: list[str] = []

    def run(self, name: str) -> Any:
        async def run(request: Request, services: Services) -> AsyncIterator[Reply]:
            self.ran.append(name)
            yield Reply(blocks=(Line("ran"),))

        return run

    def commands(self) -> dict[str, Command]:
        return {
            name: replace(
                command,
                run=self.run(name),
                presses={id: Press(self.run(id), press.role) for id, press in command.presses.items()},
            )
            for name, command in discover().items()
        }


CELLS: list[tuple[str, bool, Role]] = [
    *((command.name, False, command.role) for command in discover().values()),
    *((id, True, press.role) for command in discover().values() for id, press in command.presses.items()),
]


def request(name: str, press: bool, by: Person, place: Place = HERE) -> Request:
    return Request(
        command=name.split(".")[0],
        text=Gate().trusted("query deepseek 1"),
        asker=by,
        place=place,
        language="en",
        timezone="UTC",
        received_at=datetime(2026, 11, 22, tzinfo=UTC),
        id="1",
        action=name if press else None,
        value="1",
    )


@pytest.mark.parametrize("by", [STRANGER, Person("slack", "")], ids=["stranger", "program"])
async def test_a_key_in_a_chat_of_the_team_is_guarded_whoever_posted_it(by: Person) -> None:
    for place, guarded in ((HERE, True), (replace(HERE, team="T0OTHER"), False), (replace(HERE, private=True), False)):
        seen = Seen()
        replies = await answers(Router(services(), seen.commands()), request("leak", False, by, place))
        assert (seen.ran == ["leak"], len(replies)) == (guarded, guarded)


async def test_a_forged_press_with_a_secret_in_it_is_no_press(make_key: Callable[..., str]) -> None:
    seen = Seen()
    forged = replace(request("leak.rotated", True, MEMBER), value=make_key("sk-", 48))
    replies = await answers(Router(services(), seen.commands()), forged)
    assert seen.ran == []
    assert forged.value not in repr(replies)


async def answers(router: Router, asked: Request) -> list[Reply]:
    return [reply async for reply in router.answer(asked)]


def test_the_declared_roles_are_these() -> None:
    operators = {name for name, _, role in CELLS if role is Role.OPERATOR}
    assert operators >= OPERATORS_ONLY
    assert {name for name, _, role in CELLS if role is Role.NOBODY} <= OPEN


@pytest.mark.parametrize("role", list(PEOPLE), ids=lambda role: role.name)
@pytest.mark.parametrize(("name", "press", "needed"), CELLS, ids=[name for name, _, _ in CELLS])
async def test_the_matrix(name: str, press: bool, needed: Role, role: Role) -> None:
    asked = request(name, press, PEOPLE[role])
    if role < needed:
        # The real command over a sealed house: whatever it touched would break the test.
        replies = await answers(Router(services()), asked)
        words = Words("en")
        wanted = (
            words.say("errors.closed", address=PEOPLE[role].address)
            if role is Role.NOBODY
            else words.say("errors.operators_only", operators=words.say("common.list_sep").join(TEAM.access.operators))
        )
        if name == "leak":  # a stranger who only talks near the bot asked it nothing
            assert replies == []
            return
        assert [[getattr(block, "text", None) for block in reply.blocks] for reply in replies] == [[wanted]]
        assert replies[0].alert is press
        assert not replies[0].actions
    else:
        seen = Seen()
        replies = await answers(Router(services(), seen.commands()), asked)
        assert seen.ran == [name]
        assert len(replies) == 1


@pytest.mark.parametrize(
    ("who", "place", "role"),
    [
        (OPERATOR, Place("slack", "C0TEAM", team="T0OTHER"), Role.NOBODY),  # a guest of a shared channel
        (Person("telegram", "1001"), Place("telegram", "-1001"), Role.OPERATOR),
        (Person("telegram", "1001"), Place("telegram", "-1666"), Role.NOBODY),  # a group that nobody named
        (Person("telegram", "1001"), Place("telegram", "1001", private=True), Role.OPERATOR),
        (Person("telegram", "77"), Place("telegram", "77", private=True), Role.MEMBER),
        (Person("slack", "U0ALICE"), HERE, Role.MEMBER),  # who is called may answer
        (Person("slack", "U0ALICE"), Place("slack", "C0TEAM", team="T0OTHER"), Role.NOBODY),
        (Person("slack", "U0ADMIN2"), HERE, Role.NOBODY),  # a name that only begins alike
    ],
)
async def test_where_somebody_writes_counts(who: Person, place: Place, role: Role) -> None:
    for name, needed in (("balance", Role.MEMBER), ("switch", Role.OPERATOR)):
        seen = Seen()
        await answers(Router(services(), seen.commands()), request(name, False, who, place))
        assert bool(seen.ran) is (role >= needed), name


async def test_a_role_that_a_request_claims_counts_for_nothing() -> None:
    seen = Seen()
    claimed = replace(request("switch.confirm", True, STRANGER), role=Role.OPERATOR)
    await answers(Router(services(), seen.commands()), claimed)
    assert seen.ran == []
