"""Choosing engine, route and model of a switch: a form where the platform has forms, the same by buttons elsewhere.

What is shown comes from the file alone, so that it is there while a press is fresh; the providers are asked for the plan.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

from bot.errors import SwitchRefused, UnknownName
from bot.locales import Words
from bot.model.chat import Action, Block, Board, Form, Input, Line, Reply, Request, Row
from bot.model.values import dataclass
from bot.services import Services, smaller
from bot.services.switch_plan import Plan, Standing
from handlers.switch_words import button_value, changes, check_line, demo, fault_line, sentence

_MOST = 24  # buttons of one list


@dataclass(frozen=True, slots=True)
class Choice:
    """As far as something is chosen: "" is open. `route` is the team file's, `model` another one of the same provider."""

    engine: str
    route: str = ""
    model: str = ""

    @property
    def way(self) -> str:
        """What `/switch <engine>` takes as its second word."""
        return smaller.name(self.route, self.model) if self.model else self.route


async def choose(request: Request, services: Services) -> AsyncIterator[Reply]:
    """`[engine]`: a button; with fields: another choice in the form."""
    words = Words(request.language, request.timezone)
    standings = [one for one in await services.switching.overview() if one.switchable]
    if not standings:
        yield Reply(blocks=(Line(words.say("switch.form.nothing")),), alert=True)
        return
    picked = _picked(request, standings, services)
    form = await _form(picked, standings, services, words)
    yield _by_buttons(request.value, standings, services, words, form)


async def wrong(request: Request, services: Services) -> Mapping[str, str]:
    """What is wrong with a form that was sent: field -> sentence. Asks no provider."""
    words = Words(request.language, request.timezone)
    engine, route = (_field(request, name) for name in ("engine", "route"))
    if not engine or not route:
        return {"route" if engine else "engine": words.say("switch.form.missing")}
    try:
        plan = await services.switching.preview(engine, chosen(request, services).way)
    except UnknownName:
        return {"route": words.say("switch.form.gone")}
    except SwitchRefused as fault:
        return {"engine": sentence(fault_line(fault, words), words)}
    return {_place(check.name): sentence(check_line(check, words, None), words) for check in reversed(plan.refused)}


def chosen(request: Request, services: Services) -> Choice:
    """What was sent. The route's own model is no choice of another one."""
    engine, route, model = (_field(request, name) for name in ("engine", "route", "model"))
    own = services.team.routes[route].model if route in services.team.routes else ""
    return Choice(engine, route, model if model and model != own else "")


def _place(check: str) -> str:
    return "engine" if check in ("file", "environment") else "route"


def _field(request: Request, name: str) -> str:
    found = request.fields.get(name)
    return found.text.strip() if found else ""


def _picked(request: Request, standings: list[Standing], services: Services) -> Choice:
    """What is chosen now; where the engine is another one, its first other route, and that route's own model."""
    picked = chosen(request, services)
    standing = next((one for one in standings if one.engine == (picked.engine or request.value)), standings[0])
    if picked.route not in services.team.engines[standing.engine].routes:
        return Choice(standing.engine, standing.others[0])
    models = services.switching.models(services.team.engines[standing.engine], picked.route)
    return Choice(standing.engine, picked.route, picked.model if picked.model in models else "")


async def _form(picked: Choice, standings: list[Standing], services: Services, words: Words) -> Form:
    engine = services.team.engines[picked.engine]
    models = services.switching.models(engine, picked.route)
    inputs = [
        Input(
            "engine",
            words.say("switch.form.engine"),
            required=True,
            choices=tuple((one.engine, one.title) for one in standings),
            chosen=engine.name,
            asks="switch.choose",
        ),
        Input(
            "route",
            words.say("switch.form.route"),
            required=True,
            choices=tuple((name, _label(name, engine.name, standings, services, words)) for name in engine.routes),
            chosen=picked.route,
            asks="switch.choose",
            of=engine.name,
        ),
    ]
    if len(models) > 1:
        inputs.append(
            Input(
                "model",
                words.say("switch.form.model"),
                hint=words.say("switch.form.model_hint"),
                required=True,
                choices=tuple((model, model) for model in models),
                chosen=picked.model or models[0],
                asks="switch.choose",
                of=f"{engine.name} {picked.route}",
            )
        )
    blocks: list[Block] = demo(services, words)
    try:
        blocks += _shown(await services.switching.preview(engine.name, picked.way), words)
    except SwitchRefused as fault:
        blocks.append(Line(sentence(fault_line(fault, words), words)))
    return Form(
        "switch.form",
        words.say("switch.form.title"),
        engine.name,
        tuple(inputs),
        blocks=tuple(blocks),
        submit=words.say("switch.form.submit"),
        by_buttons=True,
    )


def _shown(plan: Plan, words: Words) -> list[Block]:
    if any(check.word == "already" for check in plan.refused):
        return [Line(sentence(check_line(check, words, None), words), strong=True) for check in plan.refused[:1]]
    blocks: list[Block] = [Line(words.say("switch.nothing_yet"), strong=True), changes(plan, words)]
    blocks += [Line(sentence(check_line(check, words, None), words)) for check in plan.refused]
    blocks.append(Line(words.say("switch.form.next")))
    return blocks


def _label(route: str, engine: str, standings: list[Standing], services: Services, words: Words) -> str:
    label = words.say(
        "switch.form.way", route=route, model=services.team.routes[route].model or words.say("common.none")
    )
    now = any(one.engine == engine and one.route == route for one in standings)
    return words.say("switch.form.now", way=label) if now else label


def _by_buttons(engine: str, standings: list[Standing], services: Services, words: Words, form: Form) -> Reply:
    """First the engines, then the routes of one. `form` does both at once."""
    standing = next((one for one in standings if one.engine == engine), None)
    if standing is None:
        actions = tuple(Action("switch.choose", one.title[:40], button_value(one.engine)) for one in standings[:_MOST])
        return Reply(words.say("switch.form.which_engine"), actions=actions, replace=True, form=form)
    ways = [(name, model) for name in standing.others for model in _models(standing, name, services)]
    rows = tuple(
        Row(words.say("switch.states.on") if name == standing.route else "", name, model)
        for name, model in ((standing.route or "", _model(standing.route, services)), *ways)
        if name
    )
    buttons = tuple(
        Action("switch.plan", (name if own else f"{name} · {model}")[:60], value)
        for name, model in ways
        for own in [model == _model(name, services)]
        for wanted in [f"{standing.engine} {name if own else smaller.name(name, model)}"]
        if (value := button_value(*wanted.split(" "))) == wanted
    )
    title = words.say("switch.form.which_route", engine=standing.title)
    return Reply(title, (Board(rows),), actions=buttons[:_MOST], replace=True, form=form)


def _model(route: str | None, services: Services) -> str:
    return services.team.routes[route].model if route and route in services.team.routes else ""


def _models(standing: Standing, route: str, services: Services) -> tuple[str, ...]:
    return services.switching.models(services.team.engines[standing.engine], route)
