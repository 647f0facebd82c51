"""What a find is: where, what kind, and the bare secret (for the fingerprint; empty when there is none to compare)."""

from __future__ import annotations

Span = tuple[int, int, str, bytes]
