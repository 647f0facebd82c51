"""When to retry, as the reader is told it: their zone, the zone's name, or that the text names none; or "do not retry"."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.locales import Words
from bot.model.chat import CleanText, Found
from bot.model.diagnosis import Cause, Diagnosis, Finding, Proven
from bot.model.team import Team
from bot.redaction.gate import Gate
from handlers.diagnosis_when import moment_of, stated, when_to_retry
from handlers.diagnosis_words import worded
from tests.diagnose_room import front

NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
ISO = "resets at 2026-11-23T03:00:00Z"
QUOTA, RATE, GROUP, UNKNOWN = Cause.QUOTA_EXHAUSTED, Cause.RATE_LIMITED, Cause.GROUP_LIMIT, Cause.UNKNOWN


def told(
    cause: Cause,
    text: str,
    language: str = "en",
    zone: str = "Asia/Shanghai",
    *,
    wait: float | None = None,
    at: str | None = None,
    notes: tuple[str, ...] = (),
    proven: Proven | None = None,
) -> str:
    clean: CleanText = Gate().trusted(text)
    d = Diagnosis((cause,), 0.9, clean, retry_after_s=wait, occurred_at=at, notes=notes)
    words, known = Words(language, zone), proven or Proven(cause, "text")
    return when_to_retry(d, known, words, NOW, stated(d, known, words, NOW))


@pytest.mark.parametrize(
    ("cause", "text", "en", "zh"),
    [
        (QUOTA, ISO, "Works again after the reset: Nov 23, 2026 11:00 (Beijing) = 03:00 UTC.", "重置后恢复：2026年11月23日 11:00（北京），即 03:00 UTC。"),
        (RATE, ISO, "Retry after 16 hours: tomorrow 11:00 (Beijing).", "16 小时后再试，即明天 11:00（北京）。"),
        (UNKNOWN, ISO, "Works again after the reset: Nov 23, 2026 11:00 (Beijing) = 03:00 UTC.", "重置后恢复：2026年11月23日 11:00（北京），即 03:00 UTC。"),
        (GROUP, ISO, "Do not retry yet: unless somebody acts, it fails until Nov 23, 2026 11:00 (Beijing).", "先不要重试：没有人处理的话，要到 2026年11月23日 11:00（北京）才恢复。"),
        (QUOTA, "resets at 2026-11-23 03:00", "Works again after the reset: 2026-11-23 03:00 (zone not stated in the text).", "重置后恢复：2026-11-23 03:00（原文没写时区）。"),
        (QUOTA, "resets 7pm", "Works again after the reset: Nov 22, 2026 19:00 (Beijing) = 11:00 UTC. The text says only “7pm”, without a date or a zone: taken as your time, the next one counted from now.", "重置后恢复：2026年11月22日 19:00（北京），即 11:00 UTC。原文只写了“7pm”，没有日期和时区：按你的时区，取从现在算起的下一次。"),
        (QUOTA, "resets at midnight UTC", "Works again after the reset: Nov 23, 2026 08:00 (Beijing) = 00:00 UTC. The text says only “midnight UTC”, without a date: the next one counted from now.", "重置后恢复：2026年11月23日 08:00（北京），即 00:00 UTC。原文只写了“midnight UTC”，没有日期：取从现在算起的下一次。"),
        (QUOTA, "resets at your next billing cycle", "Works again with the reset; the text gives no date, only “your next billing cycle”. The console shows the day.", "重置后恢复；原文没写日期，只说“your next billing cycle”。具体哪天看控制台。"),
        (QUOTA, "resets at 2026-11-20T03:00:00Z", "The reset that the text names, Nov 20, 2026 11:00 (Beijing), has passed: try once more.", "原文里的重置时间 2026年11月20日 11:00（北京）已经过去：可以再试一次。"),
        (QUOTA, "resets at 2126-11-20T03:00:00Z", "It works again after the reset of the quota; the text does not say when. Wait at least 1 hour.", "额度重置后恢复；原文没写时间，至少等 1 小时。"),
        (Cause.AUTH_INVALID, ISO, "Do not retry: the same call cannot work until somebody acts.", "不要重试：没有人处理之前，同样的请求不会成功。"),
    ],
)  # fmt: skip
def test_when_to_retry_in_both_languages(cause: Cause, text: str, en: str, zh: str) -> None:
    assert told(cause, text) == en
    assert told(cause, text, "zh") == zh


def test_in_the_readers_zone() -> None:
    for zone in ("UTC", "Etc/UTC"):
        assert told(QUOTA, ISO, zone=zone) == "Works again after the reset: Nov 23, 2026 03:00 (UTC)."
    assert "Nov 22, 2026 22:00 (New York) = 03:00 UTC" in told(QUOTA, ISO, zone="America/New_York")
    assert "Nov 22, 2026 19:00 (New York)" in told(QUOTA, "resets 7pm", zone="America/New_York")


def test_a_date_in_chinese_is_in_digits_for_an_english_reader() -> None:
    assert told(QUOTA, "请在2026年11月23日 8时 之后再试").endswith("2026-11-23 08:00 (zone not stated in the text).")
    assert "2026年11月23日 8时（原文没写时区）" in told(QUOTA, "请在2026年11月23日 8时 之后再试", "zh")
    assert "2026-12-01 (zone not stated" in told(QUOTA, "下个月 1 日重置")
    assert "Nov 23, 2026 08:00 (Beijing)" in told(QUOTA, "明天 08:00 恢复")


def test_a_wait_and_a_moment() -> None:
    assert told(RATE, ISO, wait=30) == "Retry after 30 seconds: 18:30 (Beijing)."
    assert "11:00 (Beijing) = 03:00" in told(QUOTA, ISO, wait=30)  # the seconds belong to another limit
    assert "18:35 (Beijing)" in told(QUOTA, "resets at your next billing cycle", wait=300)
    assert told(UNKNOWN, "429", wait=30).startswith("The answer asks to wait 30 seconds, until 18:30 (Beijing)")
    assert told(UNKNOWN, "429", "zh", wait=30).startswith("对方要求等 30 秒，到 18:30（北京）")


def test_a_wait_runs_from_the_error_where_the_text_tells_its_time() -> None:
    assert "19:30 (Beijing) = 11:30" in told(QUOTA, "429", wait=7200, at="2026-11-22T09:30:00Z")
    assert "10:30 (Beijing), has passed" in told(QUOTA, "429", wait=7200, at="2026-11-22T00:30:00Z")
    assert "has passed" in told(RATE, "429", wait=7200, at="2026-11-22T00:30:00Z")
    assert told(RATE, "429", wait=7200, at="2026-11-22T09:30:00Z") == "Retry after 1 hour: 19:30 (Beijing)."
    assert told(RATE, "429", wait=17, at="2026-11-22T00:30:00Z") == "Retry after 17 seconds: 18:30 (Beijing)."
    assert "20:30 (Beijing)" in told(QUOTA, "429", wait=7200, at="2026-11-22 09:30:00")  # in no known zone


def test_what_was_asked_live_knows_better_than_the_text() -> None:
    at = datetime(2026, 11, 22, 14, tzinfo=UTC)
    live = Proven(QUOTA, "proved", (Finding("proved", "empty", {"resets_at": at}, QUOTA),))
    assert "22:00 (Beijing) = 14:00 UTC" in told(QUOTA, ISO, proven=live)
    used_up = Proven(GROUP, "proved", (Finding("proved", "empty", {}, GROUP),))
    assert told(GROUP, "regain access on 2026-11-20T03:00:00Z", proven=used_up).startswith("Do not retry:")


def test_the_midnight_of_a_note_gives_way_to_a_moment_in_the_text() -> None:
    assert "= 00:00 UTC" in told(QUOTA, "free-models-per-day", notes=("openrouter_free",))
    assert "= 03:00 UTC" in told(QUOTA, ISO, notes=("openrouter_free",))
    assert "= 00:00 UTC" in told(QUOTA, "resets at 2026-11-20T03:00:00Z", notes=("openrouter_free",))


def test_counted_from_the_error_where_the_text_tells_its_time() -> None:
    assert "the next one counted from the time of the error" in told(
        QUOTA, "resets 11pm (UTC)", at="2026-11-22T09:00:00Z"
    )
    assert "has passed" in told(QUOTA, "resets 11pm (UTC)", at="2026-11-20T09:00:00Z")
    assert moment_of("Sun, 22 Nov 2026 09:00:00 GMT") == datetime(2026, 11, 22, 9, tzinfo=UTC)
    assert moment_of("2026-11-22 09:00:00") is None
    assert moment_of(None) is None


@pytest.mark.parametrize(("text", "searched"), [("resets Dec 1", False), ("resets next month", True), ("", True)])
def test_no_step_sends_to_look_for_a_reset_that_the_text_tells(text: str, searched: bool) -> None:
    d = Diagnosis((QUOTA,), 0.9, Gate().trusted(f"429 quota exceeded {text}"))
    reply = worded(d, Proven(QUOTA, "text"), Team(), Words("en", "UTC"), NOW, found=Found(), number=1)
    assert ("See which window it is and when it resets" in front(reply)) is searched


def test_no_retry_heals_a_certificate() -> None:
    assert told(Cause.NETWORK, "certificate verify failed", notes=("certificate",)).startswith("Retrying does not help")
    assert "重试没有用" in told(Cause.NETWORK, "certificate verify failed", "zh", notes=("certificate",))
    assert told(Cause.NETWORK, "read timed out") == "Retrying later can work; wait longer each time."
    other = Proven(Cause.OVERLOADED, "narrowed")
    assert "later can work" in told(Cause.NETWORK, "certificate", notes=("certificate",), proven=other)
