"""Screenshots that people attach: read by whoever can, never kept. What is read goes the way of an attached text."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Literal, Protocol

from bot.chats.leaves import unmarked

PICTURE_MOST: Final = 8_000_000  # bytes
Looking = Callable[[], Awaitable[None]]  # told before a picture is read, which takes seconds
Trouble = Literal["", "not_installed", "too_large", "not_a_picture", "too_slow", "no_text"]


class Reader(Protocol):
    """Reads the text of a picture. Never raises, writes nothing."""

    @property
    def ready(self) -> bool:
        """Whether it can read at all; else no picture is fetched."""

    async def read(self, picture: bytes) -> tuple[str, Trouble]: ...


class NoReader:
    """Where pictures cannot be read at all."""

    ready = False

    async def read(self, picture: bytes) -> tuple[str, Trouble]:
        return "", "not_installed"


async def quiet() -> None:
    """Where nobody waits to be told."""


def is_picture(mime: str, name: str) -> bool:
    """By the platform's word for the type or by the name's ending; the content is looked at only when it is read."""
    kinds = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif")
    return mime.lower().startswith("image/") or name.lower().endswith(kinds)


async def read_picture(reader: Reader, picture: bytes) -> tuple[str, str]:
    """The text, or the catalogue key of what is wrong."""
    text, trouble = await reader.read(picture)
    return unmarked(text), f"diagnose.picture.{trouble}" if trouble else ""


def slack_picture(file: Mapping[str, Any]) -> bool:
    """As `is_picture`, of a file as Slack describes it."""
    return is_picture(str(file.get("mimetype") or ""), str(file.get("name") or ""))
