"""Screenshots: limits, rows, and what is said where nothing can read them. The model itself only where it is installed."""

from __future__ import annotations

import importlib.util
import io
import threading
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageFont

from bot.outlets.ocr import BYTES_MOST, ScreenReader

LINES = (
    "Error code: 402 - {'error': {'message': 'Insufficient Balance'}}",
    "2026-11-22 10:39:12 [QueryEngine] model=deepseek-reasoner",
)


def picture(*lines: str, kind: str = "PNG", size: tuple[int, int] = (900, 120)) -> bytes:
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    for row, line in enumerate(lines):
        draw.text((15, 15 + 35 * row), line, fill="black", font=ImageFont.load_default(20))
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()


def box(left: float, top: float) -> list[list[float]]:
    return [[left, top], [left + 50, top], [left + 50, top + 20], [left, top + 20]]


def fixed(image: Any) -> list[tuple[list[list[float]], str, float]]:
    """A model that always sees the same four pieces."""
    return [
        (box(200, 42), "Balance", 0.9),
        (box(10, 80), "second row", 0.9),
        (box(10, 40), "Insufficient", 0.9),
        (box(10, 120), "smudge", 0.2),
    ]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "GIF"])
async def test_pieces_of_one_row_are_one_line_and_guesses_are_left_out(kind: str) -> None:
    assert await ScreenReader(fixed).read(picture("x", kind=kind)) == ("Insufficient Balance\nsecond row", "")


@pytest.mark.parametrize(
    ("body", "trouble"),
    [
        (b"", "not_a_picture"),
        (b"<svg onload=x>", "not_a_picture"),
        (picture("x")[:80], "not_a_picture"),
        (b"\x89PNG" + b"\0" * BYTES_MOST, "too_large"),
        (picture(size=(8000, 3000)), "too_large"),
    ],
)
async def test_what_is_no_picture_of_ours(body: bytes, trouble: str) -> None:
    assert await ScreenReader(fixed).read(body) == ("", trouble)


async def test_no_text_and_a_model_that_breaks() -> None:
    assert await ScreenReader(lambda image: []).read(picture()) == ("", "no_text")

    def broken(image: Any) -> Any:
        raise RuntimeError("inside the model")

    assert await ScreenReader(broken).read(picture()) == ("", "not_a_picture")


async def test_too_slow_is_given_up_and_the_next_waits_for_it() -> None:
    free = threading.Event()

    def slow(image: Any) -> Any:
        free.wait(5)
        return fixed(image)

    reader = ScreenReader(slow, seconds=0.05)
    assert await reader.read(picture()) == ("", "too_slow")
    assert await reader.read(picture()) == ("", "too_slow")
    free.set()
    assert (await reader.read(picture()))[1] in ("", "too_slow")


async def test_without_the_extra_it_says_so() -> None:
    reader = ScreenReader()
    if not reader.ready:
        assert await reader.read(picture("x")) == ("", "not_installed")


@pytest.mark.skipif(importlib.util.find_spec("rapidocr_onnxruntime") is None, reason="the extra `ocr` is not installed")
async def test_the_packaged_model_reads_an_error() -> None:
    text, trouble = await ScreenReader().read(picture(*LINES))
    assert trouble == ""
    assert "402" in text
    assert "Insufficient Balance" in text
    assert "deepseek-reasoner" in text
