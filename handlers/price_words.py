"""Which way the price goes, in one line: how many times, both figures, and where they are from."""

from __future__ import annotations

from decimal import Decimal

from bot.locales import Words
from bot.services.switch_plan import Check


def price_line(check: Check, words: Words) -> str:
    """Of a check named `price`. A side that is not known is left out, never shown as 0."""
    facts = check.facts
    ways = [way for side in ("in", "out") if (way := _way(check, side, words))]
    word = check.word
    if word == "price_alone" and not facts.get("before"):
        word = "price_alone_first"
    route = facts.get("before") if word == "price_alone" else facts.get("route")
    return words.say(
        f"switch.price.{word}",
        ways=words.say("switch.price.sep").join(ways),
        after=_figures(check, "after", words),
        before=_figures(check, "before", words),
        route=route,
    )


def _way(check: Check, side: str, words: Words) -> str:
    way, times = check.facts.get(f"{side}_way"), check.facts.get(f"{side}_times")
    if not way:
        return ""
    if not times:
        return words.say(f"switch.price.free.{way}_{side}")
    return words.say(f"switch.price.times.{way}_{side}", n=words.number(Decimal(str(times))))


def _figures(check: Check, when: str, words: Words) -> str:
    facts = check.facts
    if not facts.get(f"{when}_source"):
        return ""
    known = {
        name: words.money(Decimal(str(figure)), str(facts[f"{when}_currency"]), exact=True)
        for name, side in (("input", "in"), ("output", "out"))
        if (figure := facts.get(f"{when}_{side}")) is not None
    }
    of = facts[f"{when}_of"]
    source = "gateway" if facts[f"{when}_source"] == "list" and not of else facts[f"{when}_source"]
    which = "both" if len(known) == 2 else next(iter(known))
    return words.say(f"switch.price.{which}", source=words.say(f"switch.price.sources.{source}", of=of), **known)
