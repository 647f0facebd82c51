"""What Telegram delivered, taken once each, and made into requests: commands, presses, pastes, leaks, answers to forms."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

import structlog
from telegram import CallbackQuery, Message, Update, User

from bot.chats import telegram_in as reading
from bot.chats.once import Once
from bot.chats.pictures import Reader
from bot.chats.posted import further
from bot.chats.rush import Rush
from bot.chats.telegram_answer import Conversation, Origin, Waiting
from bot.chats.telegram_forms import Forms
from bot.chats.telegram_guard import Guard, Posted
from bot.chats.telegram_in import Paste, Raw, Typed
from bot.chats.telegram_people import Allowed, Memory, People
from bot.chats.telegram_request import Intake
from bot.chats.telegram_send import Sender
from bot.chats.telegram_wire import Wire
from bot.chats.typed import split_command
from bot.model.chat import Line, MessageRef, Person, Place, Reply, Request
from bot.ports import Answers, Clock, Wording
from bot.redaction.gate import Gate

log = structlog.get_logger("telegram")
Json = dict[str, Any]

DRAIN_S: Final = 10.0
LATE_S: Final = 300.0


class Inbox:
    """`accept` takes an update and answers it in a task of its own; `drain` waits for those that run."""

    def __init__(
        self,
        sender: Sender,
        wire: Wire,
        people: People,
        gate: Gate,
        memory: Memory,
        clock: Clock,
        known: frozenset[str],
        reader: Reader | None = None,
        allowed: Allowed | None = None,
        hears: Callable[[Place], bool] = lambda place: True,
    ) -> None:
        self._sender, self._wire, self._people = sender, wire, people
        self._clock, self._known = clock, known
        self._first = Once(memory, clock, sender.counts, self._forgetful).first
        self._intake = Intake(wire, gate, clock, reader, self._lost)
        self._guard = Guard(self._intake, self._first, self._words, self._ask_made, hears, allowed)
        self._forms = Forms(people, memory, clock)
        self._waiting = Waiting(clock)
        self._pastes: dict[tuple[int, int], Paste] = {}
        self._work: set[asyncio.Task[None]] = set()
        self._rush = Rush()
        self._answers: Answers | None = None

    def bind(self, answers: Answers) -> None:
        """Who answers; before that every update is refused, to be delivered again."""
        self._answers = answers

    @property
    def bound(self) -> bool:
        """Whether somebody answers."""
        return self._answers is not None

    @property
    def busy(self) -> int:
        """Updates that are being answered."""
        return len(self._work)

    async def drain(self) -> None:
        """Lets running answers end for ten seconds."""
        if self._work:
            await asyncio.wait(set(self._work), timeout=DRAIN_S)
        for task in self._work:
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)

    def accept(self, update: Json) -> None:
        """One update as it came, perhaps for the second time. Never raises."""
        with self._rush.acknowledging():
            self._start(self._update(update))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        async def guarded() -> None:
            try:
                await self._rush.over()  # those that come together share one transaction for their ids
                await work
            except Exception as fault:
                # The traceback passes the gate in the log, as every line does.
                log.error("an update could not be answered", kind=type(fault).__name__, exc_info=fault)
            finally:
                work.close()  # where it was stopped before it began

        task = asyncio.create_task(guarded())
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    def _forgetful(self, fault: Exception) -> None:
        self._sender.once("memory", "update ids could not be stored", kind=type(fault).__name__, why=str(fault))

    async def _update(self, raw: Json) -> None:
        if self._answers is None or not await self._first(f"telegram:{self._people.own_id}:{raw['update_id']}"):
            return
        try:
            update = Update.de_json(raw, self._wire.bot)
        except (TypeError, ValueError, KeyError, AttributeError) as fault:
            log.warning("an update could not be read and is left out", kind=type(fault).__name__)
            await self._unreadable(raw)
            return
        if update.callback_query is not None:
            await self._press(update.callback_query, update.update_id)
        elif update.message is not None:
            await self._message(update.message, update.update_id, reading.beside_of(raw))
        elif (message := reading.guarded(update)) is not None:
            # An edited command does not run again; but a key may have been edited in.
            await self._guard.overheard(self._posted(message, update.update_id, reading.beside_of(raw)))

    async def _unreadable(self, raw: Json) -> None:
        """Something newer than the library: what it shows is looked at for secrets all the same."""
        try:
            update = Update.de_json(reading.bare(raw), self._wire.bot)
            if (message := update.message or reading.guarded(update)) is None:
                return
            posted = self._posted(message, update.update_id, reading.beside_of(raw))
        except (TypeError, ValueError, KeyError, AttributeError):
            return  # not even its chat and sender can be read
        await self._guard.overheard(posted)

    # --- one kind of update each

    async def _message(self, message: Message, number: int, beside: str) -> None:
        if message.migrate_to_chat_id is not None:
            await self._people.moved(message.chat.id, message.migrate_to_chat_id)
            return
        user = message.from_user
        if user is None or user.is_bot or reading.no_person(message) or message.via_bot is not None:
            await self._guard.overheard(self._posted(message, number, beside))
            if user is not None and reading.no_person(message) and not message.is_automatic_forward:
                await self._anonymous(message, user)
            return
        text = reading.words_of(message)
        key = (message.chat.id, user.id)
        paste = self._pastes.get(key)
        if paste is not None and paste.open() and not text.startswith("/") and message.document is None:
            paste.add(message, text)
            return
        if len(text) >= reading.PIECE:
            paste = self._pastes[key] = Paste(message, text)
            await paste.whole(self._clock)
            if self._pastes.get(key) is paste:
                del self._pastes[key]
            text = paste.text
        messages = paste.messages if paste is not None and paste.first is message else (message.message_id,)
        await self._read(self._posted(message, number, beside, text, messages), user, text, beside)

    async def _read(self, posted: Posted, user: User, text: str, beside: str) -> None:
        """Decides only what kind of delivery this is: a form's answer, a command, a leak, a plain text in private, or nothing."""
        message, origin, number = posted.message, posted.origin, posted.number
        private = origin.place.private
        command = reading.command_of(message, self._people.username)
        forwarded = message.forward_origin is not None
        if not forwarded and (form := await self._forms.answer(message, user)) is not None:
            await self._ask(origin, form(text), user, number)
        elif isinstance(command, Typed) and not forwarded and reading.ours(command, private, self._known):
            await self._command(message, origin, command, text, user, number, beside)
            if command.command != "diagnose":  # which reads the file itself
                await self._guard.file(posted)
        elif private and command is None and (files := reading.attached_to(message)):
            await self._ask(origin, Raw("diagnose", text, files=files, beside=beside), user, number)
        elif private and command is None and len(text) >= reading.ERROR:
            # An error with a key in it: the diagnosis carries the warning itself.
            await self._ask(origin, Raw("diagnose", text, beside=beside), user, number)
        elif await self._guard.overheard(posted):
            return
        elif private and command is None and text.strip():
            await self._ask(origin, Raw("diagnose", text), user, number)

    async def _command(
        self, message: Message, origin: Origin, typed: Typed, text: str, user: User, number: int, beside: str
    ) -> None:
        late = reading.is_late(message, self._clock.now(), LATE_S)
        if late and typed.command not in reading.HARMLESS_LATE:
            # Typed while the bot was away: what changes something must be meant now.
            await self._say(origin, user, "telegram.late", delete=bool((await self._intake.clean(text)).found.secrets))
            return
        # A paste in several pieces: the rest of the command is the whole text's.
        rest = typed.rest
        if len(origin.messages) > 1:
            again = split_command(text)
            rest = again[2] if again else rest
        if typed.command == "start" and await self._opened(origin, user, rest):
            return
        if typed.command == "start" and (code := reading.linking(rest)):
            await self._ask(origin, Raw("link", code), user, number)
            return
        quoted, files = reading.quoted_of(message, self._people.own_id) if typed.command == "diagnose" else ("", ())
        if typed.command == "diagnose":
            files = (*reading.attached_to(message), *files)
        rest = "" if typed.command == "start" and rest == "private" else rest
        before = message.reply_to_message.message_id if message.reply_to_message and (quoted or files) else None
        raw = Raw(typed.command, rest, quoted, files, beside=beside, reply_to=before)
        await self._ask(origin, raw, user, number)

    async def _opened(self, origin: Origin, user: User, rest: str) -> bool:
        """The private chat is open now: what waited for it is given. True if that was all that was wanted."""
        if not origin.place.private:
            return False
        kept = self._waiting.take(origin.person.id)
        if kept is None:
            return False
        conversation, _ = await self._conversation(origin, user)
        await conversation.give(kept)
        return rest == "private"

    def _lost(self, reason: str) -> None:
        self._sender.counts["files_unread"] += 1
        self._sender.once(f"file {reason}", "a posted file could not be read", reason=reason)

    async def _anonymous(self, message: Message, user: User) -> None:
        """No person, so no rights."""
        command = reading.command_of(message, self._people.username)
        if isinstance(command, Typed) and reading.ours(command, False, self._known) and message.forward_origin is None:
            await self._say(self._origin(message, user, (message.message_id,)), user, "telegram.anonymous")

    async def _press(self, query: CallbackQuery, number: int) -> None:
        message = query.message
        if message is None or not query.data:
            await self._sender.notice(query.id)
            return
        chat = message.chat
        thread, picture = None, False
        if isinstance(message, Message):
            thread = str(message.message_thread_id) if message.is_topic_message else None
            picture = bool(message.photo)
        place = Place("telegram", self._people.alias(chat.id), thread, chat.type == "private")
        button = MessageRef("telegram", place.chat, str(message.message_id), thread, picture)
        person = self._people.person(query.from_user)
        action, _, value = query.data.partition(":")
        raw = Raw(action.partition(".")[0], action=action, value=value)
        await self._ask(Origin(person, place, (), query.id, button), raw, query.from_user, number)

    # --- from raw to answered

    async def _ask(self, origin: Origin, raw: Raw, user: User, number: int) -> None:
        conversation, words = await self._conversation(origin, user)
        request = await self._intake.request(raw, origin, words, number, conversation.looking)
        if isinstance(request, str):
            await conversation.give(Reply(blocks=(Line(request),)))
        elif self._answers is not None:
            if origin.messages and request.found.secrets:
                await self._guard.told(origin, request.found)
                own = await self._intake.clean(f"{raw.text}\n{raw.beside}")
                if raw.reply_to is not None and further(request.found, own.found).secrets:
                    conversation.carried(raw.reply_to)
            await conversation.deliver(self._answers.answer(request))

    async def _ask_made(self, origin: Origin, user: User | None, request: Request) -> None:
        if self._answers is not None:
            conversation, _ = await self._conversation(origin, user)
            await conversation.deliver(self._answers.answer(request))

    async def _say(self, origin: Origin, user: User, key: str, *, delete: bool = False) -> None:
        conversation, words = await self._conversation(origin, user)
        await conversation.give(Reply(blocks=(Line(words.say(key)),), audience="place", delete_original=delete))

    async def _conversation(self, origin: Origin, user: User | None) -> tuple[Conversation, Wording]:
        words = await self._words(user)
        conversation = Conversation(
            self._sender, origin, words, self._clock, self._waiting, self._forms, self._people.username
        )
        return conversation, words

    async def _words(self, user: User | None) -> Wording:
        return self._people.default_words() if user is None else await self._people.wording(user)

    def _posted(
        self, message: Message, number: int, beside: str, text: str | None = None, messages: tuple[int, ...] = ()
    ) -> Posted:
        """As the guard takes it. Who writes as a group, a channel or a bot cannot be told anything in private."""
        user = message.from_user
        told = None if user is None or user.is_bot or reading.no_person(message) else user
        shown = "\n".join(part for part in (reading.words_of(message) if text is None else text, beside) if part)
        return Posted(message, self._origin(message, told, messages or (message.message_id,)), told, shown, number)

    def _origin(self, message: Message, user: User | None, messages: tuple[int, ...]) -> Origin:
        thread = str(message.message_thread_id) if message.is_topic_message and message.message_thread_id else None
        place = Place("telegram", self._people.alias(message.chat.id), thread, message.chat.type == "private")
        return Origin(self._people.person(user) if user else Person("telegram", ""), place, messages)
