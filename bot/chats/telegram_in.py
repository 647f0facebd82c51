"""What Telegram delivers, read: commands, presses, messages. Raw text lives here and goes to the gate, nowhere else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Any, Final

from telegram import Document, Message, PhotoSize, Update, User

from bot.chats.leaves import strings, unmarked
from bot.chats.pictures import PICTURE_MOST, is_picture
from bot.chats.typed import is_root, split_command
from bot.model.values import dataclass
from bot.ports import Clock

COMMANDS: Final = ("balance", "diagnose", "switch", "quota", "start", "help")
# These only look; whatever else was typed while the bot was down must be sent again.
HARMLESS_LATE: Final = frozenset({"balance", "diagnose", "help", "start", "tickets"})
_MESSAGES: Final = ("message", "edited_message", "channel_post", "edited_channel_post")
_BARE: Final = [
    "message_id",
    "message_thread_id",
    "is_topic_message",
    "date",
    "edit_date",
    "chat",
    "from",
    "sender_chat",
    "is_automatic_forward",
    "text",
    "caption",
]
ERROR: Final = 120  # characters: a private text so long is an error first, and a leak beside
PASTE_S: Final = 1.5  # so long the next piece of a long paste is waited for
PIECE: Final = 3_500  # a client cuts a long paste at 4,096 characters, at a line's end if there is one
_BESIDE_MOST: Final = 100_000
_LINKING: Final = re.compile(r"link_([A-Za-z0-9_-]{1,59})")


Json = dict[str, Any]
Attached = Document | PhotoSize


@dataclass(frozen=True, slots=True)
class Raw:
    """A request before the gate: all of it is raw."""

    command: str
    text: str = ""
    quoted: str = ""
    files: tuple[Attached, ...] = ()
    action: str | None = None
    value: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    beside: str = ""  # looked at for secrets only
    reply_to: int | None = None  # the message that `quoted` and the last of `files` are from


@dataclass(frozen=True, slots=True)
class Typed:
    """A command as it was typed. `named`: with this bot's name behind @, or below /quota."""

    command: str
    rest: str
    named: bool


def words_of(message: Message) -> str:
    """A message's text or a file's caption, without marks that could pass for ours; empty where there is neither."""
    return unmarked(message.text or message.caption or "")


# What a message shows besides its own words, by field name; and what is about people, places and files, not said by anybody.
_SHOWN: Final = frozenset(
    [
        "text",
        "caption",
        "question",
        "explanation",
        "description",
        "title",
        "performer",
        "file_name",
        "url",
        "name",
        "address",
        "data",
        "new_chat_title",
        "prize_description",
    ]
)
_ABOUT: Final = frozenset(
    [
        "from",
        "chat",
        "sender_chat",
        "sender_business_bot",
        "via_bot",
        "reply_to_message",
        "pinned_message",
        "forward_origin",
        "origin",
        "user",
        "added_by_user",
        "added_by_chat",
        "completed_by_user",
        "completed_by_chat",
        "guest_bot_caller_user",
        "guest_bot_caller_chat",
        "thumbnail",
        "contact",
        "sticker",
        "new_chat_members",
        "left_chat_member",
    ]
)


def guarded(update: Update) -> Message | None:
    """A message that is looked at for secrets and nothing else."""
    return update.edited_message or update.channel_post or update.edited_channel_post


def bare(raw: Json) -> Json:
    """An update's message without all that a newer Telegram may have changed."""
    kinds: Json = {
        kind: {name: raw[kind][name] for name in _BARE if name in raw[kind]} for kind in _MESSAGES if kind in raw
    }
    return {"update_id": raw["update_id"], **kinds}


def beside_of(raw: Json) -> str:
    """As `beside`, of an update's message."""
    return next((beside(raw[kind]) for kind in _MESSAGES if kind in raw), "")


def beside(raw: Json) -> str:
    """Whatever else a message shows: links behind words, a quote, a poll, a list, buttons, names of files; also of kinds that the
    library does not know yet."""
    own = (raw.get("text"), raw.get("caption"))
    found = dict.fromkeys(text for text in strings(raw, _SHOWN, _ABOUT) if text not in own)
    return unmarked("\n".join(found))[:_BESIDE_MOST]


def command_of(message: Message, username: str) -> Typed | str | None:
    """The command; "other" where another bot is meant; None where there is none. A command inside code is none."""
    entities = message.entities or message.caption_entities or ()
    if any(e.offset == 0 and e.type in ("code", "pre", "blockquote", "expandable_blockquote") for e in entities):
        return None
    found = split_command(words_of(message))
    if found is None:
        return None
    command, bot, rest = found
    if bot and bot.lower() != username.lower():
        return "other"
    return Typed(command, rest, bool(bot) or is_root(words_of(message)))


def ours(typed: Typed, private: bool, known: frozenset[str]) -> bool:
    """In a group a bare `/weather` is another bot's; in private every command is for us."""
    return private or typed.named or typed.command in COMMANDS or typed.command in known


def linking(rest: str) -> str:
    """The one-time code of `/start link_<code>`, which a deep link types; "" where it is something else."""
    found = _LINKING.fullmatch(rest.strip())
    return found[1] if found else ""


def quoted_of(message: Message, own_id: int) -> tuple[str, tuple[Attached, ...]]:
    """The text and the files of what is replied to: the marked part if the person marked one. A topic's first message is
    no reply, and the bot's own answers are no errors."""
    if message.quote is not None:
        return unmarked(message.quote.text), ()
    before = message.reply_to_message
    if before is None or before.forum_topic_created is not None:
        return "", ()
    if before.from_user is not None and before.from_user.id == own_id:
        return "", ()
    return words_of(before), attached_to(before)


def attached_to(message: Message) -> tuple[Attached, ...]:
    """A message's attachment: its file, of whatever kind, or the largest size of a picture that is not too large."""
    if message.document is not None and message.animation is None:
        return (message.document,)
    sizes = [size for size in message.photo or () if (size.file_size or 0) <= PICTURE_MOST]
    return (max(sizes, key=lambda size: size.width * size.height),) if sizes else ()


def is_image(file: Attached) -> bool:
    """Also a picture that was sent as a file."""
    return isinstance(file, PhotoSize) or is_picture(file.mime_type or "", file.file_name or "")


def no_person(message: Message) -> bool:
    """An anonymous administrator, or somebody who writes as a channel: nobody whose rights could be looked up."""
    return message.sender_chat is not None


def is_late(message: Message, now: datetime, seconds: float) -> bool:
    """By Telegram's own clock of the message: after a pause old messages come in at once."""
    return (now - message.date).total_seconds() > seconds


def shown_name(user: User) -> str:
    """As they call themselves: it proves nothing. At most 64 characters in one line, not yet through the gate."""
    return unmarked(" ".join(user.full_name.split()))[:64]


class Paste:
    """A long paste arrives as several messages. `add` is true for a message that belongs to the one before it."""

    def __init__(self, first: Message, text: str) -> None:
        self.first = first
        self.parts = {first.message_id: text}
        self.last = text

    def open(self) -> bool:
        return len(self.last) >= PIECE and len(self.parts) < 40

    async def whole(self, clock: Clock) -> None:
        """Until it is all there, as far as one can tell."""
        while self.open():
            pieces = len(self.parts)
            await clock.sleep(PASTE_S)
            if len(self.parts) == pieces:
                return

    def add(self, message: Message, text: str) -> None:
        """A further message of the same paste; an edited one takes its own place."""
        self.parts[message.message_id] = text
        self.last = text

    @property
    def messages(self) -> tuple[int, ...]:
        """Their numbers, oldest first, to be deleted together."""
        return tuple(sorted(self.parts))

    @property
    def text(self) -> str:
        """Cut at exactly the limit, two pieces belong together (a key may lie across); else a line's end was there."""
        pieces = [self.parts[number] for number in self.messages]
        return "".join(piece if len(piece) >= 4_096 else piece + "\n" for piece in pieces).rstrip("\n")
