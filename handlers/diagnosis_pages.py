"""What stands beside the verdict: the details on demand, an answer page, and the calm answer to what is no error."""

from __future__ import annotations

import re
from typing import Final

from bot.locales import Words
from bot.model.chat import Action, Block, Facts, Heading, Line, Reply, Steps
from bot.model.diagnosis import Diagnosis, Proven
from bot.services.detective import has_money
from bot.services.reading.question import asks
from handlers.diagnosis_facts import is_open


def _note_blocks(note: str, words: Words) -> list[Block]:
    if not words.has(f"diagnose.notes.{note}"):
        return []
    lines = words.lines(f"diagnose.notes.{note}.steps")
    title = words.say(f"diagnose.notes.{note}.title") if words.has(f"diagnose.notes.{note}.title") else ""
    out: list[Block] = [Heading(title)] if title else []
    if lines:
        out.append(Steps(lines))
    else:
        out += [Line(line) for line in words.lines(f"diagnose.notes.{note}")]
    return out


def details(d: Diagnosis, p: Proven, words: Words, note: str | None) -> tuple[Block, ...]:
    """Behind the answer: other causes that were not ruled out, who is at fault, which rule decided and when it was last checked."""
    cause = f"cause.{p.cause.value}"
    rows: list[tuple[str, str]] = []
    out = {f.cause for f in p.findings if f.verdict == "ruled_out"}
    others = [other for other in d.causes if other is not p.cause and other not in out]
    if others and p.certainty != "proved":
        first, *more = (words.say(f"cause.{other.value}.title") for other in others)
        shown = words.say("diagnose.says_sep").join((first, *map(words.inside, more)))
        rows.append((words.say("diagnose.other_causes"), shown))
    if d.party != "unknown":
        rows.append((words.say("diagnose.party_label"), words.say(f"diagnose.party.{d.party}")))
    if d.signature:
        rows.append(
            (
                words.say("diagnose.rule"),
                words.say("diagnose.rule_checked", rule=d.signature, day=d.checked) if d.checked else d.signature,
            )
        )
    if d.source:
        rows.append((words.say("diagnose.source"), d.source))
    blocks: list[Block] = []
    if p.certainty == "proved" or (note and words.has(f"diagnose.notes.{note}.means")):
        blocks.append(Line(words.say(f"{cause}.meaning")))  # in front stands something closer
    if rows:
        blocks.append(Facts(tuple(rows)))
    if (note or words.has(f"diagnose.proved.{p.cause.value}") and p.certainty == "proved") and (
        general := words.lines(f"{cause}.steps")
    ):
        blocks += [Heading(words.say("diagnose.general_steps")), Steps(general)]
    # What a note says about paying is for whom the account is empty.
    for other_note in () if has_money(p) or p.wallet == "relay" else d.notes:
        if other_note != note:
            blocks += _note_blocks(other_note, words)
    if words.has(f"{cause}.dont") and not p.wallet and not is_open(p):
        blocks.append(Line(words.say("diagnose.dont", text=" ".join(words.lines(f"{cause}.dont")))))
    if not is_open(p) and not p.wallet and (prevention := words.lines(f"{cause}.prevention")):
        blocks += [Heading(words.say("diagnose.prevention")), *(Line(line) for line in prevention)]
    return tuple(blocks)


_EXAMPLES: Final = ("outage_402", "top_up_missing", "failed_task_charged", "base_url")
_MONEY_PAGES: Final = frozenset(
    {"reconcile", "outage_402", "failed_task_charged", "top_up_missing", "cost_control", "cheaper"}
)


def page(id: str, words: Words, *, buttons: bool = False) -> Reply:
    """An answer page in the guides' shape: short answer, when it applies, what to check, what cannot be said, next step."""
    base = f"pages.{id}"
    blocks: list[Block] = [Line(words.say(f"{base}.short"))]
    for part in ("applies", "check", "cannot", "next"):
        lines = words.lines(f"{base}.{part}")
        if lines:
            blocks.append(Heading(words.say(f"diagnose.page.{part}")))
            blocks.append(Steps(lines, numbered=part in ("check", "next")) if len(lines) > 1 else Line(lines[0]))
    if words.has(f"{base}.checked"):
        blocks.append(Line(words.say("diagnose.page.checked", day=words.say(f"{base}.checked"))))
    return Reply(
        title=words.say(f"{base}.title"),
        blocks=tuple(blocks),
        actions=_balances(words) if buttons and id in _MONEY_PAGES else (),
    )


_CODE: Final = re.compile(
    r"\W*(?:error|err|code|status|错误码?|错误代码|报错|返回码?)?\W*-?\d{3,8}\W*(?:错误|报错|error)?\W*"
)
_WEB_PAGE: Final = ("<html", "<!doctype", "</body", "welcome to nginx")
_PROGRAM: Final = ("traceback (most recent call last)", "\tat ", "\n    at ", "exception in thread", "goroutine ", "segmentation fault", "core dumped",
                   "stack backtrace", "npm err!", "error: ", "exception: ")  # fmt: skip


def no_error(d: Diagnosis, words: Words, *, buttons: bool = False) -> Reply:
    """Calm, and with the nearest thing to do: for a web page, another program's fault, a question, or plain talk.

    `buttons`: there is a chat and a team whose balances can be looked at.
    """
    low = d.text.text[:20_000].lower()
    kind = (
        "web_page"
        if any(sign in low for sign in _WEB_PAGE)
        else "program"
        if any(sign in low for sign in _PROGRAM)
        else "question"
        if asks(low)
        else "code"
        if _CODE.fullmatch(low)
        else "text"
    )
    pages = {"question": d.near or _EXAMPLES, "text": _EXAMPLES, "code": _EXAMPLES}.get(kind, ())
    key = "near" if d.near and kind == "question" else kind
    blocks: list[Block] = [Line(words.say(f"diagnose.no_error.{key}"))]
    if pages and not buttons:  # the buttons bear the same titles
        blocks.append(Steps(tuple(words.say(f"pages.{id}.title") for id in pages), numbered=False))
    for note in d.notes:
        if words.has(f"diagnose.notes.{note}"):
            blocks += _note_blocks(note, words)
    title = words.say("diagnose.no_error.asked" if kind == "question" else "diagnose.no_error.title")
    return Reply(
        title=title, blocks=tuple(blocks), actions=(*_page_buttons(pages, words), *_balances(words)) if buttons else ()
    )


def _page_buttons(pages: tuple[str, ...], words: Words) -> tuple[Action, ...]:
    return tuple(Action("diagnose.page", words.say(f"pages.{id}.title"), id) for id in pages)


def _balances(words: Words) -> tuple[Action, ...]:
    return (Action("balance.show", words.say("diagnose.buttons.balances"), ""),)
