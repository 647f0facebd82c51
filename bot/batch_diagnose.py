"""`quotadesk diagnose --json | --jsonl`: many texts, fast, without the command line's and the chats' machinery.

Imports only what diagnosing needs, so that a pipe starts at once. Like `app.py` it may join rooms.
"""

from __future__ import annotations

import gc
import json
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from io import TextIOWrapper
from pathlib import Path
from typing import Any, Final, TextIO

from bot.model.diagnosis import Diagnosis
from bot.redaction.decoding import decoded, marked_encoding
from bot.redaction.gate import Gate
from bot.services.diagnosis import Diagnoser
from bot.services.reading.words import ROOMY
from bot.signatures import load

_LOCALES: Final = Path(__file__).parent / "locales"


def row(diagnosis: Diagnosis, summary: str) -> dict[str, Any]:
    """The contract's fields, without `id`; what the text does not reveal is None."""
    return {
        "cause": str(diagnosis.cause),
        "confidence": diagnosis.confidence,
        "provider": diagnosis.provider,
        "gateway": diagnosis.gateway,
        "status": diagnosis.status,
        "model": diagnosis.model,
        "request_id": diagnosis.request_id,
        "retry_after_s": diagnosis.retry_after_s,
        "occurred_at": diagnosis.occurred_at,
        "retryable": diagnosis.retryable,
        "party": diagnosis.party,
        "summary": summary,
    }


class Summaries:
    """One sentence for a diagnosis in one language, from the catalogue's `[cause.*]`, `[diagnose.notes.*]` and `[pages.*]`."""

    def __init__(self, language: str, folder: Path = _LOCALES) -> None:
        text = (folder / f"{language}.toml").read_text(encoding="utf-8")
        table = tomllib.loads(_only(text, ("cause", "pages")))
        self._cause: Mapping[str, Any] = table.get("cause", {})
        self._pages: Mapping[str, Any] = table.get("pages", {})

    def of(self, diagnosis: Diagnosis) -> str:
        """One line in this language: the page's where the text was a question, else the first cause's."""
        if diagnosis.page is not None:
            return str(self._pages.get(diagnosis.page, {}).get("short", diagnosis.page))
        words = self._cause.get(diagnosis.cause, {})
        return str(words.get("summary") or words.get("title") or diagnosis.cause)


def _only(text: str, sections: tuple[str, ...]) -> str:
    """The named sections of a catalogue; reading the whole of it would cost a pipe its quick start."""
    kept: list[str] = []
    inside = False
    for line in text.split("\n"):
        if line.startswith("["):
            inside = line.strip("[] ").split(".")[0] in sections
        if inside:
            kept.append(line)
    return "\n".join(kept)


def answers(lines: Iterable[str], language: str, faults: list[str] | None = None) -> Iterator[str]:
    """One JSON line for each `{"id", "text"}` line, in order. An object of another kind is told in `faults`, never echoed.

    A line of a log (`tail -f app.log`) is read as it stands: one with an error in it is answered, with its number as `id`.
    """
    gate, diagnoser, summaries = Gate(), Diagnoser(load(), ROOMY), Summaries(language)
    encode = json.JSONEncoder(ensure_ascii=False).encode
    gc.freeze()  # the signatures stay for good: going through them at every collection costs a tenth of the time
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        fault = ""
        plain = False
        name, text = None, ""
        try:
            asked = json.loads(line)
            if not isinstance(asked, dict):
                fault = "is not a JSON object"
            elif not isinstance(asked.get("text"), str):
                fault = 'has no "text" that is a string'
            elif not isinstance(asked.get("id"), str | int | None):
                fault = 'has no "id" that is a string'
            else:
                name, text = asked.get("id"), asked["text"]
        except RecursionError:
            fault = "is not JSON"
        except ValueError:
            plain = not line.lstrip().startswith("{")
            fault = "" if plain else "is not JSON"
            name, text = str(number), line
        if fault:
            if faults is not None:
                faults.append(f"diagnose: line {number} {fault}")
            continue
        diagnosis = diagnoser.explain(gate.clean(text).text, brief=True)
        if plain and not diagnosis.is_error:
            continue  # most lines of a log are no errors
        yield encode({"id": name, **row(diagnosis, summaries.of(diagnosis))})


class _Told(list[str]):
    """Faults go to standard error the moment they are found; only their number is asked for afterwards."""

    def append(self, fault: str) -> None:
        super().append(fault)
        sys.stderr.write(fault + "\n")


def _as_it_is(source: TextIOWrapper) -> None:
    """What Windows writes has a mark in front, or is UTF-16, of which no line would be a question."""
    encoding = marked_encoding(source.buffer.peek())  # type: ignore[attr-defined]
    source.reconfigure(encoding=encoding, errors="replace")
    if encoding.startswith("utf-16"):
        sys.stderr.write("diagnose: standard input: it is UTF-16; the answers are UTF-8\n")


def main(argv: list[str], stdin: TextIO | None = None, stdout: TextIO | None = None) -> int:
    """`argv` without the program's name and without `diagnose`.

    Returns 0; 1 when a line was no question (told on standard error, the rest goes on); 2 for wrong usage.
    """
    source, sink = stdin or sys.stdin, stdout or sys.stdout
    language, form, words = "zh", "json", []
    rest = iter(argv)
    for word in rest:
        if word in ("--json", "--jsonl"):
            form = word[2:]
        elif word == "--lang" or word.startswith("--lang="):
            language = word[7:] if "=" in word else next(rest, "")
        else:
            words.append(word)
    known = sorted(file.stem for file in _LOCALES.glob("*.toml"))
    if language not in known:
        sys.stderr.write(f"--lang: write {' or '.join(known)}\n")
        return 2
    if form == "json" and words in ([], ["-"]) and source is sys.stdin:
        words = [decoded(sys.stdin.buffer.read())]
    if sink is sys.stdout and hasattr(sink, "reconfigure"):
        sink.reconfigure(encoding="utf-8", errors="replace")
    if words in ([], ["-"]) and isinstance(source, TextIOWrapper):
        _as_it_is(source)
    if form == "jsonl":
        lines = [json.dumps({"id": None, "text": " ".join(words)})] if words and words != ["-"] else source
        faults = _Told()
        for answer in answers(lines, language, faults):
            sink.write(answer + "\n")
            sink.flush()
        return 1 if faults else 0
    text = source.read() if not words or words == ["-"] else " ".join(words)
    gate, diagnoser = Gate(), Diagnoser(load())
    diagnosis = diagnoser.explain(gate.trusted(diagnoser.focused(gate.clean(text).text)), brief=True)
    sink.write(json.dumps(row(diagnosis, Summaries(language).of(diagnosis)), ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
