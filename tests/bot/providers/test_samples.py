"""Every provider file against its own samples, and what must hold for the whole shelf."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import bot.providers
from bot.errors import BadAnswer
from bot.model.money import Balance, Kind
from bot.model.team import Secret
from bot.providers import base, get, recognise, shelf
from bot.providers.base import Draft, Known, Provider, Sample

NOW = datetime(2026, 11, 22, 2, 42, tzinfo=UTC)
SAMPLES = [(p, s) for p in shelf().values() for s in p.samples]


def known(provider: Provider, sample: Sample) -> Known:
    first = next((h for h in provider.hosts if "*" not in h), "relay.example")
    return Known(
        base_url=sample.base_url or provider.default_base or f"https://{first}/v1",
        now=NOW,
        user=sample.user,
        has_account_key=sample.account_key,
        answers={name: json.loads(text, parse_float=Decimal) for name, text in sample.answers.items()},
        failed=sample.failed,
    )


def read(provider: Provider, sample: Sample) -> Balance:
    context = known(provider, sample)
    for name, answer in context.answers.items():
        told = provider.explain(name, 200, answer)
        if isinstance(told, str):
            raise BadAnswer(told)
        if told is not None:
            return told
    return provider.read(context.answers, context)


@pytest.mark.parametrize(("provider", "sample"), SAMPLES, ids=[f"{p.id}: {s.name}" for p, s in SAMPLES])
def test_sample(provider: Provider, sample: Sample) -> None:
    if sample.wrong:
        with pytest.raises(BadAnswer) as caught:
            read(provider, sample)
        assert caught.value.reason == sample.wrong
        return
    balance = read(provider, sample)
    assert balance.readings == sample.readings
    assert (balance.usable, balance.note) == (sample.usable, sample.note)
    for reading in balance.readings:
        assert reading.kind in provider.tells
        assert reading.amount is None or isinstance(reading.amount, Decimal)
        assert reading.label.isascii()


@pytest.mark.parametrize("provider", [p for p in shelf().values() if p.asks], ids=lambda p: p.id)
def test_asking_providers_have_samples_and_survive_anything(provider: Provider) -> None:
    """Whatever comes, the outcome is a Balance or BadAnswer: never another exception, never a made-up figure."""
    assert provider.samples
    sample = provider.samples[0]
    garbage: tuple[object, ...] = (None, True, 0, "x", [], {}, [None], {"data": None}, {"data": []}, {"error": "x"})
    for answer in garbage:
        for ask in provider.asks:
            context = Known(base_url=known(provider, sample).base_url, now=NOW, answers={ask.name: answer})
            try:
                provider.explain(ask.name, 200, answer)
                provider.explain(ask.name, 500, answer)
                balance = provider.read(context.answers, context)
            except (BadAnswer, KeyError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError):
                continue  # the asker turns each of these into "could not check"
            assert all(r.amount is None or r.kind is Kind.HEALTH for r in balance.readings)


@pytest.mark.parametrize("provider", shelf().values(), ids=lambda p: p.id)
def test_facts_are_whole(provider: Provider) -> None:
    assert provider.title
    assert provider.zh_title
    assert provider.tells or not provider.asks
    urls = (provider.balance_url, provider.top_up_url, provider.keys_url, provider.status_url, provider.usage_url)
    for url in filter(None, urls):
        assert url.startswith(("https://", "{root}"))
        assert not any(sign in url for sign in ("utm_", "ref=", "aff=", "invite"))
    names = [ask.name for ask in provider.asks]
    assert len(names) == len(set(names))
    assert all(ask.instead_of in names for ask in provider.asks if ask.instead_of)
    for sample in provider.samples:
        assert set(sample.answers) <= set(names)
    if any(ask.credential == "account_key" for ask in provider.asks):
        assert provider.needs or any(ask.fixed for ask in provider.asks)


def draft_of(provider: Provider, ask: base.Ask, context: Known) -> Draft | str:
    account = "TENANT:ACCOUNT:SECRETSECRET" if ask.make else "ACCOUNT:SECRETSECRET"
    return base.draft(provider, ask, context, Secret("KEYKEYKEY"), Secret(account))


@pytest.mark.parametrize("provider", [p for p in shelf().values() if p.asks or p.models], ids=lambda p: p.id)
def test_a_key_is_never_in_an_address_and_never_at_a_stranger(provider: Provider) -> None:
    asks = [*provider.asks, *([provider.models] if provider.models else [])]
    sample = provider.samples[0] if provider.samples else Sample("", {})
    at_home = known(provider, sample)
    away = Known(base_url="http://127.0.0.1:9001/v1", now=NOW, user="7", answers=at_home.answers)
    for ask in asks:
        for context in (at_home, away):
            request = draft_of(provider, ask, context)
            if isinstance(request, str):
                assert request == "skipped"
                continue
            assert "KEYKEYKEY" not in request.url
            assert "SECRET" not in request.url
            assert "KEYKEYKEY" not in repr(request)
            assert "SECRET" not in repr(request)
            if ask.sign is not None:
                assert "SECRETSECRET" not in str(request.headers) + str(request.content)
            if context is away and not ask.fixed:
                assert urlsplit(request.url).netloc == "127.0.0.1:9001"
            if context is away and ask.fixed:
                assert ask.credential == "account_key"


@pytest.mark.parametrize("provider", [p for p in shelf().values() if p.asks and not p.gateway], ids=lambda p: p.id)
def test_a_second_credential_never_goes_to_a_relay(provider: Provider) -> None:
    """An Admin key at a relay that only wants the inference key would be given away."""
    relay = Known(base_url="https://relay.example/v1", now=NOW, user="7")
    for ask in provider.asks:
        request = draft_of(provider, ask, relay)
        if ask.credential == "account_key" and not ask.fixed:
            assert request in {"foreign_host", "skipped"}
        elif isinstance(request, Draft):
            assert "ACCOUNT" not in str(request.headers) or ask.fixed


def test_recognise_by_host_and_by_name() -> None:
    cases = {
        "https://api.deepseek.com/v1": "deepseek",
        "https://api.kimi.com/coding/v1": "kimi-code",
        "https://api.moonshot.ai/v1": "moonshot",
        "https://x.openai.azure.com/openai/deployments/y": "azure-openai",
        "https://bedrock-runtime.us-east-1.amazonaws.com": "bedrock",
        "http://localhost:11434/v1": "ollama",
        "http://gpu-box:11434/v1": "ollama",
        "http://127.0.0.1:1234/v1": "lm-studio",
        "https://api.302.ai/v1": "302ai",
        "https://API.OPENAI.COM/v1": "openai",
    }
    for url, wanted in cases.items():
        found = recognise(url)
        assert found is not None, url
        assert found.id == wanted
    for url in ("https://relay.example/v1", "https://evil-api.deepseek.com.example/v1", "https://api.kimi.com/v1"):
        assert recognise(url) is None, url
    assert get("Claude") is shelf()["anthropic"]
    assert get("newapi") is shelf()["new-api"]
    assert recognise("https://relay.example/v1", "no-such-provider") is None


@pytest.mark.parametrize(
    ("base_url", "paths", "root"),
    [
        ("https://relay.example/v1", ("/v1",), "https://relay.example"),
        ("https://relay.example/v1/chat/completions", ("/v1",), "https://relay.example"),
        ("https://relay.example", ("/v1",), "https://relay.example"),
        ("https://relay.example/team-a/v1/", ("/v1",), "https://relay.example/team-a"),
        ("https://openrouter.ai/api/v1", ("/api/v1",), "https://openrouter.ai"),
    ],
)
def test_root_keeps_a_prefix(base_url: str, paths: tuple[str, ...], root: str) -> None:
    assert base.root_of(base_url, paths) == root


@pytest.mark.parametrize(
    "value", [True, [], {}, "NaN", "Infinity", "1e99999", "12 apples", "9" * 80, Decimal("1E+400")]
)
def test_no_number_is_made_of_nonsense(value: object) -> None:
    with pytest.raises(BadAnswer):
        base.number(value)


def test_numbers_as_they_come() -> None:
    assert base.number("10,000.00") == Decimal(10000)
    assert base.number(Decimal("9.9E-1"), 10) == Decimal("0.099")
    assert base.number(None) is None
    assert base.number("") is None
    assert base.moment("2026-01-09T15:23:13.716839300Z") == datetime(2026, 1, 9, 15, 23, 13, 716839, tzinfo=UTC)
    assert base.moment(1785816000000) == base.moment(1785816000)
    assert base.moment(-1) is None


def test_one_file_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new file with PROVIDER in it stands on the shelf without being named anywhere."""
    (tmp_path / "newcomer.py").write_text(
        "from bot.providers.base import Provider\nPROVIDER = Provider(id='newcomer', title='N', zh_title='N')\n"
    )
    monkeypatch.setattr(bot.providers, "__path__", [*bot.providers.__path__, str(tmp_path)])
    shelf.cache_clear()
    try:
        assert "newcomer" in shelf()
    finally:
        monkeypatch.undo()
        shelf.cache_clear()
    assert "newcomer" not in shelf()
