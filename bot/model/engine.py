"""What the team runs: engines by name, each with routes; a route is key + address + model, moved together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from decimal import Decimal
from pathlib import Path
from typing import Literal

from bot.model.money import Price
from bot.model.values import dataclass


@dataclass(frozen=True, slots=True)
class KeyRef:
    """Where a key is, never what it is: an environment variable, a file, or a variable of an application's `.env`."""

    env: str | None = None
    file: Path | None = None
    env_file: Path | None = None  # with `env`: the variable is read from this file
    line: int | None = None  # with `env_file`: a commented-out backup on this line (1-based)
    moved: bool = False  # what stands there now belongs to another address: never read

    @property
    def name(self) -> str:
        """For messages: the variable's or file's name."""
        return self.env or (str(self.file) if self.file else "no key")


_FILLERS = ("your_", "your-", "_here", "-here", "changeme", "change_me", "example", "xxxx", "你的", "<", ">", "...")


def is_placeholder(key: str) -> bool:
    """Whether a key is empty or a template's filler, which no provider would accept."""
    low = key.strip().lower()
    return not low or any(word in low for word in _FILLERS) or set(low) <= set("*x.-_")


@dataclass(frozen=True, slots=True)
class Route:
    """One way to a model: address, model, and where its key is. `warn_below`: ISO 4217 code to the amount in that currency.
    `account_key` and `account_user`: for asking the account where the route's own key may not."""

    name: str
    base_url: str
    model: str = ""
    provider: str = ""  # id of bot/providers/<id>; "" = told by base_url or probes
    key: KeyRef | None = None
    account_key: KeyRef | None = None
    account_user: KeyRef | None = None
    warn_below: Mapping[str, Decimal] = field(default_factory=dict)
    title: str = ""
    price: Price | None = None  # per million tokens, as the team wrote it


Failover = Literal["off", "ask", "auto"]


@dataclass(frozen=True, slots=True)
class Engine:
    """One part of an application that calls models, with its three variables in `env_file` and the routes it may use, in order."""

    name: str
    title: str
    env_file: Path | None = None
    env_prefix: str = ""
    routes: tuple[str, ...] = ()
    failover: Failover = "off"
    restart: tuple[str, ...] = ()
    bettafish_url: str | None = None
    bettafish_app: str | None = None
    protected: bool = False

    @property
    def variables(self) -> tuple[str, str, str]:
        """The three that move together: key, address, model."""
        return (f"{self.env_prefix}_API_KEY", f"{self.env_prefix}_BASE_URL", f"{self.env_prefix}_MODEL_NAME")


GatewayKind = Literal["new-api", "litellm", "claude-code-router"]


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """A gateway of the team's own whose channels or routes the bot may switch: `[gateways.<name>]`."""

    name: str
    kind: GatewayKind
    url: str = ""
    key: KeyRef | None = None  # access token (new-api, one-api) or master key (LiteLLM)
    user: KeyRef | None = None  # numeric id of the token's owner, which some generations of new-api want
    config: Path | None = None  # claude-code-router's config.json
    pid_file: Path | None = None
    restart: tuple[str, ...] = ()
