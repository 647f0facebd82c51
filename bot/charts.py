"""A balance over time as a picture. Pure: numbers and ASCII labels in, PNG bytes out.

Pillow brings one font of its own, without Chinese; a font of the machine cannot be relied on. So the picture says digits,
aliases and currency codes only, and its words are in the message beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from io import BytesIO
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from bot.model.alert import WeekReport, WeekRow
from bot.model.values import dataclass

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

_WIDTH, _PANEL, _HEAD = 1080, 520, 76  # read on a phone: large letters, one column
_LEFT, _RIGHT, _BOTTOM = 150, 40, 64
_MOST = 4
_PAPER, _INK, _SOFT, _GRID = (255, 255, 255), (28, 32, 40), (108, 116, 130), (226, 230, 236)
_LINE, _FAN, _WARN, _UP = (24, 95, 180), (214, 228, 246), (196, 66, 30), (20, 128, 74)

Point = tuple[datetime, Decimal]


@dataclass(frozen=True, slots=True)
class Series:
    """One figure. `fan`: days left, low and high, drawn from the last point. `rises`: moments at which it went up."""

    name: str  # an alias
    unit: str  # CNY, USD, requests
    points: Sequence[Point]  # oldest first
    threshold: Decimal | None = None
    fan: tuple[Decimal, Decimal] | None = None
    rises: Sequence[datetime] = ()


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where a panel's numbers lie on the picture."""

    top: int
    start: datetime
    end: datetime
    most: float

    def x(self, at: datetime) -> float:
        share = (at - self.start).total_seconds() / max((self.end - self.start).total_seconds(), 1.0)
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def y(self, amount: float) -> float:
        height = _PANEL - _HEAD - _BOTTOM
        return self.top + _HEAD + height * (1 - max(min(amount / self.most, 1.0), 0.0))

    @property
    def floor(self) -> float:
        return self.y(0.0)


def balance_chart(series: Sequence[Series], timezone: str = "UTC") -> bytes:
    """PNG, one panel for each of at most four figures; days are the reader's. Raises ValueError without any points."""
    from PIL import Image, ImageDraw

    shown = [one for one in series if one.points][:_MOST]
    if not shown:
        raise ValueError("a chart needs readings")
    picture = Image.new("RGB", (_WIDTH, _PANEL * len(shown) + 16), _PAPER)
    draw = ImageDraw.Draw(picture)
    for index, one in enumerate(shown):
        _panel(draw, one, 8 + index * _PANEL, ZoneInfo(timezone))
    out = BytesIO()
    picture.save(out, "PNG", optimize=True)
    return out.getvalue()


def week_chart(week: WeekReport, timezone: str = "UTC") -> bytes | None:
    """The weekly report's accounts that end soonest, one panel each. None where no figure has moved on."""
    shown = [
        Series(row.account, row.currency, row.points, None, _fan(row), _rises(row.points))
        for row in week.rows
        if len(row.points) > 1
    ][:_MOST]
    return balance_chart(shown, timezone) if shown else None


def _fan(row: WeekRow) -> tuple[Decimal, Decimal] | None:
    low, high = row.runway.low_days, row.runway.high_days
    return (low, high) if low is not None and high is not None and row.points[-1][1] > 0 else None


def _rises(points: Sequence[Point]) -> tuple[datetime, ...]:
    """Where more than small change arrived."""
    return tuple(
        at
        for (_, before), (at, after) in zip(points, points[1:], strict=False)
        if after - before >= max(Decimal(1), before / 20)
    )


def _font(size: int) -> FreeTypeFont:
    from typing import cast

    from PIL import ImageFont

    return cast("FreeTypeFont", ImageFont.load_default(size))


def _ascii(text: str) -> str:
    return "".join(c if 32 <= ord(c) < 127 else "?" for c in text)


def _panel(draw: ImageDraw, one: Series, top: int, zone: ZoneInfo) -> None:
    last_at, last = one.points[-1]
    first_at = one.points[0][0]
    ahead = timedelta(0)
    if one.fan is not None:
        ahead = timedelta(days=float(min(one.fan[1], Decimal(7)))) + timedelta(hours=6)
    end = max(last_at + ahead, first_at + timedelta(hours=1))
    highest = max([amount for _, amount in one.points] + ([one.threshold] if one.threshold is not None else []))
    frame = _Frame(top, first_at, end, _ceiling(float(highest)))
    draw.text((24, top + 14), _ascii(one.name)[:28], _INK, _font(36))
    now = f"{_ascii(one.unit)} {_number(last)}"
    draw.text((_WIDTH - _RIGHT, top + 14), now, _INK, _font(36), anchor="ra")
    _grid(draw, frame, zone)
    if one.fan is not None:
        _draw_fan(draw, frame, last_at, float(last), one.fan)
    if one.threshold is not None:
        _dashed(draw, frame.y(float(one.threshold)))
        draw.text(
            (_LEFT + 8, frame.y(float(one.threshold)) - 6), f"< {_number(one.threshold)}", _WARN, _font(24), anchor="ls"
        )
    _steps(draw, frame, one.points)
    for at in one.rises:
        _mark(draw, frame.x(at), frame)
    x, y = frame.x(last_at), frame.y(float(last))
    draw.ellipse((x - 8, y - 8, x + 8, y + 8), fill=_LINE, outline=_PAPER, width=2)


def _ceiling(value: float) -> float:
    """A round number above, so that the scale's labels are short."""
    if value <= 0:
        return 1.0
    step = 10.0 ** (len(str(int(value))) - 1) if value >= 1 else 0.1
    for factor in (1, 1.2, 1.6, 2, 2.4, 3, 4, 5, 6, 8, 10, 20):
        if value * 1.05 <= step * factor:
            return step * factor
    return value * 1.1


def _number(value: Decimal | float) -> str:
    amount = float(value)
    if abs(amount) >= 100_000:
        return f"{amount / 1000:,.0f}k"
    return f"{amount:,.0f}" if amount == int(amount) or abs(amount) >= 1000 else f"{amount:,.2f}"


def _grid(draw: ImageDraw, frame: _Frame, zone: ZoneInfo) -> None:
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = frame.y(frame.most * share)
        draw.line((_LEFT, y, _WIDTH - _RIGHT, y), fill=_GRID, width=2)
        draw.text((_LEFT - 14, y), _number(frame.most * share), _SOFT, _font(24), anchor="rm")
    days = max((frame.end - frame.start).days, 1)
    every = 1 if days <= 5 else 2 if days <= 10 else 3 if days <= 24 else 7
    midnight = frame.start.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    count = 0
    while midnight <= frame.end:
        if count % every == 0:
            x = frame.x(midnight)
            draw.line((x, frame.floor, x, frame.floor + 8), fill=_SOFT, width=2)
            if _LEFT + 20 < x < _WIDTH - _RIGHT - 30:
                draw.text((x, frame.floor + 14), midnight.strftime("%m-%d"), _SOFT, _font(24), anchor="ma")
        midnight, count = midnight + timedelta(days=1), count + 1


def _draw_fan(draw: ImageDraw, frame: _Frame, at: datetime, left: float, fan: tuple[Decimal, Decimal]) -> None:
    """From now to the early and the late end; cut where the picture ends."""
    start = (frame.x(at), frame.y(left))
    edges = []
    for days in fan:
        reach = at + timedelta(days=float(days))
        if reach > frame.end:
            share = (frame.end - at).total_seconds() / max(float(days) * 86400, 1.0)
            edges.append((frame.x(frame.end), frame.y(left * (1 - share))))
        else:
            edges.append((frame.x(reach), frame.floor))
    corner = [(frame.x(frame.end), frame.floor)] if edges[0][1] >= frame.floor and edges[1][1] < frame.floor else []
    draw.polygon([start, edges[0], *corner, edges[1]], fill=_FAN)
    for edge in edges:
        draw.line((*start, *edge), fill=_LINE, width=2)


def _dashed(draw: ImageDraw, y: float) -> None:
    for x in range(_LEFT, _WIDTH - _RIGHT, 22):
        draw.line((x, y, x + 12, y), fill=_WARN, width=3)


def _steps(draw: ImageDraw, frame: _Frame, points: Sequence[Point]) -> None:
    line = [(frame.x(at), frame.y(float(amount))) for at, amount in points]
    if len(line) > 1:
        draw.line(line, fill=_LINE, width=5, joint="curve")


def _mark(draw: ImageDraw, x: float, frame: _Frame) -> None:
    """A rise: a dotted upright line with a triangle at its top, so that it is not told by colour alone."""
    top = frame.y(frame.most)
    for y in range(int(top) + 22, int(frame.floor), 14):
        draw.line((x, y, x, y + 6), fill=_UP, width=3)
    draw.polygon([(x - 13, top + 20), (x + 13, top + 20), (x, top - 2)], fill=_UP)


_BARS = "▁▂▃▄▅▆▇█"


def sparkline(points: Sequence[Point], width: int = 20) -> str:
    """The same in text: the last amount known at each of `width` moments, from zero to the highest."""
    if not points:
        return ""
    start, end = points[0][0], points[-1][0]
    if start == end:
        return _BARS[-1 if points[-1][1] > 0 else 0]
    most = max(float(amount) for _, amount in points) or 1.0
    out, index = "", 0
    for slot in range(width):
        moment = start + (end - start) * (slot / (width - 1))
        while index + 1 < len(points) and points[index + 1][0] <= moment:
            index += 1
        share = max(float(points[index][1]), 0.0) / most
        out += _BARS[min(round(share * (len(_BARS) - 1)), len(_BARS) - 1)]
    return out
