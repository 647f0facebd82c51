"""What is remembered under a diagnosis: the sighting, the engine somebody named, the answers and ticks that were pressed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from bot.errors import Expired
from bot.model.chat import Found, Request
from bot.model.diagnosis import Diagnosis, Proven
from bot.model.values import dataclass
from bot.ports import Sighting
from bot.services import Services
from bot.services.proof import mark


@dataclass(frozen=True, slots=True)
class Heard:
    """What people pressed under one diagnosis. Kept as one fact by the sighting's number."""

    answers: Mapping[str, str] = field(default_factory=dict)
    done: tuple[int, ...] = ()


async def heard(services: Services, number: int) -> Heard:
    """What people answered to the questions under a sighting; empty where nobody did."""
    kept = await services.store.get_fact(f"heard:{number}")
    kept = kept if isinstance(kept, dict) else {}
    return Heard(dict(kept.get("answers") or {}), tuple(kept.get("done") or ()))


def found_then(sighting: Sighting) -> Found:
    """What was removed from the text then; a press brings none."""
    return Found(dict(sighting.payload.get("removed") or {}))


def new_sighting(request: Request, services: Services, diagnosis: Diagnosis, proven: Proven) -> Sighting:
    """To be stored: the cleaned text, its cause, who pasted it, and how many secrets of which kind were removed. `id` is 0
    until then."""
    return Sighting(
        id=0,
        at=services.clock.now(),
        who=request.asker.address,
        engine=proven.engine,
        cause=diagnosis.cause.value,
        account=None,
        request_id=diagnosis.request_id or diagnosis.task_id,
        text=diagnosis.text,
        payload={"removed": dict(request.found.counts), "engine": proven.engine, "mark": mark(diagnosis)},
    )


async def load(request: Request, services: Services) -> tuple[Sighting, Diagnosis]:
    """The sighting that a button belongs to, explained anew by today's signatures. Raises Expired where retention has taken it."""
    head = request.value.split(":")[0]
    sighting = await services.store.sighting(int(head)) if head.isdigit() else None
    if sighting is None:
        raise Expired
    return sighting, services.diagnosis.explain(sighting.text)


async def engine_of(services: Services, sighting: Sighting) -> str | None:
    """As somebody said under the diagnosis, else as it was seen."""
    said = await services.store.get_fact(f"engine:{sighting.id}")
    name = said or sighting.payload.get("engine")
    return name if isinstance(name, str) and name in services.team.engines else None


async def keep(services: Services, number: int, heard: Heard) -> None:
    """Instead of what was kept under this number before."""
    kept = {"answers": dict(heard.answers), "done": list(heard.done)}
    await services.store.set_fact(f"heard:{number}", kept, services.clock.now())
