"""Records of a log: what belongs together stays together, and nothing grows without a bound."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.inlets.lines import LINE_MOST, RECORD_MOST, Joiner

# As BettaFish's console writes its children's lines: a prefix before each, the default format of loguru behind it.
FISH = b"""\
[09:15:02] 2026-11-22 09:15:02.114 | INFO     | QueryEngine.agent:research:88 - first search
[09:15:09] 2026-11-22 09:15:09.530 | ERROR    | QueryEngine.llms.base:stream_invoke:130 - stream failed: Error code: 402 - {'error': {'message': 'Insufficient Balance'}}
[09:15:09] Traceback (most recent call last):
[09:15:09]   File "/srv/yuqing/QueryEngine/llms/base.py", line 120, in stream_invoke
[09:15:09]     stream = self.client.chat.completions.create(**params)

[09:15:09] openai.APIStatusError: Error code: 402 - {'error': {'message': 'Insufficient Balance'}}
[09:15:10] 2026-11-22 09:15:10.001 | WARNING  | retry_helper:wrapper:97 - stream_invoke_to_string: try 1 failed: Error code: 402
[09:15:11] ForumHost: API call failed
[09:15:12] 2026-11-22 09:15:12.700 | INFO     | app:poll:12 - still here
"""
PLAIN = b"""\
Traceback (most recent call last):
  File "a.py", line 1, in <module>
    call()
KeyError: 'choices'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "b.py", line 2, in main
    raise RuntimeError("quota exceeded")
RuntimeError: quota exceeded
done with this
"""


def texts(data: bytes) -> list[bytes]:
    joiner = Joiner()
    return [record.text for record in (*joiner.feed(data), *joiner.flush(partial=True))]


def test_a_traceback_behind_prefixes_is_one_record_with_its_message() -> None:
    first, failed, retried, last = texts(FISH)
    assert first.endswith(b"first search")
    assert failed.count(b"\n") == 4
    assert failed.startswith(b"2026-11-22 09:15:09.530 | ERROR")
    assert failed.endswith(b"'Insufficient Balance'}}")
    assert retried.endswith(b"ForumHost: API call failed")  # the rest of a warning
    assert last.endswith(b"still here")


def test_a_chain_of_exceptions_without_stamps_is_one_record() -> None:
    chain, rest = texts(PLAIN)
    assert chain.startswith(b"Traceback")
    assert chain.endswith(b"RuntimeError: quota exceeded")
    assert rest == b"done with this"


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_pieces_make_the_same_records_as_the_whole(data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(FISH)), max_size=12)))
    joiner, out = Joiner(), []
    for start, end in zip([0, *cuts], [*cuts, len(FISH)], strict=True):
        out += joiner.feed(FISH[start:end])
    out += joiner.flush(partial=True)
    assert [record.text for record in out] == texts(FISH)
    assert joiner.done == len(FISH)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=400), st.integers(0, 10**9))
def test_any_bytes_are_read_and_every_place_is_a_line_end(data: bytes, at: int) -> None:
    joiner = Joiner(at)
    out = [*joiner.feed(data), *joiner.flush()]
    ends = {at + place + 1 for place, byte in enumerate(data) if byte == 10}
    assert {record.end for record in out} <= ends | {at}
    assert [record.end for record in out] == sorted(record.end for record in out)
    assert at <= joiner.done <= at + len(data)


@pytest.mark.parametrize("sep", [b"", b"\n  "])
def test_huge_lines_and_records_keep_both_ends(sep: bytes) -> None:
    body = sep.join([b"x" * 50_000] * 60)
    joiner = Joiner()
    found = []
    for start in range(0, len(body), 65_536):
        found += joiner.feed(body[start : start + 65_536])
        assert len(joiner._partial) <= 2 * LINE_MOST + 65_536
        assert joiner._size <= 2 * RECORD_MOST + LINE_MOST
    (record, *_) = [*found, *joiner.feed(b" Error code: 402\n"), *joiner.flush()]
    assert len(record.text) <= RECORD_MOST + 16
    assert record.text.startswith(b"xxx")
    assert record.text.endswith(b"Error code: 402")
    assert record.end == len(body) + len(b" Error code: 402\n")
