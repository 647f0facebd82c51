"""Rules per cause, as a table, and that nothing of a breaker is lost in the store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.model.diagnosis import Cause
from bot.services.breaker import Breaker, after_failure, closed, from_json, to_json

NOW = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
FRESH = Breaker("main")


@pytest.mark.parametrize(
    ("cause", "needs"),
    [
        (Cause.BALANCE_EXHAUSTED, "balance"),
        (Cause.KEY_LIMIT, "balance"),
        (Cause.GROUP_LIMIT, "balance"),
        (Cause.QUOTA_EXHAUSTED, "reset"),
        (Cause.FREE_TIER_ZERO_LIMIT, "person"),
        (Cause.AUTH_INVALID, "person"),
        (Cause.BILLING_INACTIVE, "person"),
        (Cause.RATE_LIMITED, "time"),
        (Cause.OVERLOADED, "time"),
        (Cause.CONTEXT_TOO_LONG, ""),
        (Cause.INVALID_REQUEST, ""),
        (Cause.CONTENT_FILTERED, ""),
        (Cause.REQUEST_TOO_COSTLY, ""),
        (Cause.UNKNOWN, ""),
    ],
)
def test_what_a_cause_needs(cause: Cause, needs: str) -> None:
    assert after_failure(FRESH, cause, NOW).needs == needs


def test_a_rate_limit_waits_as_asked_or_doubles() -> None:
    asked = after_failure(FRESH, Cause.RATE_LIMITED, NOW, retry_after_s=20)
    assert asked.until == NOW + timedelta(seconds=20)
    assert asked.open(NOW)
    assert not asked.worth_leaving(NOW)
    assert not asked.open(NOW + timedelta(seconds=20))
    state, at, waits = FRESH, NOW, []
    for _ in range(9):
        state = after_failure(state, Cause.RATE_LIMITED, at)
        assert state.until is not None
        waits.append(int((state.until - at).total_seconds()))
        at = state.until
    assert waits == [30, 60, 120, 240, 480, 960, 1800, 1800, 1800]
    later = after_failure(state, Cause.RATE_LIMITED, at + timedelta(hours=2))
    assert later.until == at + timedelta(hours=2, seconds=30)


def test_server_errors_count_within_a_window() -> None:
    state = FRESH
    for minute in (0, 1):
        state = after_failure(state, Cause.SERVER_ERROR, NOW + timedelta(minutes=minute))
        assert not state.open(NOW + timedelta(minutes=minute))
    slow = after_failure(state, Cause.SERVER_ERROR, NOW + timedelta(minutes=10))
    assert not slow.open(NOW + timedelta(minutes=10))
    fast = after_failure(state, Cause.NETWORK, NOW + timedelta(minutes=2))
    assert fast.worth_leaving(NOW + timedelta(minutes=2))
    assert not fast.open(NOW + timedelta(minutes=7))


def test_a_milder_reason_never_replaces_a_worse_one() -> None:
    money = after_failure(FRESH, Cause.BALANCE_EXHAUSTED, NOW)
    assert after_failure(money, Cause.RATE_LIMITED, NOW) == money
    assert after_failure(money, Cause.AUTH_INVALID, NOW).needs == "person"
    again = after_failure(
        Breaker("main", "balance", "balance_exhausted", NOW, told=("query",)),
        Cause.BALANCE_EXHAUSTED,
        NOW + timedelta(1),
    )
    assert again.told == ("query",)
    assert again.since == NOW


def test_a_reset_is_remembered() -> None:
    state = after_failure(FRESH, Cause.QUOTA_EXHAUSTED, NOW, resets_at=NOW + timedelta(hours=4))
    assert (state.until, state.dated) == (NOW + timedelta(hours=4), True)
    again = after_failure(state, Cause.QUOTA_EXHAUSTED, NOW + timedelta(minutes=1))
    assert again.until == state.until
    assert closed(again) == FRESH
    assert to_json(FRESH) is None


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(list(Cause)), st.integers(0, 4000), st.none() | st.floats(0, 1e6)), max_size=12)
)
def test_nothing_is_lost_in_the_store(events: list[tuple[Cause, int, float | None]]) -> None:
    state, at = FRESH, NOW
    for cause, seconds, retry in events:
        at += timedelta(seconds=seconds)
        state = after_failure(state, cause, at, retry_after_s=retry)
        assert from_json("main", to_json(state)) == state
