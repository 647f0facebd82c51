"""What a provider file is made of: facts, sample answers, and one pure function from parsed JSON to a `Balance`.

Nothing here does I/O. `draft` turns an `Ask` into the request that the services send through the Http door.
"""

from __future__ import annotations

import json as jsonlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from ipaddress import ip_address
from typing import Any, Literal
from urllib.parse import urlsplit

from bot.errors import BadAnswer
from bot.model.money import Balance, Kind, Reading
from bot.model.team import Secret

Json = Any

Auth = Literal["bearer", "raw", "x-api-key", "api-key", "x-goog-api-key", "none"]
Credential = Literal["key", "account_key", "none"]


@dataclass(frozen=True, slots=True)
class Known:
    """What a request or a reading may depend on. `failed` holds the machine word of every ask that did not succeed."""

    base_url: str
    now: datetime
    user: str = ""  # account_user of the route: the numeric user id some gateways want
    has_account_key: bool = False
    has_key: bool = True
    answers: Mapping[str, Json] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)

    @property
    def host(self) -> str:
        return (urlsplit(self.base_url).hostname or "").lower()

    @property
    def path(self) -> str:
        return urlsplit(self.base_url).path


@dataclass(frozen=True, slots=True)
class Draft:
    """A request before it is sent. Headers and content may hold secrets, so they are not printed."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: bytes | None = field(default=None, repr=False)


Signer = Callable[[Draft, str, str, datetime], Mapping[str, str]]
"""(draft, access key id, secret, now) -> headers to add. Pure."""
Maker = Callable[[Draft, str], "Draft | str"]
"""(draft, credential) -> the whole request, where the credential stands in its address or body; or why it cannot be made."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request. `url` is the documented address, with `{host}`, `{root}` (base URL without /v1), `{base}` and `{user}`
    filled in, or a function of what is known so far that returns it, or None to skip the request.

    A route whose host is not one of the provider's own (a proxy, loopback) is asked there, with the same path.
    `instead_of` names another ask: this one is sent only if that one failed (with one of `instead_when`, if given). An
    `optional` one may fail.
    """

    name: str
    url: str | Callable[[Known], str | None]
    method: str = "GET"
    auth: Auth = "bearer"
    credential: Credential = "key"
    headers: Mapping[str, str] | Callable[[Known], Mapping[str, str]] = field(default_factory=dict)
    json: Json = None
    body: bytes | Callable[[Known], bytes] | None = None
    optional: bool = False
    instead_of: str = ""
    instead_when: tuple[str, ...] = ()
    sign: Signer | None = None
    make: Maker | None = None
    fixed: bool = False  # always the documented host: for a credential that was issued for it


@dataclass(frozen=True, slots=True)
class Sample:
    """Answers as the wire carries them (JSON text by ask name) and what must be read from them."""

    name: str
    answers: Mapping[str, str]
    readings: tuple[Reading, ...] = ()
    usable: bool | None = None
    note: str = ""
    base_url: str = ""  # "" = the provider's first host
    failed: Mapping[str, str] = field(default_factory=dict)
    wrong: str = ""  # the machine word, where the answer must be refused
    account_key: bool = False
    user: str = ""


Read = Callable[[Mapping[str, Json], Known], Balance]
Explain = Callable[[str, int, Json], "Balance | str | None"]


def _no_explain(name: str, status: int, answer: Json) -> Balance | str | None:
    return None


def _nothing(answers: Mapping[str, Json], known: Known) -> Balance:
    return Balance(readings=())


@dataclass(frozen=True, slots=True)
class Provider:
    """Facts about one provider or gateway, and how its answers are read.

    `tells` empty: it publishes nothing, whatever the credential. `needs`: which other credential tells the number
    (admin_key, management_key, system_token, cloud_keys, personal_login), a catalogue key under `[balance.needs]`.
    `explain` sees every answer, also those with HTTP 200: it returns a Balance for a refusal that is a money answer, a
    machine word for a failure, None for "read it" (or, where the status is not 2xx, for the ordinary word of the status).
    """

    id: str
    title: str
    zh_title: str = ""
    hosts: tuple[str, ...] = ()  # "api.x.com", "*.x.com", "*:11434", "api.kimi.com/coding"
    aliases: tuple[str, ...] = ()
    env_vars: tuple[str, ...] = ()
    tells: tuple[Kind, ...] = ()
    needs: str = ""
    asks: tuple[Ask, ...] = ()
    read: Read = _nothing
    explain: Explain = _no_explain
    models: Ask | None = None  # free, proves the key, lists models
    public_models: bool = False  # the list answers without a key, so it proves nothing
    currency: Mapping[str, str] = field(default_factory=dict)  # by host, where the body is silent
    base_paths: tuple[str, ...] = ("/v1",)  # what a base URL of this provider ends with
    default_base: str = ""
    balance_url: str | None = None
    top_up_url: str | None = None
    keys_url: str | None = None
    status_url: str | None = None
    usage_url: str | None = None
    min_interval_s: int = 60
    probe: bool = False  # its hosts are known, its software is not: the free probes are asked first
    unproven: bool = False  # private or undocumented: a failure says nothing about the account
    local: bool = False  # runs on the team's own machines: there is no money in it
    gateway: bool = False  # software anybody can host; recognised by probes
    samples: tuple[Sample, ...] = ()
    source: str = ""  # the provider's own address and when it was read


# --- addresses ---------------------------------------------------------------------------------------------------------

_TAILS = ("/chat/completions", "/completions", "/messages", "/responses", "/embeddings")


def clean_base(base_url: str) -> str:
    """The base URL without a trailing slash and without an endpoint somebody pasted along."""
    base = base_url.strip().rstrip("/")
    for tail in _TAILS:
        if base.endswith(tail):
            base = base[: -len(tail)]
    return base.rstrip("/")


def root_of(base_url: str, base_paths: tuple[str, ...] = ("/v1",)) -> str:
    """The base URL without the API's own path, so that a prefix of a proxy stays."""
    base = clean_base(base_url)
    for path in sorted({*base_paths, "/v1", "/api/v1", "/v1beta", "/v1beta/openai", "/openai"}, key=len, reverse=True):
        if path and base.endswith(path) and len(urlsplit(base).path) >= len(path):
            return base[: -len(path)]
    return base


def host_matches(pattern: str, base_url: str) -> bool:
    parts = urlsplit(base_url if "//" in base_url else f"//{base_url}")
    host = (parts.hostname or "").lower().rstrip(".")
    try:
        port = parts.port
    except ValueError:
        return False
    name, slash, path = pattern.partition("/")
    name, _, wanted_port = name.partition(":")
    if wanted_port and str(port or "") != wanted_port:
        return False
    if slash and not (parts.path.rstrip("/") + "/").startswith(f"/{path.rstrip('/')}/"):
        return False
    if name == "*":
        return bool(wanted_port)
    if "*" in name:
        before, _, after = name.partition("*")
        return host.startswith(before) and host.endswith(after) and len(host) > len(before) + len(after)
    return host == name


def is_home(provider: Provider, base_url: str) -> bool:
    """Whether the base URL is the provider's own host, so that its other documented hosts may get the key."""
    return any(host_matches(pattern, base_url) for pattern in provider.hosts)


def is_private(base_url: str) -> bool:
    """Loopback, a private address, or a name that only a local network resolves. Told by the text alone."""
    host = (urlsplit(base_url).hostname or "").lower().rstrip(".")
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal", ".lan")):
        return True
    try:
        return not ip_address(host).is_global
    except ValueError:
        return "." not in host


def address(provider: Provider, ask: Ask, known: Known) -> str | None:
    """Where the request goes, or None if the ask does not apply."""
    template = ask.url(known) if callable(ask.url) else ask.url
    if template is None:
        return None
    root = root_of(known.base_url, provider.base_paths)
    filled = (
        template.replace("{host}", urlsplit(known.base_url).netloc)
        .replace("{root}", root)
        .replace("{base}", clean_base(known.base_url))
        .replace("{user}", known.user)
    )
    if template.startswith(("{root}", "{base}")) or ask.fixed or is_home(provider, known.base_url):
        return filled
    parts = urlsplit(filled)
    return root + parts.path + (f"?{parts.query}" if parts.query else "")


def draft(
    provider: Provider, ask: Ask, known: Known, key: Secret | None = None, account_key: Secret | None = None
) -> Draft | str:
    """The request, or the machine word why it cannot be made: skipped, no_account_key, bad_account_key, foreign_host.

    A second credential opens more than the key of the route does, so it never goes to a relay somewhere on the internet:
    only to the provider's own hosts, to a gateway it was issued by, or into the team's own network.
    """
    url = address(provider, ask, known)
    if url is None:
        return "skipped"
    strange = not (provider.gateway or ask.fixed or is_home(provider, known.base_url) or is_private(known.base_url))
    if strange and ask.credential == "account_key" and account_key:
        return "foreign_host"
    secret = {"key": key, "account_key": account_key, "none": None}[ask.credential]
    if ask.credential == "account_key" and not secret:
        return "no_account_key"
    headers = dict(ask.headers(known) if callable(ask.headers) else ask.headers)
    content = ask.body(known) if callable(ask.body) else ask.body
    if ask.json is not None:
        content = jsonlib.dumps(ask.json, ensure_ascii=False).encode()
        headers.setdefault("Content-Type", "application/json")
    plain = secret.reveal().strip() if secret else ""
    if ask.make is not None:
        return ask.make(Draft(ask.method, url, headers, content), plain)
    if ask.sign is not None:
        identity, colon, private = plain.partition(":")
        if not (identity and colon and private):
            return "bad_account_key"
        unsigned = Draft(ask.method, url, headers, content)
        headers.update(ask.sign(unsigned, identity.strip(), private.strip(), known.now))
    elif plain:
        name, value = {
            "bearer": ("Authorization", f"Bearer {plain}"),
            "raw": ("Authorization", plain),
            "x-api-key": ("x-api-key", plain),
            "api-key": ("api-key", plain),
            "x-goog-api-key": ("x-goog-api-key", plain),
            "none": ("", ""),
        }[ask.auth]
        if name:
            headers[name] = value
    return Draft(ask.method, url, headers, content)


MODELS = Ask("models", "{base}/models", optional=True)


def currency_of(provider_currency: Mapping[str, str], known: Known) -> tuple[str, str]:
    """(currency, note) by the host, where the body is silent. Behind a proxy the first, home currency is only assumed."""
    if known.host in provider_currency:
        return provider_currency[known.host], ""
    return next(iter(provider_currency.values())), "currency_assumed"


def wire(value: Json) -> str:
    """JSON text as it comes over the wire, for samples."""
    return jsonlib.dumps(value)


# --- narrowing what came -----------------------------------------------------------------------------------------------


def shape(detail: str = "") -> BadAnswer:
    return BadAnswer("wrong_shape", field=detail)


def part(value: Json, *path: str) -> Json:
    """Walks into objects. A step that is not there, or not an object, is a wrong shape: never a quiet None."""
    for name in path:
        if not isinstance(value, dict) or name not in value:
            raise shape(name)
        value = value[name]
    return value


def maybe(value: Json, *path: str) -> Json:
    """As `part`, but None where the way ends."""
    for name in path:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def rows(value: Json, *path: str) -> list[dict[str, Json]]:
    """A list of objects; anything else is a wrong shape."""
    found = part(value, *path) if path else value
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise shape(path[-1] if path else "list")
    return found


def number(value: Json, divisor: int = 1) -> Decimal | None:
    """A JSON number or a number in a string (thousands separators allowed), divided. None and "" stay unknown."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        raise shape("number")
    text = value.strip().replace(",", "") if isinstance(value, str) else str(value)
    if len(text) > 60:
        raise shape("number")
    try:
        found = Decimal(text)
    except ArithmeticError:
        raise shape("number") from None
    # An exponent of a billion parses, and then printing it takes a gigabyte.
    if not found.is_finite() or abs(found.adjusted()) > 30:
        raise shape("number")
    return found / divisor if divisor != 1 else found


def amount(value: Json, divisor: int = 1) -> Decimal:
    """As `number`, but a missing figure is a wrong shape."""
    found = number(value, divisor)
    if found is None:
        raise shape("number")
    return found


def flag(value: Json) -> bool | None:
    return value if isinstance(value, bool) else None


def text(value: Json, limit: int = 40) -> str:
    """Short ASCII for labels: letters, digits, space and a few signs. Anything else from outside is dropped."""
    if not isinstance(value, str):
        return ""
    return "".join(c for c in value if c.isascii() and (c.isalnum() or c in " -_.")).strip()[:limit]


def moment(value: Json) -> datetime | None:
    """RFC 3339 (nanoseconds cut), epoch seconds or epoch milliseconds, to UTC. None where it says nothing."""
    if isinstance(value, bool) or value in (None, "", 0, -1):
        return None
    try:
        if isinstance(value, str) and not value.lstrip("-").isdigit():
            head, dot, tail = value.strip().partition(".")
            if dot:
                digits = len(tail) - len(tail.lstrip("0123456789"))
                value = f"{head}.{tail[:digits][:6]}{tail[digits:]}"
            found = datetime.fromisoformat(value)
            return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
        seconds = int(value)
        if seconds <= 0:
            return None
        return datetime.fromtimestamp(seconds / 1000 if seconds > 100_000_000_000 else seconds, UTC)
    except (ValueError, OverflowError, OSError, TypeError):
        return None


# --- readings ----------------------------------------------------------------------------------------------------------


def money(
    value: Decimal | None,
    currency: str,
    *,
    label: str = "",
    used: Decimal | None = None,
    blocks: bool = False,
    **parts: Decimal | None,
) -> Reading:
    """Account money. Parts that are unknown are left out."""
    known = {name: figure for name, figure in parts.items() if figure is not None}
    return Reading(Kind.ACCOUNT_MONEY, value, currency, used=used, parts=known, label=label, blocks=blocks)


def limit(
    kind: Kind,
    currency: str,
    *,
    left: Decimal | None = None,
    used: Decimal | None = None,
    of: Decimal | None = None,
    resets_at: datetime | None = None,
    label: str = "",
    stops: bool = True,
) -> Reading:
    """A budget, group quota or window. Two of left, used and `of` give the third. `stops`: at nothing left, calls stop."""
    if left is None and of is not None and used is not None:
        left = of - used
    if used is None and of is not None and left is not None:
        used = of - left
    blocks = stops and left is not None and left <= 0
    return Reading(kind, left, currency, used=used, limit=of, resets_at=resets_at, label=label, blocks=blocks)


def percent(left: Decimal, *, resets_at: datetime | None = None, label: str = "", stops: bool = True) -> Reading:
    """A window of which only the share is told. `left` in percent."""
    return limit(
        Kind.WINDOW_QUOTA,
        "percent",
        left=left,
        of=Decimal(100),
        resets_at=resets_at,
        label=label,
        stops=stops,
    )


def settled(*readings: Reading, usable: bool | None = None, note: str = "", models: tuple[str, ...] = ()) -> Balance:
    """A Balance. Where every wallet is known to be empty and the provider does not say that it may be used all the same,
    `usable` is False and the wallets are what blocks."""
    wallets = [r.amount for r in readings if r.kind is Kind.ACCOUNT_MONEY and not r.unlimited]
    if usable is not True and wallets and all(figure is not None and figure <= 0 for figure in wallets):
        usable = False
        readings = tuple(replace(r, blocks=True) if r.kind is Kind.ACCOUNT_MONEY else r for r in readings)
    return Balance(readings, usable=usable, note=note, models=models)


def exhausted(kind: Kind, note: str = "") -> Balance:
    """The provider said in words that it is used up: no figure is known, but calls stop."""
    return Balance((Reading(kind, blocks=True),), usable=False, note=note)


def model_names(answer: Json) -> tuple[str, ...]:
    """Names from any of the usual model lists: {data:[{id}]}, {models:[{name}]}, [{id}]."""
    found = answer if isinstance(answer, list) else maybe(answer, "data") or maybe(answer, "models")
    if not isinstance(found, list):
        return ()
    names = []
    for row in found[:2000]:
        name = row if isinstance(row, str) else maybe(row, "id") or maybe(row, "name")
        if isinstance(name, str) and len(name) <= 200:
            names.append(name.removeprefix("models/"))
    return tuple(names)
