"""Which way the price goes, in one line: how many times, both figures, and where they are from."""

from __future__ import annotations

from decimal import ROUND_UP, Decimal

from bot.locales import Words
from bot.services import smaller
from bot.services.switch_plan import Check
from bot.services.target import CALL_INPUT, CALL_OUTPUT


def price_line(check: Check, words: Words) -> str:
    """Of a check named `price`. A side that is not known is left out, never shown as 0."""
    facts = check.facts
    word = check.word
    if word == "price_alone" and not facts.get("before"):
        word = "price_alone_first"
    route = facts.get("before") if word == "price_alone" else facts.get("route")
    after, before = _source(check, "after", words), _source(check, "before", words)
    return words.say(
        f"switch.price.{word}",
        ways=_ways(check, words),
        # One source for both figures is named once, behind the second.
        after=_figures(check, "after", words, "" if after == before and word != "price_same" else after),
        before=_figures(check, "before", words, before),
        route=route_name(str(route or ""), words),
    )


def route_name(name: str | None, words: Words) -> str:
    """As people read it: a route with a smaller model is `gemini (gemini-2.5-flash)`."""
    route, sign, model = (name or "").partition(smaller.SIGN)
    if not route:
        return words.say("switch.unlisted")
    return words.say("switch.with_model", route=route, model=model) if sign else route


def call_cost(check: Check, words: Words) -> str:
    """What the smallest real call costs at most; "" where it is not known."""
    into, out = (check.facts.get(f"after_{side}") for side in ("in", "out"))
    if check.word == "price_free":
        return words.say("switch.price.nothing")
    if into is None or out is None:
        return ""
    most = (Decimal(str(into)) * CALL_INPUT + Decimal(str(out)) * CALL_OUTPUT) / 1_000_000
    if most == 0:
        return words.say("switch.price.nothing")
    # One digit that counts: 0.00014 says enough, and 0.000001 is as good as less.
    shown = most.quantize(Decimal(1).scaleb(max(most.adjusted() - 1, -6)), ROUND_UP)
    return words.say("switch.price.at_most", cost=words.money(shown, str(check.facts["after_currency"]), exact=True))


def _ways(check: Check, words: Words) -> str:
    facts = check.facts
    sides = {
        side: (facts.get(f"{side}_way"), facts.get(f"{side}_times"))
        for side in ("in", "out")
        if facts.get(f"{side}_way")
    }
    if len(sides) == 2 and sides["in"] == sides["out"] and sides["in"][1] and sides["in"][0] != "same":
        way, times = sides["in"]
        return words.say(f"switch.price.times.{way}", n=words.number(Decimal(str(times))))
    told = [
        words.say(f"switch.price.times.{way}_{side}", n=words.number(Decimal(str(times))))
        if times
        else words.say(f"switch.price.free.{way}_{side}")
        for side, (way, times) in sides.items()
    ]
    return words.say("switch.price.sep").join(told)


def _source(check: Check, when: str, words: Words) -> str:
    source, of = check.facts.get(f"{when}_source"), check.facts.get(f"{when}_of")
    if not source:
        return ""
    return words.say(f"switch.price.sources.{'gateway' if source == 'list' and not of else source}", of=of)


def _figures(check: Check, when: str, words: Words, source: str) -> str:
    facts = check.facts
    if not facts.get(f"{when}_source"):
        return ""
    known = {
        name: words.money(Decimal(str(figure)), str(facts[f"{when}_currency"]), exact=True)
        for name, side in (("input", "in"), ("output", "out"))
        if (figure := facts.get(f"{when}_{side}")) is not None
    }
    figures = words.say(f"switch.price.{'both' if len(known) == 2 else next(iter(known))}", **known)
    return words.say("switch.price.from", figures=figures, source=source) if source else figures
