"""What comes in (CleanText, Request) and what goes out (Reply). No platform, no markup."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from datetime import datetime
from enum import IntEnum
from typing import Final, Literal

from bot.model.values import dataclass

Language = str  # "zh", "en": the name of a catalogue under bot/locales/
Platform = Literal["slack", "telegram", "terminal"]


class CleanText:
    """Text that has passed the gate. Only `bot.redaction.gate` can make one: see `claim_gate`."""

    __slots__ = ("_text",)
    _text: str

    def __init__(self, text: str, seal: object) -> None:
        if seal is not _SEAL:
            raise TypeError("CleanText is made by the gate only: call Gate.clean(raw)")
        object.__setattr__(self, "_text", text)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("CleanText cannot be changed")

    @property
    def text(self) -> str:
        """As a plain string; to be shown only through a renderer, which escapes it."""
        return self._text

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"CleanText({self._text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CleanText) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __bool__(self) -> bool:
        return bool(self._text.strip())

    def __len__(self) -> int:
        return len(self._text)


_SEAL: Final = object()
_claimed: list[str] = []


def claim_gate(claimant: str) -> Callable[[str], CleanText]:
    """Hands out the one maker of CleanText. A second module that asks is refused, so there is one gate."""
    if _claimed and _claimed[0] != claimant:
        raise RuntimeError(f"the gate is {_claimed[0]}; {claimant} must call it instead")
    _claimed.append(claimant)
    return lambda text: CleanText(text, _SEAL)


class Role(IntEnum):
    """Each role may do what the one before it may."""

    NOBODY = 0
    MEMBER = 1
    OPERATOR = 2


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody on one platform; the same human elsewhere is another Person, linked in their profile."""

    platform: Platform
    id: str
    name: str = ""  # display name, already clean; never used for rights

    @property
    def address(self) -> str:
        """`slack:U0ALICE`, `telegram:1001`: how the team file names people."""
        return f"{self.platform}:{self.id}"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message stands or goes: chat, and thread or topic in it."""

    platform: Platform
    chat: str
    thread: str | None = None  # Slack thread_ts, Telegram message_thread_id
    private: bool = False  # a direct message: nobody else reads it
    team: str | None = None  # Slack team id

    @property
    def address(self) -> str:
        """`slack:C0SUPPORT`, `telegram:-1009`: how the team file names chats. Without the thread."""
        return f"{self.platform}:{self.chat}"


@dataclass(frozen=True, slots=True)
class MessageRef:
    """One message of ours, so that it can be edited wherever it stands."""

    platform: Platform
    chat: str
    message: str
    thread: str | None = None
    picture: bool = False  # a picture's caption is edited by another call than a text


@dataclass(frozen=True, slots=True)
class SecretSeen:
    """That a secret was there, never the secret. `fingerprint` is a keyed hash, equal for the same secret within a team."""

    kind: str  # "anthropic key"
    fingerprint: str
    route: str | None = None  # the team's route that uses this very key, if any
    revoke_url: str | None = None  # the vendor's own page


@dataclass(frozen=True, slots=True)
class Found:
    """What the gate took out of one text."""

    counts: Mapping[str, int] = field(default_factory=dict)  # kind -> how many
    secrets: tuple[SecretSeen, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.counts)


@dataclass(frozen=True, slots=True)
class Request:
    """One command or one button press, clean and attributed. `id` is the platform's own delivery id (for repeats)."""

    command: str  # "balance"; for a press: the object of the action id, "ticket"
    text: CleanText  # what follows the command
    asker: Person
    place: Place
    language: Language
    timezone: str  # IANA name
    received_at: datetime  # UTC
    id: str
    found: Found = field(default_factory=Found)
    quoted: CleanText | None = None  # the message replied to, or the shortcut's message, or the attached file's text
    action: str | None = None  # "ticket.ack" for a press
    value: str = ""  # the button's value
    message: MessageRef | None = None  # the message that carries the button
    role: Role = Role.NOBODY  # filled by the router
    fields: Mapping[str, CleanText] = field(default_factory=dict)  # a submitted modal or form


@dataclass(frozen=True, slots=True)
class Line:
    """One paragraph, plain text."""

    text: str
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Heading:
    """Over what follows, plain text."""

    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Label and value pairs, aligned where the platform can."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Steps:
    """What to do, in order if `numbered`; plain text."""

    items: tuple[str, ...]
    numbered: bool = True


@dataclass(frozen=True, slots=True)
class Quote:
    """Text from outside, shown as it is: never markup, never a mention."""

    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a board: a state word first, then name, figure, note; `under` lines belong to it."""

    state: str
    name: str
    figure: str = ""
    note: str = ""
    under: tuple[str, ...] = ()
    tone: Literal["", "bad", "warn", "good", "quiet"] = ""  # colour where there is one; the state's word says it anyway


@dataclass(frozen=True, slots=True)
class Board:
    """Rows that are read below each other; a renderer aligns them where the platform can."""

    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Links:
    """Addresses that a reader may open; nothing else in a reply becomes a link."""

    items: tuple[tuple[str, str], ...]  # label, https address


Block = Line | Heading | Facts | Steps | Quote | Board | Links


@dataclass(frozen=True, slots=True)
class Action:
    """A button. `id` is `<object>.<verb>`; `id:value` has at most 64 bytes (Telegram). With `url` it only opens a page."""

    id: str
    label: str
    value: str = ""
    url: str | None = None
    style: Literal["", "primary", "danger"] = ""

    def __post_init__(self) -> None:
        if len(f"{self.id}:{self.value}".encode()) > 64:
            raise ValueError(
                f"action {self.id}: value too long for Telegram's 64 bytes; put it in the store under a token"
            )


@dataclass(frozen=True, slots=True)
class Input:
    """One field of a form (a Slack modal; on Telegram and the terminal asked by reply)."""

    name: str
    label: str
    hint: str = ""
    required: bool = False
    long: bool = False  # room for several lines
    choices: tuple[tuple[str, str], ...] = ()  # (value, label): one of these is chosen, nothing is written
    chosen: str = ""  # the value that is chosen at first
    asks: str = ""  # action id: another choice asks for the form anew, with the fields as they stand then
    of: str = ""  # what the choices belong to: where that changes, the choice starts anew


@dataclass(frozen=True, slots=True)
class Form:
    """`by_buttons`: the reply's own buttons do the same, so only a platform with real forms shows it. `errors`: field name ->
    what is wrong with it; an answer to what was sent, which keeps the form open."""

    id: str  # "ticket.evidence"
    title: str
    value: str
    inputs: tuple[Input, ...]
    blocks: tuple[Block, ...] = ()  # below the inputs
    submit: str = ""  # the button's label
    by_buttons: bool = False
    errors: Mapping[str, str] = field(default_factory=dict)


Audience = Literal["asker", "place"]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer in parts. `asker`: only the person who asked reads it where the platform can do that."""

    title: str = ""
    blocks: tuple[Block, ...] = ()
    actions: tuple[Action, ...] = ()
    details: tuple[Block, ...] = ()  # behind "details"
    audience: Audience = "asker"
    harmless: bool = (
        False  # for the asker, but nothing private in it: said in the group where a private answer is no option
    )
    replace: bool = False  # a press: edit the message that carried the button
    alert: bool = False  # a press: a short private notice; the message stays
    picture: bytes | None = None  # PNG; `title` and `blocks` are its text twin
    form: Form | None = None
    delete_original: bool = False  # the asker's message carried a secret: delete it where the platform allows
    final: bool = True  # False: more is coming, the same message will be edited
