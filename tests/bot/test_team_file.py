"""The team file: what is right is read, what is wrong is one sentence with its mend and never a value."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bot.errors import ConfigError
from bot.locales import Words
from bot.locales.fault_words import told
from bot.model.engine import KeyRef
from bot.model.money import Price
from bot.model.team import Reporter
from bot.team_file import parse, read


def faults(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "team.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read(file)
    return list(caught.value.faults)


def test_a_key_may_live_in_an_applications_file(tmp_path: Path) -> None:
    head = '[routes.a]\nbase_url = "https://a.example"\n'
    file = tmp_path / "team.toml"
    file.write_text(head + 'key_env = "Q_API_KEY"\nkey_env_file = "app/.env"\nkey_line = 12\n')
    assert read(file).routes["a"].key == KeyRef(env="Q_API_KEY", env_file=tmp_path / "app" / ".env", line=12)
    assert "key_env" in faults(tmp_path, head + 'key_env_file = "app/.env"\n')[0]
    assert "key_env_file" in faults(tmp_path, head + 'key_env = "Q_API_KEY"\nkey_line = 3\n')[0]
    assert "key_line" in faults(tmp_path, head + 'key_env = "Q_API_KEY"\nkey_line = "three"\n')[0]


def test_whole_file(tmp_path: Path) -> None:
    file = tmp_path / "team.toml"
    file.write_text(
        """
language = "zh"
timezone = "Asia/Shanghai"
[routes.a]
base_url = "https://api.deepseek.com/"
model = "m"
key_env = "A_KEY"
warn_below = { CNY = "20", USD = "3.50" }
[routes.local]
provider = "ollama"
base_url = "http://127.0.0.1:11434/v1"
[engines.query]
title = "QueryEngine"
env_file = "app/.env"
env_prefix = "QUERY_ENGINE"
routes = ["a", "local"]
failover = "ask"
bettafish = { url = "http://127.0.0.1:5000", app = "query" }
[access]
members = ["slack:*"]
operators = ["telegram:1001"]
telegram_chats = [-1001]
[support]
chats = ["slack:C0S", "telegram:-1009"]
review_after = "90m"
[oncall]
people = ["slack:U0A"]
handover = { every = "1w", from = 2026-11-16T09:00:00+08:00 }
ack_within = "5m"
""",
        encoding="utf-8",
    )
    team = read(file)
    assert team.routes["a"].base_url == "https://api.deepseek.com"
    assert team.routes["a"].warn_below == {"CNY": Decimal(20), "USD": Decimal("3.50")}
    assert team.routes["local"].key is None
    assert team.engines["query"].env_file == tmp_path / "app/.env"
    assert team.engines["query"].variables == (
        "QUERY_ENGINE_API_KEY",
        "QUERY_ENGINE_BASE_URL",
        "QUERY_ENGINE_MODEL_NAME",
    )
    assert team.support.review_after == timedelta(minutes=90)
    assert team.oncall.since == datetime(2026, 11, 16, 1, tzinfo=UTC)


def test_missing_file_names_setting_and_mend(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="CONFIG_FILE .* does not exist: copy quotadesk.example.toml"):
        read(tmp_path / "none.toml")


def test_broken_toml_says_where_and_quotes_nothing(tmp_path: Path, make_key: Callable[..., str]) -> None:
    key = make_key("sk-", 48)
    (fault,) = faults(tmp_path, f'[routes.a]\nbase_url = "https://x.example"\nkey_env = "{key}\n')
    assert "no valid TOML: look at" in fault
    assert key not in fault


def test_all_faults_at_once_each_with_its_setting(tmp_path: Path) -> None:
    found = faults(
        tmp_path,
        """
langage = "zh"
timezone = "Mars/Base"
[routes.a]
base_url = "ftp://x"
[engines.query]
env_file = ".env"
routes = ["b"]
failover = "maybe"
[access]
members = ["bob"]
[oncall]
ack_within = "soon"
""",
    )
    text = "\n".join(found)
    for piece in (
        "Did you mean language?",
        "timezone",
        "[routes.a] base_url",
        "env_prefix",
        "[engines.query] routes names b",
        "failover is one of",
        "[access] members",
        "ack_within",
    ):
        assert piece in text, piece
    assert len(found) >= 8


def test_a_key_in_the_file_is_refused_and_never_repeated(tmp_path: Path, make_key: Callable[..., str]) -> None:
    one, two = make_key("sk-", 48), make_key("sk-", 40)
    found = "\n".join(
        faults(tmp_path, f'[routes.a]\nbase_url = "https://x.example"\nkey_env = "{one}"\napi_key = "{two}"\n')
    )
    assert "never the key itself" in found
    assert "keys are never written here" in found
    assert one not in found
    assert two not in found


@pytest.mark.parametrize("url", ["https://user:pw@x.example/v1", "https://x.example/v1?key=1", "x.example"])
def test_an_address_with_credentials_is_refused(tmp_path: Path, url: str) -> None:
    (fault,) = faults(tmp_path, f'[routes.a]\nbase_url = "{url}"\n')
    assert fault.startswith("[routes.a] base_url")
    assert "pw@" not in fault


def test_the_watch_and_the_warp_folder(tmp_path: Path) -> None:
    raw = {"watch": {"every": "5m", "ends_within": "2d", "weekly_report": False}, "warp": {"folder": "warp"}}
    team = parse(raw, tmp_path)
    assert (team.watch.every, team.watch.ends_within) == (timedelta(minutes=5), timedelta(days=2))
    assert not team.watch.weekly_report
    assert team.warp_folder == tmp_path / "warp"
    assert parse({}, tmp_path).warp_folder is None
    with pytest.raises(ConfigError) as fault:
        parse({"watch": {"every": "30s", "weekly_report": "no", "evry": 1}, "warp": {"path": "x"}}, tmp_path)
    told = " ".join(fault.value.faults)
    assert "[watch] every is too short" in told
    assert "[watch] weekly_report is true or false" in told
    assert "evry is no setting. Did you mean every?" in told
    assert "[warp]: path is no setting" in told


def test_a_route_may_say_what_it_costs(tmp_path: Path) -> None:
    head = '[routes.a]\nbase_url = "https://a.example"\nprice = '
    file = tmp_path / "team.toml"
    file.write_text(head + '{ currency = "CNY", input = "4", output = "16.5" }\n')
    assert read(file).routes["a"].price == Price("CNY", Decimal(4), Decimal("16.5"), "team_file")
    file.write_text(head + '{ currency = "USD", output = "0" }\n')
    assert read(file).routes["a"].price == Price("USD", None, Decimal(0), "team_file")
    for wrong in (
        '"4"',
        '{ input = "4" }',
        '{ currency = "CNY" }',
        '{ currency = "yuan", input = "4" }',
        '{ currency = "CNY", input = 4.5 }',
        '{ currency = "CNY", input = "-4" }',
        '{ currency = "CNY", input = "NaN" }',
        '{ currency = "CNY", input = "4", per = "1k" }',
    ):
        assert faults(tmp_path, head + wrong + "\n") == [
            '[routes.a] price is a table like { currency = "CNY", input = "4", output = "16" }, amounts for a million tokens in quotes.'
        ]


def test_logs_and_programs(tmp_path: Path) -> None:
    head = '[routes.a]\nbase_url = "https://a.example"\n[engines.query]\nroutes = ["a"]\n'
    file = tmp_path / "team.toml"
    file.write_text(
        head + '[watch.logs]\nquery = ["logs/query.log", "/srv/app/*.log"]\n"*" = "other.log"\n'
        '[reports.yuqing]\nkey_env = "YUQING_TOKEN"\nengine = "query"\nper_minute = 5\n'
    )
    team = read(file)
    assert team.watch.logs == {
        "query": (f"{tmp_path}/logs/query.log", "/srv/app/*.log"),
        "*": (f"{tmp_path}/other.log",),
    }
    assert team.reporters["yuqing"] == Reporter("yuqing", KeyRef(env="YUQING_TOKEN"), "query", 5)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("[watch]\nlogs = 7", "[watch.logs] is a table"),
        ('[watch.logs]\nqery = ["x"]', "Did you mean query?"),
        ("[watch.logs]\nquery = []", "names no file"),
        ("[watch.logs]\nquery = [7]", "list of texts"),
        ('[watch.logs]\nquery = ["~nobody-here/x.log"]', "the home of nobody here"),
        ('[routes.b]\nbase_url = "https://a.examp]le"', "no plain http(s) address"),
        ("[reports.p]", "needs key_env"),
        ('[reports.p]\nkey_env = "T"\nengine = "nope"', "is no engine"),
        ('[reports.p]\nkey_env = "T"\nper_minute = 0', "1 to 6000"),
        ('[reports.p]\nkey_env = "T"\ntoken = "x"', "token is no setting"),
    ],
)
def test_wrong_logs_and_programs(tmp_path: Path, table: str, says: str) -> None:
    head = '[routes.a]\nbase_url = "https://a.example"\n[engines.query]\nroutes = ["a"]\n'
    found = faults(tmp_path, head + table)
    assert len(found) == 1, found
    assert says in found[0]
    assert found[0].endswith((".", "?"))


def test_every_fault_is_told_in_chinese_too(tmp_path: Path, make_key: Callable[..., str]) -> None:
    planted = make_key("sk-", 48)
    found = faults(
        tmp_path,
        f"""
langage = "zh"
timezone = "Mars/Base"
routes.a = {{ base_url = "ftp://x", model = 7, price = "4", warn_below = {{ CNY = 1.5 }}, key_env = "{planted}" }}
routes.b = {{ title = "no address" }}
engines.query = {{ env_file = ".env", routes = ["c"], failover = "maybe", restart = "x" }}
access.members = ["bob", "{planted}"]
oncall.ack_within = "soon"
watch = {{ every = "1s", logs = {{ qery = ["x"] }} }}
retention.audit = "1d"
model.route = "nowhere"
gateways.g = {{ kind = "new-api" }}
reports.p = {{ per_minute = 0 }}
""",
    )
    words = Words("zh")
    said = [told(line, words) for line in found]
    assert len(said) >= 18
    english = [(line, zh) for line, zh in zip(found, said, strict=True) if not zh.endswith(("。", "？")) or line == zh]
    assert english == []
    assert "文件最上层没有 langage 这个设置：是不是想写 language？" in said
    assert "[engines.query] failover 的值不在可选范围内：请用 off、ask、auto 之一。" in said
    assert planted not in "".join(said)
    assert [told(line, Words("en")) for line in found] == found
    broken = tmp_path / "broken.toml"
    broken.write_text("[routes.a\n")
    with pytest.raises(ConfigError) as caught:
        read(broken)
    assert told(caught.value.faults[0], words).endswith("看第 1 行第 10 列。")
