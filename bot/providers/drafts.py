"""Where a request goes and what it carries: from an `Ask` to the request that the services send. Nothing here does I/O."""

from __future__ import annotations

import json as jsonlib
from ipaddress import ip_address
from urllib.parse import urlsplit

from bot.model.team import Secret
from bot.providers.facts import Ask, Draft, Known, Provider

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
    """`pattern` is `host[:port][/path]`; a port or path that it names must be the address's too. An address that cannot be read
    never fits."""
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
