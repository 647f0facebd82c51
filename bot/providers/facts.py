"""The shapes of a provider file: what is asked, what a sample is, what a provider is. Nothing here does I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit

from bot.model.money import Balance, Kind, Reading
from bot.model.values import dataclass
from bot.providers.narrow import Json

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
        """In small letters, without the port; empty where the address has none."""
        return (urlsplit(self.base_url).hostname or "").lower()

    @property
    def path(self) -> str:
        """With its leading slash; empty where the address has none."""
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


MODELS = Ask("models", "{base}/models", optional=True)


def currency_of(provider_currency: Mapping[str, str], known: Known) -> tuple[str, str]:
    """(currency, note) by the host, where the body is silent. Behind a proxy the first, home currency is only assumed."""
    if known.host in provider_currency:
        return provider_currency[known.host], ""
    return next(iter(provider_currency.values())), "currency_assumed"
