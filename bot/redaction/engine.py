"""Finds and cuts secrets in one text."""

from __future__ import annotations

import re2

_TOKEN = re2.compile(
    r"\b(?:sk-|sk_|gsk_|xai-|hf_|ghp_|xox[a-z]-|xapp-|AIza|npm_|glpat-|github_pat_)[A-Za-z0-9_\-]{16,}"
)


def sweep(raw: str) -> tuple[str, dict[str, int], list[tuple[str, str]]]:
    """The clean text, how many of each kind went, and (kind, bare secret) for each."""
    text = raw.encode("utf-8", "replace").decode("utf-8")
    secrets = [("api key", m.group()) for m in _TOKEN.finditer(text)]
    if not secrets:
        return text, {}, []
    return _TOKEN.sub("[api key]", text), {"api key": len(secrets)}, secrets


def redact(raw: str) -> tuple[str, dict[str, int]]:
    """The clean text and how many of each kind went."""
    text, counts, _ = sweep(raw)
    return text, counts
