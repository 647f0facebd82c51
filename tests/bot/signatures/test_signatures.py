"""Every signature against its own samples, alone and through the whole of `explain`."""

from __future__ import annotations

import re
from datetime import date

import pytest

from bot.locales import Words
from bot.model.diagnosis import Cause
from bot.redaction.gate import Gate
from bot.services.diagnosis import Diagnoser
from bot.signatures import load

SIGNATURES = load(samples=True)
DIAGNOSER = Diagnoser(SIGNATURES)
GATE = Gate()


@pytest.mark.parametrize("entry", SIGNATURES.entries, ids=lambda entry: entry.id)
def test_matches_its_samples_and_not_its_near_miss(entry):
    assert entry.samples, "a signature without a sample proves nothing"
    assert entry.near_miss
    for sample in entry.samples:
        assert entry.id in DIAGNOSER.fitting(sample), sample
        assert DIAGNOSER.explain(GATE.trusted(sample)).cause is entry.causes[0], sample
    assert entry.id not in DIAGNOSER.fitting(entry.near_miss)


def test_says_where_it_comes_from_and_when_it_was_checked():
    for entry in SIGNATURES.entries:
        assert entry.source.startswith("https://"), entry.id
        assert not re.search(r"[?&](?:aff|ref|invite|utm_\w+)=", entry.source), entry.id
        assert date.fromisoformat(entry.checked) >= date(2026, 11, 1), entry.id


def test_every_cause_has_a_signature():
    assert {entry.causes[0] for entry in SIGNATURES.entries} == set(Cause)


def test_samples_number_in_the_hundreds():
    assert sum(len(entry.samples) for entry in SIGNATURES.entries) > 450


def test_quick_loading_leaves_out_samples_only():
    quick = load()
    assert [entry.id for entry in quick.entries] == [entry.id for entry in SIGNATURES.entries]
    assert not any(entry.samples or entry.near_miss for entry in quick.entries)
    assert [entry.any for entry in quick.entries] == [entry.any for entry in SIGNATURES.entries]


def test_two_signatures_of_one_name_are_refused(tmp_path):
    text = '[[signature]]\nid = "x"\ncauses = ["unknown"]\nany = ["y"]\n'
    (tmp_path / "a.toml").write_text(text)
    (tmp_path / "b.toml").write_text(text)
    with pytest.raises(ValueError, match="two signatures are called x"):
        load(tmp_path)


@pytest.mark.parametrize("page", SIGNATURES.pages, ids=lambda page: page.id)
def test_answer_pages_are_found_by_their_questions(page):
    for question in page.samples:
        diagnosis = DIAGNOSER.explain(GATE.trusted(question))
        assert (diagnosis.page, diagnosis.is_error) == (page.id, False), question
    assert DIAGNOSER.explain(GATE.trusted(page.near_miss)).page is None


@pytest.mark.parametrize("language", ["en", "zh"])
def test_causes_notes_and_pages_have_words_in_both_languages(language):
    words = Words(language)
    for cause in Cause:
        for part in ("title", "summary", "meaning", "steps", "dont", "prevention"):
            assert words.lines(f"cause.{cause.value}.{part}"), (cause, part)
    for note in {note for entry in SIGNATURES.entries for note in entry.notes}:
        assert words.lines(f"diagnose.notes.{note}.steps"), note
    for page in SIGNATURES.pages:
        for part in ("title", "short", "applies", "check", "cannot", "next", "checked"):
            assert words.lines(f"pages.{page.id}.{part}"), (page.id, part)
