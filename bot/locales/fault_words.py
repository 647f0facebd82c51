"""Faults of the set-up in a reader's language: each is English text that carries its key under [config] and its facts."""

from __future__ import annotations

from pathlib import Path

from bot.errors import Fault, SwitchRefused
from bot.locales import Words


def fault(key: str, /, **facts: object) -> Fault:
    """`facts` may hold lists, and faults of their own: pieces of the sentence that have to be said in words, too."""
    made = Fault("", f"config.{key}", facts)
    return Fault(told(made, Words("en")), made.key, facts)


def told(line: str, words: Words) -> str:
    """A line that carries no key, from a file's own reader say, stays as it is."""
    if not isinstance(line, Fault) or not words.has(line.key):
        return line
    return words.say(line.key, **{name: _fact(fact, words) for name, fact in line.facts.items()}).strip()


def _fact(fact: object, words: Words) -> object:
    if isinstance(fact, list | tuple):
        return words.say("common.list_sep").join(map(str, fact))
    return told(fact, words) if isinstance(fact, Fault) else fact


def of_file(fault: SwitchRefused, path: Path | None = None) -> str:
    """What is wrong with an application's `.env`, in the words that a switch has for it."""
    facts = {"path": path} | {name: fact for name, fact in fault.facts.items() if name != "reason"}
    return Fault(str(fault), f"switch.words.{fault.facts.get('reason')}", facts)
