"""What to do with each kind of delivery, once it is acknowledged: clean it, ask the router, give its replies."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any, Final

import structlog

from bot.chats import slack_in as reading
from bot.chats.once import Once
from bot.chats.rush import Rush
from bot.chats.slack_answer import Conversation, with_metadata
from bot.chats.slack_guard import Guard
from bot.chats.slack_in import Raw, Source
from bot.chats.slack_people import People
from bot.chats.slack_request import Intake
from bot.chats.slack_send import Memory, Sender
from bot.errors import DeliveryError
from bot.model.chat import Form, Input, Line, Person, Place, Reply, Request
from bot.ports import Answers, Clock, Wording

log = structlog.get_logger("slack")
Json = dict[str, Any]

Allowed = Callable[[Person, Place], Awaitable[bool]]  # whether this person may read here at all
Through = Callable[[AsyncIterator[Reply]], AsyncIterator[Reply]]

DRAIN_S: Final = 10.0
JUDGE_S: Final = 1.5  # a sent form is acknowledged so late where it is slow to be judged; Slack waits for 3 s
VIEWED_S: Final = 900.0
HOME_S: Final = 60.0
HOME_LEAST_S: Final = 2.0
VIEWERS_MOST: Final = 30  # Slack takes a hundred such calls a minute


class Inbox:
    """`names`: configured command name -> command. `known`: names and aliases of all commands. `bot_user`: set when known."""

    def __init__(
        self,
        sender: Sender,
        intake: Intake,
        people: People,
        memory: Memory,
        clock: Clock,
        words: Callable[[str, str], Wording],
        names: dict[str, str],
        known: frozenset[str],
        allowed: Allowed | None = None,
        hears: Callable[[Place], bool] = lambda place: True,
    ) -> None:
        self._sender, self._intake, self._people, self._allowed = sender, intake, people, allowed
        self._clock, self._words, self._names, self._known = clock, words, names, known
        self._once = Once(memory, clock, sender.counts, self._forgetful)
        self.rush = Rush()
        self._work: set[asyncio.Task[None]] = set()
        self._viewers: dict[str, tuple[float, str | None]] = {}  # who opened the Home tab: true until when, workspace
        self._touched = asyncio.Event()  # a button was pressed: what the boards show may have changed
        self._guard = Guard(intake, self._once.first, people.about, self._give, hears, self._open_to)
        self.answers: Answers | None = None
        self.bot_user = ""

    @property
    def busy(self) -> int:
        """Deliveries that are being answered."""
        return len(self._work)

    def _forgetful(self, fault: Exception) -> None:
        self._sender.once("memory", "delivery ids could not be stored", kind=type(fault).__name__)

    async def drain(self) -> None:
        """Lets running answers end for ten seconds, then stops them."""
        if self._work:
            await asyncio.wait(set(self._work), timeout=DRAIN_S)
        running = list(self._work)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Never raises: it runs right after an acknowledgement."""
        self._run(work, wait=True)

    def _run(self, work: Coroutine[Any, Any, None], *, wait: bool = False) -> asyncio.Task[None]:
        async def guarded() -> None:
            try:
                if wait:
                    await self.rush.over()
                await work
            except Exception:
                log.exception("a delivery could not be answered")
            finally:
                work.close()  # where it was stopped before it began

        task = asyncio.create_task(guarded())
        self._work.add(task)
        task.add_done_callback(self._work.discard)
        return task

    async def _first(self, source: Source) -> bool:
        return not source.id or await self._once.first(f"slack:{source.kind}:{source.id}")

    # --- one kind of delivery each

    async def slash(self, body: Json) -> None:
        """A command's body as Slack posts it, already verified and acknowledged."""
        raw = reading.slash(body, self._names)
        if body.get("channel_name") == "directmessage":
            raw = replace(raw, source=await self._direct_source(raw.source))
        await self._answer(raw)

    async def shortcut(self, body: Json) -> None:
        """A shortcut's payload, already verified and acknowledged."""
        await self._answer(reading.shortcut(body))

    async def _direct_source(self, source: Source) -> Source:
        """A command in a direct message is private only in the one with the bot: the other is two people's own."""
        try:
            own = await self._sender.direct_channel(source.user)
        except DeliveryError:
            return source
        return replace(source, private=own == source.chat)

    async def press(self, body: Json) -> None:
        """A button's payload. Each press counts once, whatever Slack delivers again."""
        if reading.is_choice(body):
            chosen = _placed(reading.choice, body)
            self._sender.chose(chosen.source.view or "", chosen.source.id)
            await self._answer(chosen)
            return
        raw = reading.press(body)
        if raw is None or not await self._first(raw.source):
            return
        source = raw.source
        if source.chat.startswith("D"):
            source = await self._direct_source(source)
        if source.home:
            source = replace(source, private=True)
        if raw.action in ("details.show", "form.open"):
            if not await self._may(source):
                return
            await (self._details if raw.action == "details.show" else self._form)(source, raw.value)
        else:
            await self._ask(replace(raw, source=source))
            if source.home:  # what was pressed there has changed what stands there
                await self._home(source.user, source.team)
            self._touched.set()

    async def _may(self, source: Source) -> bool:
        """These two presses never reach the router, so its closed door is asked here."""
        if await self._open_to(source):
            return True
        conversation, words = await self._conversation(source)
        text = words.say("errors.closed", address=f"slack:{source.user}")
        await conversation.give(Reply(blocks=(Line(text),), alert=True))
        return False

    async def _open_to(self, source: Source) -> bool:
        if self._allowed is None:
            return True
        about = await self._people.about(source.user)
        place = Place("slack", source.chat, source.thread, source.private, about.team or source.team)
        return await self._allowed(Person("slack", source.user, about.name), place)

    async def _details(self, source: Source, token: str) -> None:
        conversation, words = await self._conversation(source)
        reply = await self._sender.details(token)
        await conversation.give(reply or Reply(blocks=(Line(words.say("slack.details_gone")),), alert=True))

    async def _form(self, source: Source, token: str) -> None:
        conversation, words = await self._conversation(source)
        kept = await self._sender.kept("slack.form", token)
        if kept is None:
            await conversation.give(Reply(blocks=(Line(words.say("slack.form_gone")),), alert=True))
            return
        inputs = tuple(Input(*values) for values in kept["inputs"])
        form = Form(kept["id"], kept["title"], kept["value"], inputs)
        # Where it was asked for, not where the button stands; the trigger is this press's.
        before = with_metadata(source, kept["metadata"])
        await Conversation(self._sender, before, words, self._clock).open_form(form)

    async def judged(self, body: Json) -> Mapping[str, str]:
        """Answers a sent form, and tells what is wrong with it (block id -> sentence) if that is known soon enough for the
        acknowledgement, which keeps the form open then. Never raises."""
        if body.get("type") != "view_submission":
            return {}
        wrong: asyncio.Future[Mapping[str, str]] = asyncio.get_running_loop().create_future()
        task = self._run(self._submitted(body, wrong))
        patience = asyncio.ensure_future(self._clock.sleep(JUDGE_S))
        either: list[asyncio.Future[Any]] = [task, wrong, patience]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        patience.cancel()
        if not wrong.done():
            wrong.set_result({})  # whatever comes now is told as a message
        ids = reading.block_ids(body.get("view") or {})
        return {ids[name]: said for name, said in wrong.result().items() if name in ids}

    async def _submitted(self, body: Json, wrong: asyncio.Future[Mapping[str, str]]) -> None:
        async def first_judged(replies: AsyncIterator[Reply]) -> AsyncIterator[Reply]:
            async for reply in replies:
                if not wrong.done():
                    errors = reply.form.errors if reply.form else {}
                    wrong.set_result(errors)
                    if errors:
                        return
                yield reply

        await self._answer(_placed(reading.submission, body), first_judged)

    async def event(self, body: Json) -> None:
        """An event's body: mentions, messages, the home tab, files. What is not for us is let go silently."""
        event = body.get("event") or {}
        kind, bot_user = event.get("type"), self.bot_user or reading.addressed(body)
        if kind == "app_home_opened":
            if event.get("tab") in (None, "home"):
                self._sender.learn_direct(str(event.get("user")), str(event.get("channel")))
                await self._home(str(event.get("user", "")), body.get("team_id"))
                self._viewers.pop(str(event.get("user")), None)
                self._viewers[str(event.get("user"))] = (self._clock.monotonic() + VIEWED_S, body.get("team_id"))
            return
        if kind not in ("app_mention", "message"):
            return
        direct, person = reading.is_direct(event), reading.from_person(event, bot_user)
        if person and kind == "message" and direct:
            self._sender.learn_direct(str(event["user"]), str(event["channel"]))
            await self._answer(reading.message(body, event, bot_user, self._known, kind="dm"))
        elif person and kind == "app_mention" and not direct:
            await self._answer(reading.message(body, event, bot_user, self._known, kind="mention"))
        elif person and f"<@{bot_user}" in str(event.get("text") or ""):
            return  # comes as a mention as well
        elif (message := reading.standing(event, bot_user)) is not None:
            await self._guard.overheard(reading.overheard(body, message, again=message.get("ts") != event.get("ts")))

    async def keep_homes(self) -> None:
        """The board of everybody who opened it lately stays true: drawn again every minute, and soon after a button was pressed.
        Slack does not tell when somebody leaves it."""
        while True:
            either = [asyncio.ensure_future(self._touched.wait()), asyncio.ensure_future(self._clock.sleep(HOME_S))]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            for each in either:
                each.cancel()
            await self._clock.sleep(HOME_LEAST_S)  # what follows at once is shown with it
            self._touched.clear()
            now = self._clock.monotonic()
            self._viewers = {user: (until, team) for user, (until, team) in self._viewers.items() if until > now}
            for user, (_, team) in list(self._viewers.items())[-VIEWERS_MOST:]:
                self.start(self._home(user, team))

    async def _home(self, user: str, team: str | None) -> None:
        source = Source(id="", kind="home", user=user, name="", team=team, chat="", private=True, home=True)
        await self._ask(Raw(source, "home"))

    # --- from raw to answered

    async def _answer(self, raw: Raw, through: Through | None = None) -> None:
        if await self._first(raw.source):
            await self._ask(raw, through)

    async def _ask(self, raw: Raw, through: Through | None = None) -> None:
        about = await self._people.about(raw.source.user)
        words = self._words(about.language, about.timezone)
        conversation = Conversation(self._sender, raw.source, words, self._clock)
        request = await self._intake.request(raw, about, conversation.looking)
        if isinstance(request, str):
            await conversation.give(Reply(blocks=(Line(words.say(request)),)))
        elif self.answers is not None:
            if raw.source.ts and request.found.secrets:
                await self._guard.told(raw.source, request.found)
            replies = self.answers.answer(request)
            await conversation.deliver(through(replies) if through else replies)

    async def _give(self, source: Source, request: Request) -> None:
        if self.answers is not None:
            conversation, _ = await self._conversation(source)
            await conversation.deliver(self.answers.answer(request))

    async def _conversation(self, source: Source) -> tuple[Conversation, Wording]:
        about = await self._people.about(source.user)
        words = self._words(about.language, about.timezone)
        return Conversation(self._sender, source, words, self._clock), words


def _placed(read: Callable[[Json, Json], Raw], body: Json) -> Raw:
    """What came from a form, with the place that it was asked for in."""
    try:
        context = json.loads((body.get("view") or {}).get("private_metadata") or "{}")
    except ValueError:
        context = {}
    context = context if isinstance(context, dict) else {}
    raw = read(body, context)
    return replace(raw, source=replace(raw.source, private=bool(context.get("p"))))
