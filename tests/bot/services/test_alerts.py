"""The life of an alert, look by look: what speaks, what stays silent, what is held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.model.alert import AlertKind, Episode, Silence
from bot.model.money import AccountState, Balance, Kind, Reading, Runway, Status
from bot.services import alerts, risks, verdict
from bot.services.alerts import Speech
from bot.services.risks import Look
from bot.services.spending import SpendBook

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)  # Tuesday, 10:00 in Beijing
WARN = {"CNY": Decimal(20)}


class Story:
    """One account over time: looks go in, what was said comes out."""

    def __init__(self, engines: Sequence[str] = ("report",), start: datetime = NOW) -> None:
        self.now, self.engines = start, tuple(engines)
        self.episodes: dict[AlertKind, Episode] = {}
        self.before: dict[str, Decimal] = {}
        self.silences: list[Silence] = []
        self.quiet = False
        self.said: list[str] = []

    def look(
        self, amount: str | None = None, *, reason: str = "", days: tuple[str, str] | None = None, minutes: int = 10
    ) -> Speech:
        """`amount` None: could not be checked, for `reason`."""
        self.now += timedelta(minutes=minutes)
        state = AccountState("kimi", "moonshot", ("kimi",), self.engines, Status.OK, self.now)
        if amount is None:
            state = replace(state, status=Status.COULD_NOT_CHECK, reason=reason or "timeout")
        else:
            left = Decimal(amount)
            readings = (Reading(Kind.ACCOUNT_MONEY, left, "CNY", blocks=left <= 0),)
            level = verdict.level(Balance(readings), WARN)
            runway = Runway(Decimal(days[0]), Decimal(days[1])) if days else Runway(why="too_little_data")
            state = replace(state, readings=readings, blocked=left <= 0, low=level > 0, level=level, runway=runway)
        look = Look(state, self.now, WARN, self.before, None, "Asia/Shanghai")
        self.episodes = alerts.step(self.episodes, look)
        if amount is not None:
            self.before = risks.figures(state.readings)
        return self.speak()

    def speak(self) -> Speech:
        speech = alerts.speak(
            list(self.episodes.values()), self.silences, self.now, is_quiet=self.quiet, gather=timedelta(0)
        )
        for episode in speech.episodes:
            self.episodes[episode.kind] = episode
        self.said += [f"{e.kind.value} {e.phase} {e.level}" for lines in speech.messages for e in lines]
        return speech


def test_each_level_speaks_once_and_the_end_names_what_arrived() -> None:
    story = Story()
    for amount in ("25", "19", "18", "17", "6", "5", "0", "0"):
        story.look(amount)
    assert story.said == ["money fire 1", "money worse 2", "money worse 3"]
    speech = story.look("200")
    (event,) = speech.messages[0]
    assert (event.phase, event.facts["how"], event.facts["rise"]) == ("clear", "topped_up", "200")
    assert event.since == NOW + timedelta(minutes=70)  # since it was empty, not since it was low
    story.look("190")
    assert story.said[3:] == ["money clear 3"]


def test_a_figure_at_its_threshold_speaks_once() -> None:
    story = Story()
    for amount in ("20.10", "19.90", "20.10", "19.90", "20.40", "19.95", "20.80", "19.80") * 5:
        story.look(amount)
    assert story.said == ["money fire 1"]


def test_recovery_without_a_rise_needs_two_good_looks_with_a_margin() -> None:
    story = Story()
    story.look("19")
    story.before = {}  # a restart that forgot the figures: nothing proves the rise
    story.look("60")
    assert story.said == ["money fire 1"]
    story.before = {}
    story.look("60")
    assert story.said == ["money fire 1", "money clear 1"]
    story.look("19")
    assert story.said[-1] == "money fire 1"  # proved recovery re-arms


def test_working_again_but_still_low_is_said_and_arms_the_next_end() -> None:
    story = Story()
    for amount in ("0", "12", "11", "0"):
        story.look(amount)
    assert story.said == ["money fire 3", "money better 3", "money worse 3"]


def test_unknown_moves_nothing() -> None:
    story = Story()
    story.look("19")
    for _ in range(4):
        story.look(None)
    assert story.said == ["money fire 1"]
    assert story.episodes[AlertKind.MONEY].open


def test_not_reached_speaks_after_an_hour_and_a_key_after_two_looks() -> None:
    story = Story()
    for _ in range(6):
        story.look(None)
    assert story.said == []
    story.look(None)
    assert story.said == ["reach fire 1"]
    story.look(None, reason="http_401")
    story.look(None, reason="http_401")
    assert story.said == ["reach fire 1", "reach clear 1", "key fire 2"]
    story.look("50")
    assert story.said[-1] == "key clear 2"


def test_a_short_outage_says_nothing() -> None:
    story = Story()
    for amount in ("50", None, None, None, "49", None, None, "48"):
        story.look(amount)
    assert story.said == []


def test_runway_is_part_of_the_line_about_money() -> None:
    story = Story()
    story.look("30", days=("2", "3"))
    story.look("19", days=("0.3", "0.8"))
    story.look("18", days=("0.3", "0.8"))
    # Nearly empty comes after "within hours" was said: the same news is not said again.
    story.look("6", days=("0.1", "0.3"))
    story.look("5", days=("0.1", "0.2"))
    assert story.said == ["money fire 1", "runway fire 2"]
    story.look("300", days=("20", "30"))
    assert story.said[2:] == ["money clear 2"]


def test_before_monday_speaks_from_thursday_on_and_ends_without_a_word_if_it_lasts() -> None:
    story = Story(start=datetime(2026, 11, 25, 2, 0, tzinfo=UTC))  # Wednesday
    story.look("60", days=("2", "3"))
    story.look("60", days=("2", "3"))
    assert story.said == []
    story.now = datetime(2026, 11, 27, 2, 0, tzinfo=UTC)  # Friday
    story.look("40", days=("1.5", "2.5"))
    story.look("40", days=("1.5", "2.5"))
    assert story.said == ["runway fire 1"]
    for _ in range(8):
        story.look("39", days=("6", "9"))
    assert story.said == ["runway fire 1"]
    assert AlertKind.RUNWAY not in story.episodes or not story.episodes[AlertKind.RUNWAY].open


def test_an_arrival_without_trouble_is_told_once() -> None:
    story = Story()
    for amount in ("100", "99", "299", "298"):
        story.look(amount)
    assert story.said == ["topup info 1"]
    story.look("298.40")  # a refund of cents
    assert story.said == ["topup info 1"]


def test_quiet_hours_hold_what_can_wait_and_pass_what_stands_still() -> None:
    story = Story()
    story.quiet = True
    story.look("19")
    assert story.said == []
    story.look("0")
    assert story.said == ["money fire 3"]
    story.look("100")
    assert story.said == ["money fire 3", "money clear 3"]
    story.look("19")
    story.look("150")  # low and topped up within the night: only the arrival is worth a line
    assert len(story.said) == 2
    story.quiet = False
    story.speak()
    assert story.said[2:] == ["topup info 1"]


def test_an_account_that_nobody_uses_is_not_urgent() -> None:
    story = Story(engines=())
    story.quiet = True
    story.look("0")
    assert story.said == []


def test_silence_covers_what_it_was_given_for_and_nothing_worse() -> None:
    story = Story()
    story.look("19")
    story.silences = [Silence("kimi", "money", story.now + timedelta(hours=4), 1, "slack:U1")]
    story.look("18")
    story.look("60")
    assert story.said == ["money fire 1"]  # the end is not posted either
    story.look("19")
    assert story.said == ["money fire 1"]
    story.look("0")
    assert story.said == ["money fire 1", "money fire 3"]
    story.silences = [Silence("*", "*", story.now + timedelta(hours=4), 2, "slack:U1")]
    story.look("90")
    assert story.said[2:] == ["money clear 3"]


def test_a_silence_that_ends_lets_the_open_risk_speak() -> None:
    story = Story()
    story.silences = [Silence("kimi", "*", story.now + timedelta(minutes=25), 2, "slack:U1")]
    for _ in range(4):
        story.look("19")
    assert story.said == ["money fire 1"]


def test_many_accounts_are_one_message() -> None:
    open_ = [
        Episode(f"a{i}", AlertKind.REACH, open=True, level=1, since=NOW, owed_since=NOW) for i in range(alerts.MANY)
    ]
    speech = alerts.speak(open_, [], NOW + timedelta(minutes=5), is_quiet=False)
    assert speech.digest
    assert len(speech.messages) == 1
    assert len(speech.messages[0]) == alerts.MANY
    assert not alerts.speak(open_[:2], [], NOW + timedelta(minutes=5), is_quiet=False).digest
    assert alerts.speak(open_, [], NOW + timedelta(seconds=30), is_quiet=False).messages == ()  # they gather first


@pytest.mark.parametrize(
    ("utc", "zone", "quiet"),
    [
        ("2026-03-29T00:30", "Europe/Berlin", True),  # 01:30 before the clocks go forward
        ("2026-03-29T05:59", "Europe/Berlin", True),  # 07:59 summer time
        ("2026-03-29T06:00", "Europe/Berlin", False),  # 08:00 summer time: an hour earlier in UTC than the day before
        ("2026-03-28T06:30", "Europe/Berlin", True),
        ("2026-10-25T06:30", "Europe/Berlin", True),  # 07:30 after the clocks went back
        ("2026-10-25T07:00", "Europe/Berlin", False),
        ("2026-11-22T14:00", "Asia/Shanghai", True),  # 22:00
        ("2026-11-22T13:59", "Asia/Shanghai", False),
    ],
)
def test_quiet_hours_follow_the_clock_on_the_wall(utc: str, zone: str, quiet: bool) -> None:
    at = datetime.fromisoformat(utc).replace(tzinfo=UTC)
    assert alerts.quiet(at, ("22:00", "08:00"), zone) is quiet


def test_quiet_hours_within_a_day_and_none() -> None:
    at = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)
    assert alerts.quiet(at, ("12:00", "13:00"), "UTC")
    assert not alerts.quiet(at, ("13:00", "14:00"), "UTC")
    assert not alerts.quiet(at, None, "UTC")
    assert not alerts.quiet(at, ("08:00", "08:00"), "UTC")


def test_a_jump_is_told_against_the_usual_busy_hour() -> None:
    book, left, at = SpendBook("CNY"), Decimal(500), NOW
    for _ in range(48 * 6):
        at += timedelta(minutes=10)
        left -= Decimal("0.10")
        book.add(at, left)
    pace = book.pace(at)
    assert pace is not None
    assert not pace.jumps
    assert pace.typical == Decimal("0.6")
    for _ in range(6):
        at += timedelta(minutes=10)
        left -= Decimal(5)
        book.add(at, left)
    pace = book.pace(at)
    assert pace is not None
    assert pace.jumps
    assert pace.spent >= 25
    book.add(at + timedelta(minutes=10), left + 300)  # a top-up is no spending
    assert book.pace(at + timedelta(days=2)) is None  # nobody watched the last hour


def test_a_jump_needs_a_day_of_knowledge() -> None:
    book = SpendBook("CNY")
    for i in range(12):
        book.add(NOW + timedelta(minutes=10 * i), Decimal(100 - 5 * i))
    assert book.pace(NOW + timedelta(hours=2)) is None


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["50", "30", "21", "19", "10", "5", "0", None, "401"]), min_size=1, max_size=60))
def test_no_story_makes_an_alert_speak_twice_without_an_end(looks: list[str | None]) -> None:
    """Between two beginnings of the same level there is an end or an easing; JSON carries every state whole."""
    story = Story()
    for amount in looks:
        story.look(None, reason="http_401") if amount == "401" else story.look(amount)
        for kind, episode in story.episodes.items():
            value = alerts.episode_to_json(episode)
            back = alerts.episode_from_json("kimi", kind, value) if value else Episode("kimi", kind)
            assert back == episode
    told: dict[str, int] = {}
    for line in story.said:
        kind, phase, level = line.split()
        if phase in ("fire", "worse"):
            assert int(level) > told.get(kind, 0), story.said
            told[kind] = int(level)
        elif phase == "clear":
            told[kind] = 0
        elif phase == "better":
            told[kind] = 1
