"""What the fallback chain says where people are: from, to, why, what it costs, and the button to take it back."""

from __future__ import annotations

from dataclasses import replace

from bot.locales import Words
from bot.locales.notes import why_not
from bot.model.chat import Action, Block, Line, Reply
from bot.services import Services
from bot.services.owed import Announcement
from handlers.price_words import route_name
from handlers.switch_words import check_line, rehearsal, result


def announced(said: Announcement, services: Services, words: Words, returning: str | None = None) -> Reply:
    """For a support chat. `returning` as in `handlers.switch_words.result`."""
    why = words.inside(words.say(f"cause.{said.why}.title")) if said.why else ""
    before, after = (route_name(name, words) if name else "?" for name in (said.from_route, said.to_route))
    facts = {"engine": said.title, "before": before, "after": after, "why": why}
    key: str = said.say
    if said.say == "recovered" and said.to_route:
        key = "recovered_there" if said.to_route == said.from_route else "recovered_elsewhere"
    head = [Line(words.say(f"switch.said.{key}", **facts), strong=True)]
    if said.until is not None:
        head.append(Line(words.say("switch.said.until", route=facts["before"], until=words.stamp(said.until))))
    if said.asks:
        head.append(Line(words.say(f"switch.said.asks.{said.asks}", **facts)))
    if said.done is not None:
        # Home is where it wanted to be: nothing to go back to.
        reply = result(said.done, services, words, None if said.say == "returned" else returning)
        extra = _model(said, services, words) if said.say == "moved" else ()
        return replace(reply, blocks=(*head, *_cost(said, words), *extra, *reply.blocks), audience="place")
    if said.plan is not None and said.say in ("ask", "advice"):
        reply = rehearsal(said.plan, services, words)
        return replace(reply, blocks=(*head, *reply.blocks), audience="place")
    blocks: list[Block] = [*head]
    actions: tuple[Action, ...] = ()
    if said.say == "no_route":
        blocks += [
            Line(words.say("switch.said.tried", route=route, why=why_not(word, words))) for route, word in said.tried
        ]
        blocks += [Line(line) for line in words.lines("switch.degrade", engine=said.title)]
    if said.say == "recovered" and said.from_route and said.from_route != said.to_route:
        value = f"{said.engine} {said.from_route}"
        if len(value.encode()) <= 46:
            label = words.say("switch.buttons.better", route=said.from_route)
            actions = (Action("switch.plan", label[:70], value),)
    return Reply(
        title=words.say("switch.said.title", engine=said.title), blocks=tuple(blocks), actions=actions, audience="place"
    )


def repeated(reply: Reply, words: Words) -> Reply:
    """The same, where nobody knows whether it stands in the chat already."""
    return replace(reply, blocks=(Line(words.say("switch.said.again")), *reply.blocks))


def _cost(said: Announcement, words: Words) -> tuple[Line, ...]:
    """A plan shows its price itself; where the engine has moved already, this is where it is said."""
    lines = ((words.say(f"switch.names.{check.name}"), check_line(check, words, None)) for check in said.cost)
    return tuple(Line(words.say("switch.said.cost", name=name, line=line)) for name, line in lines)


def _model(said: Announcement, services: Services, words: Words) -> tuple[Line, ...]:
    ways = [services.team.routes.get(name or "") for name in (said.from_route, said.to_route)]
    before, after = (way.model if way else "" for way in ways)
    if not before or not after:
        return ()
    key = "same_model" if before == after else "new_model"
    return (Line(words.say(f"switch.said.{key}", before=before, after=after)),)
