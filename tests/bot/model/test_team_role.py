"""Who is called can answer, in the chat where they are called; nobody else gains anything."""

from __future__ import annotations

from bot.model.chat import Person, Place, Role
from bot.model.team import Access, OnCall, Support, Team

TEAM = Team(
    access=Access(("slack:*", "telegram:1002"), ("slack:U0ADMIN", "telegram:1001"), "T0TEAM", (-1001, 1002)),
    support=Support(("slack:C0SUPPORT", "telegram:-1009", "telegram:-1010:17")),
    oncall=OnCall(("slack:U0ALICE", "telegram:2002")),
)
CAROL, STRANGER, OPERATOR = Person("telegram", "2002"), Person("telegram", "666"), Person("telegram", "1001")


def test_the_support_chats_are_named_chats() -> None:
    for chat in ("-1001", "-1009", "-1010"):
        assert TEAM.role(OPERATOR, Place("telegram", chat)) is Role.OPERATOR
        assert TEAM.role(CAROL, Place("telegram", chat)) is Role.MEMBER
        assert TEAM.role(STRANGER, Place("telegram", chat)) is Role.NOBODY
    assert TEAM.role(OPERATOR, Place("telegram", "-1011")) is Role.NOBODY


def test_who_is_on_call_is_a_member_where_the_chat_is_named() -> None:
    assert TEAM.role(CAROL, Place("telegram", "2002", private=True)) is Role.MEMBER
    assert TEAM.role(CAROL, Place("telegram", "-1011")) is Role.NOBODY
    assert TEAM.role(Person("slack", "U0ALICE"), Place("slack", "C1", team="T0OTHER")) is Role.NOBODY
    assert TEAM.role(Person("telegram", "5"), Place("telegram", "5", private=True), ("telegram:2002",)) is Role.MEMBER
    assert TEAM.role(STRANGER, Place("telegram", "666", private=True)) is Role.NOBODY


def test_without_named_chats_nothing_is_narrowed() -> None:
    team = Team(access=Access(members=("telegram:*",)), support=TEAM.support)
    assert team.role(STRANGER, Place("telegram", "-77")) is Role.MEMBER


def test_a_secret_is_spoken_about_in_the_teams_own_chats_whoever_posted_it() -> None:
    heard = [chat for chat in ("-1001", "-1009", "-1010", "-1011") if TEAM.hears(Place("telegram", chat))]
    assert heard == ["-1001", "-1009", "-1010"]
    assert not TEAM.hears(Place("telegram", "666", private=True))
    assert [team for team in ("T0TEAM", "T0OTHER") if TEAM.hears(Place("slack", "C1", team=team))] == ["T0TEAM"]
    assert Team().hears(Place("telegram", "-77"))
