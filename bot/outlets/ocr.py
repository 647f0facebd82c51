"""The text of a screenshot, read on this machine by a packaged model: the optional extra `ocr`. The picture is never kept.

One picture at a time, in a thread of its own, so that answering goes on meanwhile. Nothing is imported before the first picture.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import io
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Literal

import structlog

log = structlog.get_logger("ocr")

BYTES_MOST: Final = 8_000_000
PIXELS_MOST: Final = 16_000_000
_SIDE_MOST: Final = 2_400
_SMALL: Final = (
    1_300_000  # pixels: below, letters are drawn twice as large, or the model loses the blanks between words
)
_EDGE: Final = 48  # pixels around: text at the rim is not found
_FLAT: Final = 6  # times as wide as high: a flatter picture would be taken for one line
_SECONDS: Final = 45.0
_CHARACTERS_MOST: Final = 20_000
_MODULE: Final = "rapidocr_onnxruntime"
_SURE: Final = 0.5
_KINDS: Final = ("PNG", "JPEG", "WEBP", "BMP", "GIF")

Trouble = Literal["", "not_installed", "too_large", "not_a_picture", "too_slow", "no_text"]
Found = Sequence[tuple[Sequence[Sequence[float]], str, float]]  # four corners, text, how sure
Engine = Callable[[Any], Found]


class ScreenReader:
    """`engine`: what reads a picture (a test's own); without it the extra's model, loaded at the first picture."""

    def __init__(self, engine: Engine | None = None, *, seconds: float = _SECONDS) -> None:
        self._engine = engine
        self._seconds = seconds
        self._thread: ThreadPoolExecutor | None = None
        self._busy = asyncio.Lock()
        self._stuck: asyncio.Future[tuple[str, Trouble]] | None = None

    @property
    def ready(self) -> bool:
        """Whether the optional package is there."""
        return self._engine is not None or importlib.util.find_spec(_MODULE) is not None

    async def read(self, picture: bytes) -> tuple[str, Trouble]:
        """The text line by line, top to bottom; else why there is none. Never raises."""
        if not self.ready:
            return "", "not_installed"
        if len(picture) > BYTES_MOST:
            return "", "too_large"
        try:
            async with asyncio.timeout(self._seconds), self._busy:
                return await self._read(picture)
        except TimeoutError:
            log.warning("a picture took too long to read", seconds=self._seconds)
            return "", "too_slow"
        except Exception as fault:  # whatever a model does with a strange picture
            log.warning("a picture could not be read", kind=type(fault).__name__)
            return "", "not_a_picture"

    async def _read(self, picture: bytes) -> tuple[str, Trouble]:
        if self._stuck is not None:  # a thread cannot be stopped: the next picture waits for it, within its own time
            await asyncio.wait({self._stuck})
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "ocr")
        self._stuck = asyncio.get_running_loop().run_in_executor(self._thread, self._work, picture)
        return await asyncio.shield(self._stuck)

    def _work(self, picture: bytes) -> tuple[str, Trouble]:
        from PIL import Image, UnidentifiedImageError

        try:
            with Image.open(io.BytesIO(picture), formats=_KINDS) as opened:
                if opened.width * opened.height > PIXELS_MOST:
                    return "", "too_large"
                image = opened.convert("RGB")
        except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            return "", "not_a_picture"
        image = _prepared(image)
        if self._engine is None:
            self._engine = _packaged()
        text = _lines(self._engine(image))[:_CHARACTERS_MOST]
        return (text, "") if text.strip() else ("", "no_text")


def _prepared(image: Any) -> Any:
    from PIL import Image, ImageOps

    if image.width * image.height <= _SMALL:
        image = image.resize((image.width * 2, image.height * 2), Image.Resampling.LANCZOS)
    image.thumbnail((_SIDE_MOST, _SIDE_MOST))
    rim = image.getpixel((0, 0))
    image = ImageOps.expand(image, _EDGE, fill=rim)
    lacking = image.width // _FLAT - image.height
    return ImageOps.expand(image, (0, 0, 0, lacking), fill=rim) if lacking > 0 else image


def _packaged() -> Engine:
    reader = importlib.import_module(_MODULE).RapidOCR(intra_op_num_threads=2)
    array = importlib.import_module("numpy").asarray

    def read(image: Any) -> Found:
        found, _ = reader(array(image)[:, :, ::-1], use_cls=False)  # the model was trained on blue-green-red
        return found or ()

    return read


def _lines(found: Found) -> str:
    """Pieces in one row belong to one line, left to right."""
    rows: list[tuple[float, float, list[tuple[float, str]]]] = []
    for corners, text, sure in sorted(found, key=lambda piece: min(corner[1] for corner in piece[0])):
        if float(sure) < _SURE:
            continue
        top, bottom = min(c[1] for c in corners), max(c[1] for c in corners)
        left, middle = min(c[0] for c in corners), (top + bottom) / 2
        if rows and rows[-1][0] < middle < rows[-1][1]:
            rows[-1][2].append((left, text))
        else:
            rows.append((top, bottom, [(left, text)]))
    return "\n".join(" ".join(text for _, text in sorted(row)) for _, _, row in rows)
