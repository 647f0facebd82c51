"""The gate against any family in any place and any dress, and against what must stay."""

from __future__ import annotations

import json
import random
import urllib.parse

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import gen_redaction2 as second
from bench import gen_redaction3 as third
from bench.gen_redaction import (
    CLEAN,
    DRESS,
    FAMILIES,
    PLACES,
    Family,
    Made,
    make,
    payment,
    pem,
    prompt,
    repeated,
    trapped,
)
from bot.redaction import engine
from bot.redaction.gate import Gate
from bot.redaction.many import redact_many
from bot.redaction.rules.shapes import grow

WIDTH = 12
JUNK = dict.fromkeys(map(ord, " \t\r\n\"'+*`\\\u200b\u200c\u200d\u2060\ufeff\u00ad"))


def left(secret: str, pub: int, text: str) -> list[str]:
    """Runs of the secret that are still in the text, as it stands or as a reader could undo it."""
    views = [text, text.translate(JUNK), urllib.parse.unquote(text)]
    found = []
    for form in (secret, secret.translate(JUNK)):
        if len(form) <= WIDTH:
            runs = [form] if len(form) >= 4 else []
        else:
            runs = [form[i : i + WIDTH] for i in range(len(form) - WIDTH + 1) if i + WIDTH - pub >= 5]
        found += [run for run in runs for view in views if run in view]
    return found


def check(made: Made, text: str) -> None:
    clean, counts = engine.redact(text)
    for secret, pub in zip(made.secrets, made.pub, strict=True):
        assert not left(secret, pub, clean), clean
    for stay in made.keep:
        assert stay in clean, clean
    assert engine.redact(clean) == (clean, {}), "a second pass must change nothing"
    thorough, told, _ = engine.sweep(text)
    assert (thorough, told) == (clean, counts), "the quick way and the thorough way must agree"


seeds = st.integers(0, 2**32 - 1)


@settings(max_examples=130, deadline=None, derandomize=True)
@given(family=st.sampled_from(FAMILIES), place=st.sampled_from(sorted(PLACES)), seed=seeds)
def test_any_family_in_any_place(family: Family, place: str, seed: int) -> None:
    if place == "screen" and family.named:
        place = "env"  # a bare table cell has no name before it
    made = Made(random.Random(seed))
    check(made, PLACES[place](made, family))


@settings(max_examples=130, deadline=None, derandomize=True)
@given(family=st.sampled_from(FAMILIES), trap=st.sampled_from(sorted(DRESS)), seed=seeds)
def test_any_family_in_any_dress(family: Family, trap: str, seed: int) -> None:
    made = Made(random.Random(seed))
    text = trapped(made, family, trap)
    clean, _ = engine.redact(text)
    for secret, pub in zip(made.secrets, made.pub, strict=True):
        assert not left(secret, pub, clean), clean
    assert engine.redact(clean)[0] == clean


@settings(max_examples=60, deadline=None, derandomize=True)
@given(family=st.sampled_from(FAMILIES), seed=seeds)
def test_a_repeated_key_goes_in_every_dress(family: Family, seed: int) -> None:
    made = Made(random.Random(seed))
    check(made, repeated(made, family))


@pytest.mark.parametrize("maker", [prompt, payment, pem])
def test_what_goes_wholesale(maker) -> None:
    for seed in range(60):
        made = Made(random.Random(seed))
        check(made, maker(made))


def test_evidence_alone_is_not_touched() -> None:
    for seed in range(40):
        for maker in CLEAN:
            made = Made(random.Random(seed))
            text = maker(made)
            assert engine.redact(text) == (text, {})


def test_whole_messages_from_a_fresh_seed() -> None:
    for row in make(20261, 250):
        made = Made(random.Random(0))
        made.secrets, made.pub, made.keep = row["secrets"], row["pub"], row["keep"]  # type: ignore[assignment]
        if row["trap"] in ("spaced", "wrapped"):
            made.keep = []  # a broken key may take a word of its neighbour with it; measured, not asserted
        check(made, str(row["text"]))


@settings(max_examples=120, deadline=None, derandomize=True)
@given(text=st.text(max_size=300))
def test_any_text_comes_out_stable(text: str) -> None:
    text = text.encode("utf-8", "replace").decode("utf-8")
    clean, _ = engine.redact(text)
    assert engine.redact(clean)[0] == clean


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    parts=st.lists(
        st.sampled_from(
            [
                "sk-",
                "key=",
                "[",
                "]",
                '"',
                "\\",
                "api_key",
                ": ",
                "\n",
                " ",
                "%2D",
                "Bearer ",
                "password",
                "密钥：",
                "`",
                "**",
                "cookie:",
                "messages",
                "[{",
                "prompt",
                "@",
                "://",
                "a1b2c3d4e5f6",
                "Zz9Yy8Xx7Ww6Vv5Uu4",
                "token",
                ",",
                "=",
                "13800138000",
            ]
        ),
        max_size=24,
    )
)
def test_odd_pieces_come_out_stable(parts: list[str]) -> None:
    clean, _, _ = engine.sweep("".join(parts))
    assert engine.sweep(clean)[0] == clean


@settings(max_examples=130, deadline=None, derandomize=True)
@given(family=st.sampled_from(second.FAMILIES), place=st.sampled_from(sorted(second.PLACES)), seed=seeds)
def test_any_family_in_any_place_of_the_second_set(family: Family, place: str, seed: int) -> None:
    if place == "vendor" and not family.named:
        place = "config"
    made = second.Row(random.Random(seed))
    text = second.PLACES[place](made, family)
    check(made, f"{text}\n{made.tail()}")


@pytest.mark.parametrize("maker", [second.prompt, second.money, second.logins, second.sessions])
def test_what_goes_wholesale_in_the_second_set(maker) -> None:
    for seed in range(50):
        made = second.Row(random.Random(seed))
        check(made, maker(made))


def test_whole_messages_of_the_third_set() -> None:
    """Nothing left, nothing lost, nothing changed twice, and many at once give what each gives alone."""
    rows = third.make(20261122, 300)
    assert third.score(rows, 0) == (0, 0, 0)
    texts = [str(row["text"]) for row in rows]
    assert redact_many(texts) == [engine.redact(text) for text in texts]


@pytest.mark.parametrize(
    "dump",
    [
        "Headers([(b'host', b'api.example.com'), (b'user-agent', b'x/1'), (b'authorization', b'Bearer KEY'), (b'content-type', b'a/b'), "
        "(b'x-request-id', b'req_0a1b2c3d')])",
        "{'host': 'api.example.com', 'User-Agent': 'x/1', 'Content-Type': 'a/b', 'Authorization': 'Bearer KEY', 'x-request-id': 'req_0a1b2c3d'}",
        '"headers": {\\"host\\": \\"api.example.com\\", \\"user-agent\\": \\"x/1\\", \\"authorization\\": \\"Bearer KEY\\", '
        '\\"content-type\\": \\"a/b\\", \\"x-request-id\\": \\"req_0a1b2c3d\\"}',
        "map[Host:[api.example.com] User-Agent:[x/1] Authorization:[Bearer KEY] Content-Type:[a/b] X-Request-Id:[req_0a1b2c3d]]",
        "rawHeaders: ['host', 'api.example.com', 'User-Agent', 'x/1', 'Content-Type', 'a/b', 'Authorization', 'Bearer KEY', 'x-request-id', 'req_0a1b2c3d']",
        '[{"name": "host", "value": "api.example.com"}, {"name": "user-agent", "value": "x/1"}, {"name": "content-type", "value": "a/b"}, '
        '{"name": "authorization", "value": "Bearer KEY"}, {"name": "x-request-id", "value": "req_0a1b2c3d"}]',
    ],
)
def test_a_dump_in_pairs_keeps_the_allow_list_only(dump: str) -> None:
    key = grow("sk-<a48>", random.Random(3))
    clean, counts = engine.redact(dump.replace("KEY", key))
    assert "req_0a1b2c3d" in clean
    assert "api.example.com" in clean
    assert "x/1" not in clean
    assert "a/b" not in clean
    assert key[4:] not in clean
    assert counts["header"] >= 1
    harmless = dump.replace("Bearer KEY", "Bearer ***")
    assert engine.redact(harmless) == (harmless, {}), "a dump with nothing to steal says what was sent"


@pytest.mark.parametrize(
    "template",
    [
        "glpat-<u40>.<m9>",
        "hvs.<u90>",
        "xapp-1-A<U10>-<d13>-<h64>",
        "bce-v3/ALTAK-<a21>/<h40>",
        "<d10>:AA<u33>",
        "<h32>.<a16>",
        "github_pat_<a22>_<a59>",
    ],
)
def test_a_key_broken_anywhere_goes_to_its_last_sign(template: str) -> None:
    rng = random.Random(11)
    for joint in ("\n", "\r\n  ", "\\\n", "=\n", "\n> "):
        for _ in range(6):
            key = grow(template, rng)
            at = rng.randint(len(key) // 2, len(key) - 6)
            clean, _counts = engine.redact(
                f"API_KEY={key[:at]}{joint}{key[at:]}\nstatus 402 request id: req_0a1b2c3d4e5f60718293"
            )
            assert key[at:] not in clean, (key, clean)
            assert key[at - 8 : at] not in clean, (key, clean)
            assert clean.endswith("\nstatus 402 request id: req_0a1b2c3d4e5f60718293")


@pytest.mark.parametrize("template", ["sk-<l48>", "ATATT3<u180>", "github_pat_<a22>_<a59>"])
def test_a_key_in_short_runs_goes_whole_however_little_the_first_shows(template: str) -> None:
    key = grow(template, random.Random(5))
    for width in (4, 6, 12):
        runs = " ".join(key[at : at + width] for at in range(0, len(key), width))
        clean, _ = engine.redact(f"密钥（截图识别）：{runs}\nstatus 402")
        assert runs[-40:] not in clean, (width, clean)
        assert clean.endswith("\nstatus 402")


@pytest.mark.parametrize(
    "template", ["glpat-<u20>", "xapp-1-A<U10>-<d13>-<h64>", "bedrock-api-key-<b160>", "<d10>:AA<u33>"]
)
def test_a_key_in_short_runs_goes_behind_a_settings_name_and_a_blank(template: str) -> None:
    key = grow(template, random.Random(8))
    for width in (5, 9, 12):
        runs = " ".join(key[at : at + width] for at in range(0, len(key), width))
        clean, _ = engine.redact(f"OCR: SOME_BOT_TOKEN {runs}\nstatus 402")
        assert runs[-20:] not in clean, (width, clean)
        assert clean.endswith("\nstatus 402")
    sentence = "OPENAI_API_KEY sk- your own key goes here please"
    assert engine.redact(sentence) == (sentence, {})


def test_a_row_of_two_cells_names_its_value() -> None:
    body = grow("<h32>", random.Random(9))
    clean, _ = engine.redact(f"name,value\nAZURE_OPENAI_API_KEY,{body}\nMODEL,gpt-4o")
    assert clean == "name,value\nAZURE_OPENAI_API_KEY,[api key]\nMODEL,gpt-4o"
    for kept in (f"request_id,{body}", "OPENAI_API_KEY,OPENAI_BASE_URL", f"max_tokens,{body}", f"user,token,{body}"):
        assert engine.redact(kept)[0] == kept


def test_a_webhook_takes_its_address_with_it_in_any_dress() -> None:
    key = grow("T<U9>/B<U9>/<a24>", random.Random(2))
    address = f"https://hooks.slack.com/services/{key}"
    coded = urllib.parse.quote(address, safe="")
    assert engine.redact(f"POST {address} 404")[0] == "POST [slack webhook] 404"
    assert engine.redact(f"url={coded}&page=1")[0] == "url=[slack webhook]&page=1"


@pytest.mark.parametrize("tail", ["-", "--", "---", "_-"])
def test_a_bots_token_may_end_in_dashes(tail: str) -> None:
    key = grow("<d10>:AA<a33>", random.Random(6))
    key = key[: -len(tail)] + tail
    assert engine.redact(f"HTTP API:\n{key}\nKeep it") == (
        "HTTP API:\n[telegram token]\nKeep it",
        {"telegram token": 1},
    )


def test_a_shells_continuation_joins_what_is_piped() -> None:
    key = grow("<a20>1a", random.Random(4))
    clean, _ = engine.redact(f"printf '%s' {key[:9]}\\\n{key[9:]} | docker login -u me --password-stdin")
    assert key[9:] not in clean
    assert clean.endswith("| docker login -u me --password-stdin")


def test_evidence_of_the_second_set_is_not_touched() -> None:
    for seed in range(300):
        text = second.clean(second.Row(random.Random(seed)))
        assert engine.redact(text) == (text, {})


def test_many_at_once_give_what_each_gives_alone() -> None:
    texts = [str(row["text"]) for row in [*second.make(77, 250), *make(77, 150)]]
    texts += ["", "key:", "sk-", "\n", "=abcdef1234567890", "a\nb", "ｋｅｙ", texts[0][:30], texts[1][5:]]
    assert redact_many(texts) == [engine.redact(text) for text in texts]


def test_an_answer_that_is_an_error_stays() -> None:
    for said in (
        "Error: API request failed (429): quota exhausted",
        "❌ API Error (HTTP 429): limit",
        "API request failed (503)",
        "抱歉，您的配额已用尽",
    ):
        text = json.dumps({"choices": [{"message": {"role": "assistant", "content": said}}]}, ensure_ascii=False)
        assert engine.redact(text) == (text, {})
    asked = json.dumps({"messages": [{"role": "user", "content": "Error: why does my quota code fail"}]})
    assert "quota code" not in engine.redact(asked)[0]


def test_a_labelled_line_is_a_prompt_and_a_verdict_is_not() -> None:
    assert engine.redact("提示词：一只猫在雨里跳舞\n模型 x")[0] == "提示词：[prompt, 8 characters]\n模型 x"
    for text in (
        "prompt: must not be empty",
        "prompt is too long: 210000 tokens",
        "Invalid prompt: flagged",
        "请问提示词：太长会报错吗",
    ):
        assert engine.redact(text) == (text, {})


def test_next_to_chinese_without_a_blank() -> None:
    rng = random.Random(3)
    for before, after in (("我的key是", "请看"), ("（", "）"), ("“", "”，谢谢"), ("密钥：", "。"), ("令牌＝", "；")):
        key = grow("sk-<a48>", rng)
        assert engine.redact(before + key + after)[0] == f"{before}[api key]{after}"


def test_masks_and_placeholders_stay() -> None:
    for text in (
        "Incorrect API key provided: sk-abc12*****wxyz", "sk-****abcd", "AIza••••", "Bearer ***", "api_key=your_api_key", "sk-xxxxxxxxxxxxxxxxxxxxxxxx",
        "OPENAI_API_KEY=<YOUR_API_KEY>", "key: ${OPENAI_API_KEY}", 'api_key = os.getenv("OPENAI_API_KEY")', "{{GEMINI_API_KEY}}", "max_tokens=4096",
        "token limit exceeded", "cache_key=chat:gpt-4o:v2", "primary_key: id", "keyboard: qwerty12345678", "author: bob12345678", "z***@gmail.com",
    ):  # fmt: skip
        assert engine.redact(text) == (text, {})


def test_mail_is_masked_and_a_role_address_is_not() -> None:
    assert engine.redact("账号 alice.w@example.com 充值")[0] == "账号 a***@example.com 充值"
    text = "write to support@example.com"
    assert engine.redact(text) == (text, {})


def test_header_dump_keeps_the_allow_list_only() -> None:
    key = grow("sk-proj-<u20>T3BlbkFJ<u20>", random.Random(1))
    text = f"> POST /v1 HTTP/1.1\n> Host: api.openai.com\n> Authorization: Bearer {key}\n> User-Agent: OpenAI/Python 1.99.1\n> X-Stainless-Lang: python\n>\n< x-request-id: req_1\n< retry-after: 20"
    clean, counts = engine.redact(text)
    assert "User-Agent" not in clean
    assert "Stainless" not in clean
    for stay in ("Host: api.openai.com", "x-request-id: req_1", "retry-after: 20"):
        assert stay in clean
    assert counts["header"] >= 1
    assert engine.redact(clean)[0] == clean


def test_signed_download_address_loses_its_signature_only() -> None:
    rng = random.Random(4)
    text = grow("https://cdn.example.com/v/a.mp4?Expires=1769652870&OSSAccessKeyId=LTAI5t<a18>&Signature=<a26>%3D", rng)
    clean = engine.redact(text)[0]
    assert clean.startswith("https://cdn.example.com/v/a.mp4?Expires=1769652870&OSSAccessKeyId=[")
    assert not left(text.split("Signature=")[1], 0, clean)


@pytest.mark.parametrize(
    "unit",
    ["sk- ", "sk-a\n", "key=", "\"messages\": [", "a@", "://x:", "%25", "\\\\", "[", "-----BEGIN PRIVATE KEY-----", "Bearer ", "`a", "1234 ", "eyJ.", "密钥：", "token token token ", "a | key |\nb | c1 |\n", "name: API_KEY\n value: ", "https://a:1234567890:AA", "x" * 7, "data:image/png;base64,", "<https://a|", "password: ab1\n", "password:", "AKIAcookie:;"],
)  # fmt: skip
def test_work_grows_with_length_only(unit: str) -> None:
    """Counts steps instead of time: ten times the text may cost little more than ten times the function calls."""

    def calls(size: int) -> int:
        import sys

        text = (unit * (size // len(unit) + 1))[:size]
        seen = 0

        def count(frame: object, event: str, argument: object) -> None:
            nonlocal seen
            seen += 1

        sys.setprofile(count)
        try:
            engine.redact(text)
        finally:
            sys.setprofile(None)
        return seen

    small, large = calls(2_000), calls(20_000)
    assert large < small * 14 + 2_000


def test_one_endless_run_is_read_from_a_few_places_only() -> None:
    """Each place in it would mean one more walk to its end. A run of prefixes is cut, one of code stays."""
    glued = "keysk-" * 2_000
    clean = engine.redact(f"before {glued} after")[0]
    assert clean.endswith("key[unreadable] after")
    assert len(clean) < 100
    image = "Ab1+" * 2_000
    assert engine.redact(f"before {image} after") == (f"before {image} after", {})


def test_json_of_the_answer_is_plain() -> None:
    clean, counts = engine.redact("key " + grow("gsk_<a52>", random.Random(9)))
    assert json.loads(json.dumps(counts)) == {"groq key": 1}
    assert clean == "key [groq key]"


def test_an_error_in_an_answers_place_is_evidence():
    """Relays put an upstream error where the answer would stand; what failed must be readable, a prompt must not."""
    answer = '{"role":"assistant","content":"Error: API request failed (429): quota will reset after 161h"}'
    assert "quota will reset" in Gate().clean(answer).text.text
    asked = '{"role":"user","content":"Errors of the past: a short story, please"}'
    assert "short story" not in Gate().clean(asked).text.text
