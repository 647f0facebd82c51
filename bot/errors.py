"""The exception tree.

QuotadeskError                what happened and what to do next; never a key, header, prompt or full address
├── ConfigError               a setting or the team file is wrong: names the setting and its mend (exit 2)
├── UsageError                the person's command cannot be understood: says how to write it
│   └── UnknownName           no such engine, route or ticket: carries the nearest names
├── NotAllowed                the person lacks the role
├── Expired                   a button is old or already used
├── ProviderError             an outside service did not answer as it should
│   ├── Unreachable           DNS, TLS, refused, timed out
│   ├── Refused               HTTP status that is not success
│   └── BadAnswer             HTML, wrong types, too large, redirect to another host
├── SwitchRefused             a switch was not made; the file is as it was
├── StoreError                the database is locked, full, read-only or gone: nothing was kept
└── DeliveryError             a message could not be sent; carries whether and when to try again
"""

from __future__ import annotations

from collections.abc import Mapping


class QuotadeskError(Exception):
    """Base of all. `key` is a catalogue key under `[errors]`, `facts` its values: wording happens in handlers."""

    key = "unexpected"

    def __init__(self, message: str = "", *, key: str | None = None, **facts: object) -> None:
        super().__init__(message or key or self.key)
        if key:
            self.key = key
        self.facts = facts


class Fault(str):
    """One sentence of a ConfigError, in English; `key` of the catalogue and `facts` say it in another language."""

    key: str
    facts: Mapping[str, object]

    def __new__(cls, text: str, key: str, facts: Mapping[str, object]) -> Fault:
        made = super().__new__(cls, text)
        made.key, made.facts = key, facts
        return made


class ConfigError(QuotadeskError):
    """`faults` are whole sentences, each naming the setting and the mend, never its value."""

    key = "config"

    def __init__(self, *faults: str) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


class UsageError(QuotadeskError):
    """What was typed cannot be read; the command's usage is shown."""

    key = "usage"


class UnknownName(UsageError):
    """`what` is engine, route, ticket or command; `name` is clean text; `nearest` holds at most three names, best first.
    `of`: the engine that has no such route, where the route may be another's."""

    key = "unknown_name"

    def __init__(
        self, what: str, name: str, nearest: tuple[str, ...] = (), known: tuple[str, ...] = (), of: str = ""
    ) -> None:
        super().__init__(f"no {what} called {name}", what=what, name=name)
        self.what, self.name, self.nearest, self.known, self.of = what, name, nearest, known, of


class NotAllowed(QuotadeskError):
    """Somebody else may do it; the facts name them."""

    key = "not_allowed"


class Expired(QuotadeskError):
    """A button, plan or link is too old or was used; the command has to be typed again."""

    key = "expired"


class ProviderError(QuotadeskError):
    """`reason` is a short machine word that handlers translate: timeout, dns, tls, refused, html, too_large, ..."""

    key = "provider"

    def __init__(self, reason: str, message: str = "", **facts: object) -> None:
        super().__init__(message or reason, key=None, **facts)
        self.reason = reason


class Unreachable(ProviderError):
    """reason: timeout | dns | tls | refused | network"""


class Refused(ProviderError):
    """reason: http_<status>; `status` is the HTTP status, `retry_after_s` what the provider asked for, or None."""

    def __init__(self, status: int, message: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(f"http_{status}", message)
        self.status, self.retry_after_s = status, retry_after_s


class BadAnswer(ProviderError):
    """reason: html | not_json | too_large | redirect | wrong_shape | <provider's own flag>"""


class SwitchRefused(QuotadeskError):
    """Nothing was changed. `reason` in the facts is the machine word that a catalogue words."""

    key = "switch_refused"


class StoreError(QuotadeskError):
    """`reason` is a machine word: locked, full, read_only, gone, broken."""

    key = "store"

    def __init__(self, reason: str) -> None:
        super().__init__(f"the database is {reason}", reason=reason)
        self.reason = reason


class DeliveryError(QuotadeskError):
    """`retry_after_s` None means: do not try this place again (blocked, removed, deleted); `lost` means the answer was lost,
    so the message may stand already."""

    key = "delivery"

    def __init__(
        self, reason: str, *, retry_after_s: float | None = None, final: bool = False, lost: bool = False
    ) -> None:
        super().__init__(reason)
        self.reason, self.retry_after_s, self.final, self.lost = reason, retry_after_s, final, lost
