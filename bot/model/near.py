"""What was nearly typed, for "did you mean"."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def nearest(wanted: str, known: Iterable[str], *, most: int = 3, cutoff: float = 0.6) -> list[str]:
    """The likest first, none below `cutoff` of 1. The library for it is loaded at the first slip, not at every start."""
    from difflib import get_close_matches

    return get_close_matches(wanted, list(known), n=most, cutoff=cutoff)


def likest(wanted: str, known: Sequence[str]) -> tuple[str, ...]:
    """At most three, the nearest first; one that is much nearer stands alone. The beginning of a name counts as near."""
    from difflib import SequenceMatcher

    likeness = {
        one: max(SequenceMatcher(None, wanted, one.lower()).ratio(), 0.75 if one.lower().startswith(wanted) else 0.0)
        for one in known
    }
    best = max(likeness.values(), default=0.0)
    near = [one for one in known if likeness[one] >= max(0.5, best - 0.15)]
    return tuple(sorted(near, key=lambda one: -likeness[one])[:3])
