"""The results as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """`ratio` None: a figure that stands alone. `reach`: the sentence that says what is wanted, and whether it is kept."""

    what: str
    ours: str
    bare: str = ""
    ratio: float | None = None
    most: float | None = None  # the ratio should be at most this
    least: float | None = None  # or at least this

    @property
    def verdict(self) -> str:
        if self.ratio is None or (self.most is None and self.least is None):
            return ""
        kept = (self.most is None or self.ratio <= self.most) and (self.least is None or self.ratio >= self.least)
        wanted = f"≤ {self.most:g}" if self.most is not None else f"≥ {self.least:g}"
        return f"{wanted} {'kept' if kept else 'MISSED'}"


def markdown(rows: Sequence[Row]) -> str:
    lines = ["| what | quotadesk | measure | ratio | reach |", "|---|---:|---:|---:|---|"]
    for row in rows:
        ratio = f"{row.ratio:.2f}" if row.ratio is not None else ""
        lines.append(f"| {row.what} | {row.ours} | {row.bare} | {ratio} | {row.verdict} |")
    return "\n".join(lines)
