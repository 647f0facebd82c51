"""When a limit ends, in the spellings that providers, gateways and clients use for it."""

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.services.reading.resets import reset_of
from bot.services.reading.times import occurred_at_of, retry_after_of
from bot.services.reading.view import view

NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
HERE = ZoneInfo("Asia/Shanghai")
UNIX = int(datetime(2026, 11, 23, 3, tzinfo=UTC).timestamp())


def told(text: str, now: datetime = NOW, happened: datetime | None = None) -> str:
    """`MM-DD HH:MM` in UTC and what is to be said with it; the words of the text where it names no zone."""
    reset = reset_of(text, now, HERE, happened)
    if reset is None:
        return "nothing"
    marks = [name for name in ("counted", "here", "over", "vague") if getattr(reset, name)]
    return " ".join([f"{reset.at:%m-%d %H:%M}" if reset.at else f"“{reset.written}”", *marks])


EXACT = {
    # RFC 3339 and its relatives
    "429 your quota will reset at 2026-11-23T03:00:00Z": "11-23 03:00",
    "usage limit reached, resets at 2026-11-23 03:00 UTC": "11-23 03:00",
    "limit resets at: 2026-11-23T10:13:01+0000": "11-23 10:13",
    "5-hour usage limit reached (4500/4500 used), resets at 2026-11-23T15:00:00+08:00 (2056)": "11-23 07:00",
    "It will reset at 2026-11-29 23:59:59 +0800 CST. We recommend upgrading": "11-29 15:59",
    "Budget resets at 2026-12-01 00:00:00+00:00": "12-01 00:00",
    "You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC.": "12-01 00:00",
    "rate limited until 2026-11-23 03:00:00 UTC": "11-23 03:00",
    "blocked until 2026-11-23T03:00:00Z": "11-23 03:00",
    "Please retry after 2026-11-23T03:00:00Z": "11-23 03:00",
    "resets at 2026-11-23 03:00 PST": "11-23 11:00",
    '"quotaResetDelay": "108h48m20.79s", "quotaResetTimeStamp": "2026-11-26T15:24:12Z"': "11-26 15:24",
    '"budget_reset_at": "2026-12-01T00:00:00Z"': "12-01 00:00",
    '"retry_at": "2026-11-23T03:00:00.123456Z"': "11-23 03:00",
    '"resetTime":"2026-11-23T03:00:00Z"': "11-23 03:00",
    'resetsAt":"2026-11-23T03:00:00.000Z"': "11-23 03:00",
    '{\\"reset_at\\": \\"2026-11-23T03:00:00Z\\"}': "11-23 03:00",
    "下次重置时间: 2026-11-24T00:00:00+08:00": "11-23 16:00",
    "额度将于北京时间 2026-11-23 08:00 恢复": "11-23 00:00",
    "Rate limit reset at 2026-11-23 03:00:00.000000+00:00 UTC": "11-23 03:00",
    "reset time is 2026-11-23 03:00:00 +0000 UTC": "11-23 03:00",
    '"reset_at": "2026-11-23 03:00:00+00"': "11-23 03:00",
    "resets on 2026-11-23 at 3:00 AM UTC": "11-23 03:00",
    "quota will be refreshed on 2026-11-23 03:00 (UTC)": "11-23 03:00",
    "Free tier quota will be replenished at 2026-12-01 00:00:00 UTC": "12-01 00:00",
    '"next_available_at": "2026-11-23T03:00:00Z"': "11-23 03:00",
    '"unlock_at":"2026-11-23T03:00:00Z"': "11-23 03:00",
    '"retryAfter":"2026-11-23T03:00:00Z"': "11-23 03:00",
    "将于2026-11-23T08:00:00+08:00自动恢复": "11-23 00:00",
    "额度重置时间为 2026-11-23 08:00:00 (UTC+8)": "11-23 00:00",
    # RFC 1123 and dates in words; a year that is not written is the nearest
    "HTTP/1.1 429 Too Many Requests Retry-After: Mon, 23 Nov 2026 03:00:00 GMT": "11-23 03:00",
    "Rate limit resets at: Sun, 22 Nov 2026 11:00:00 GMT": "11-22 11:00",
    "Weekly limit reached ∙ resets Nov 24 at 5pm (Asia/Shanghai)": "11-24 09:00",
    "Resets Jan 12, 10:59am (America/New_York)": "01-12 15:59",
    "Resets at 7pm on Nov 24 (America/New_York)": "11-25 00:00",
    "Limit resets: Monday, November 23, 2026 at 9:00 AM PST": "11-23 17:00",
    "The quota will reset at 11-27 09:25:00 UTC. Please retry after the reset time": "11-27 09:25",
    "Access will be restored at 23 Nov 2026 17:03 CET": "11-23 16:03",
    "恢复时间为北京时间 11 月 23 日 晚上 8 点半": "11-23 12:30",
    # Unix time in seconds, milliseconds, with a fraction
    f"Claude AI usage limit reached|{UNIX}": "11-23 03:00",
    f'{{"type":"usage_limit_reached","resets_at":{UNIX},"resets_in_seconds":59400}}': "11-23 03:00",
    f"x-ratelimit-reset: {UNIX}": "11-23 03:00",
    f'"X-RateLimit-Remaining":"0","X-RateLimit-Reset":"{UNIX}000"': "11-23 03:00",
    f'("x-ratelimit-reset", "{UNIX}")': "11-23 03:00",
    f'"next_reset_time": {UNIX}000': "11-23 03:00",
    f"cooldown_until={UNIX}.5": "11-23 03:00",
    f"resetAt: {UNIX}": "11-23 03:00",
    f"reset_time {{ seconds: {UNIX} }}": "11-23 03:00",
    # of the several figures in one answer's headers the last to pass
    "anthropic-ratelimit-requests-reset: 2026-11-22T10:32:00Z\nanthropic-ratelimit-tokens-reset: 2026-11-22T10:31:00Z": "11-22 10:32",
    f"anthropic-ratelimit-unified-5h-reset: {UNIX}\nanthropic-ratelimit-unified-7d-reset: {UNIX + 400000}\n"
    f"anthropic-ratelimit-unified-reset: {UNIX}": "11-23 03:00",
}
COUNTED = {
    "You've hit your limit · resets 8pm (Australia/Sydney)": "11-23 09:00 counted",
    "Your limit will reset at 1pm (Etc/GMT+5).": "11-22 18:00 counted",
    "Resets 12:59pm (America/New_York)": "11-22 17:59 counted",
    "resets 7:30pm UTC+8": "11-22 11:30 counted",
    "resets at 5 p.m. ET": "11-22 22:00 counted",
    "available again at 03:00 UTC": "11-23 03:00 counted",
    "Daily cap hit, resets at midnight UTC": "11-23 00:00 counted",
    "your free usage resets automatically at midnight Pacific.": "11-23 08:00 counted",
    "Quota resets daily at midnight PT": "11-23 08:00 counted",
    "resets tomorrow at 08:00 UTC": "11-23 08:00 counted",
    "resets Monday at 9am (America/New_York)": "11-23 14:00 counted",
    "Monthly limit reached, resets on the 1st of each month (UTC)": "12-01 00:00 counted",
    "每日 00:00（UTC+8）重置": "11-22 16:00 counted",
    "UTC 时间每天 0 点重置": "11-23 00:00 counted",
    "北京时间每天零点刷新": "11-22 16:00 counted",
    "次日 00:00 (UTC+8) 恢复": "11-22 16:00 counted",
    "blocked until 11:59 PM PST": "11-23 07:59 counted",
    "今晚 24:00 重置": "11-22 16:00 counted here",
    "11:30 后再试": "11-23 03:30 counted here",
    "5-hour limit reached ∙ resets 7pm": "11-22 11:00 counted here",
    "Your limit will reset at 3:00 PM.": "11-23 07:00 counted here",
    "You've hit your usage limit. try again at 5:03 PM.": "11-23 09:03 counted here",
    "usage window exhausted, resets at 18:00": "11-23 10:00 counted here",
    "额度已用完，每天 0 点重置": "11-22 16:00 counted here",
    "Usage resets Thu 10:00 AM": "11-26 02:00 counted here",
    "额度将在明天 08:00 恢复": "11-23 00:00 counted here",
    "次日零点自动恢复": "11-22 16:00 counted here",
    "resets at 18:45 local time": "11-22 10:45 counted",
}
AS_WRITTEN = {
    "429 quota exceeded. Try again after 2026-11-23 03:00:00": "“2026-11-23 03:00:00”",
    "try again at Nov 24th, 2026 5:03 PM.": "“Nov 24th, 2026 5:03 PM”",
    "try again at 10 de dez. de 2026, 11:52": "nothing",  # no month that we know: nothing is guessed
    "Your limit will reset at Nov 26, 6pm. /upgrade": "“Nov 26, 6pm”",
    "will reset when your monthly cycle ends on 11/30/2026": "“11/30/2026”",
    "wait until 21 December 2026 for your limit to reset": "“21 December 2026”",
    "Your quota will reset on Dec 11th.": "“Dec 11th”",
    "Please try again at 2026/11/23 03:00": "“2026/11/23 03:00”",
    "您的额度将于 2026-11-23 08:00:00 重置": "“2026-11-23 08:00:00”",
    "您的限额将在 2026-11-22 21:41:44 重置。": "“2026-11-22 21:41:44”",
    "请于 2026-11-23 08:00:00 之后重试": "“2026-11-23 08:00:00”",
    "请在2026年11月23日 8时 之后再试": "“2026年11月23日 8时”",
    "重置时间：2026-11-23 08:00:00": "“2026-11-23 08:00:00”",
    "请 2026-11-23 08:00 后再试": "“2026-11-23 08:00”",
    "請於 2026-11-23 08:00 之後再試": "“2026-11-23 08:00”",
    "账户封禁至 2026-11-30 00:00:00": "“2026-11-30 00:00:00”",
    "利用制限は 11月23日 17:00 にリセットされます": "“11月23日 17:00”",
    "Resets on: 2026-11-23": "“2026-11-23”",
    "Quota will reset at the start of next month.": "“start of next month”",
    "下个月 1 日重置": "“下个月 1 日”",
    "额度已耗尽，将于下周一重置": "“下周一”",
    "Please try again tomorrow.": "“tomorrow”",
    "每月1日重置": "“每月1日”",
    "Credits renew at your next billing cycle": "“your next billing cycle” vague",
    "额度将于下个计费周期重置": "“下个计费周期” vague",
}
PAST = {
    "resets at 2026-11-20T03:00:00Z": "11-20 03:00 over",
    "You've hit your weekly limit · resets Jul 27 at 4:30am (Asia/Calcutta)": "07-26 23:00 over",
    "Claude AI usage limit reached|1775317531": "04-04 15:45 over",
    "resets at 2026-11-20 03:00": "“2026-11-20 03:00” over",
    "resets at 2026-11-22 03:00": "“2026-11-22 03:00”",  # still ahead in some zone
    "You've hit your limit · resets May 5 at 9pm (America/New_York)": "05-06 01:00 over",
    "quota will reset at 3pm today.": "“3pm today”",  # past here, but whose day is it?
}
NOTHING = [
    "2026-11-22 10:00:00 ERROR 429 please try again later",
    "please try again\n2026-11-22 10:00:00 ERROR 429",
    "Connection reset at 10:00:01",
    "read ECONNRESET 2026-11-22 10:00:00",
    "disconnect/reset before headers. reset reason: overflow",
    "Your key is valid until 2026-12-01",
    "API key expired at 2026-11-23 03:00",
    "[2026-11-22 10:00:00] 请稍后重试",
    "在 2026-11-22 10:00 调用失败，请稍后再试",
    "于 2026-11-22 10:00:00 重置密码",
    '{"created_at":"2026-11-22T10:00:00Z","error":"rate limited"}',
    "retry 3/10 at 2026-11-22 10:00:00",
    "wait for limits to reset (every 5h and every week.)",
    "resets at 2126-11-23T03:00:00Z",  # no plan has such a window
    f"x-ratelimit-reset: {UNIX * 1000 + 10**15}",
    "resets at 2026-02-31 08:00 UTC",
    "x-ratelimit-reset: 30",
    "GPU quota (60s requested vs. 12s left). Try again in 0:45:12",
    "resets in 3h 20m",
    "5 小时 12 分钟后恢复",
]


TABLES = pytest.mark.parametrize(
    "table", [EXACT, COUNTED, AS_WRITTEN, PAST], ids=["exact", "counted", "written", "past"]
)


@TABLES
def test_the_moment_of_a_reset(table: dict[str, str]) -> None:
    assert {text: told(text) for text in table} == table


def test_another_time_is_no_reset() -> None:
    assert {text: told(text) for text in NOTHING} == dict.fromkeys(NOTHING, "nothing")


@TABLES
def test_a_reset_is_not_when_it_happened(table: dict[str, str]) -> None:
    assert {text: occurred_at_of(view(text)) for text in table} == dict.fromkeys(table)
    logged = {text: occurred_at_of(view(f"2026-11-22 09:15:00 ERROR 429 {text}")) for text in table}
    assert logged == dict.fromkeys(table, "2026-11-22 09:15:00")


def test_no_mixture_of_such_texts_breaks_it() -> None:
    pieces = " ".join(
        [*EXACT, *COUNTED, *AS_WRITTEN, *NOTHING, "31 Feb 24:00 99:99 UTC+99 a/b ../.. 每月31日重置"]
    ).split()
    dice = random.Random(5)
    for now in (NOW, datetime(2028, 2, 29, 23, 59, tzinfo=UTC), datetime(2027, 1, 31, tzinfo=UTC)):
        for _ in range(150):
            reset = reset_of(" ".join(dice.choices(pieces, k=10)), now, HERE)
            assert reset is None or reset.at is None or reset.at - now <= timedelta(days=400)


def test_a_log_tells_the_newest_and_counts_from_the_error() -> None:
    log = "09:00 limit, resets at 2026-11-22T11:00:00Z\n14:00 limit, resets at 2026-11-22T16:00:00Z"
    assert told(log) == "11-22 16:00"
    error = NOW - timedelta(days=1)
    assert told("resets 7pm (Asia/Shanghai)", happened=error) == "11-21 11:00 counted over"
    assert (
        told("resets 7pm (Asia/Shanghai)", happened=NOW + timedelta(days=1)) == "11-22 11:00 counted"
    )  # a wrong clock


def test_how_long_to_wait() -> None:
    said = [
        ("try again in 2 days 3 hours 17 minutes.", 184620),
        ("or try again in 5 days 22 hours 11\nminutes.", 511860),
        ("Please wait 3 days", 259200),
        ("Please retry in 9m38.016s", 578.016),
        ("Individual quota reached. Resets in 108h48m29s.", 391709),
        ("Your quota will reset after 161h39m41s.", 581981),
        ("All accounts have exhausted their quota (reset after 140h 21m 10s)", 505270),
        ('"retryDelay": "391609.795772632s"', 391609.8),
        ('"resets_in_seconds":602705', 602705),
        ("GPU quota (60s requested vs. 12s left). Try again in 0:45:12", 2712),
        ("or retry in 0:09:48.", 588),
        ("Retry-After: 30", 30),
        ("x-ratelimit-reset-requests: 6m0s", 360),
        ("retry-after: 17\nx-ratelimit-reset-requests: 6m0s", 17),
        ("请等待 45 秒后重试", 45),
        ("5 小时 12 分钟后恢复", 18720),
        ("30秒后重试 (1/3)", None),  # the client's own
    ]
    assert [(text, retry_after_of(view(text))) for text, _ in said] == [
        (text, seconds if seconds is None else pytest.approx(seconds)) for text, seconds in said
    ]
