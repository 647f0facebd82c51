"""No team file? The triples in TARGET_ENV_FILE become engines and routes, commented-out backups included."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from bot.errors import ConfigError, SwitchRefused
from bot.model.engine import Engine, Route
from bot.model.team import Team
from bot.outlets import env_file
from bot.ports import Keys
from bot.providers import recognise

_TITLES = {
    "QUERY_ENGINE": "QueryEngine",
    "MEDIA_ENGINE": "MediaEngine",
    "INSIGHT_ENGINE": "InsightEngine",
    "REPORT_ENGINE": "ReportEngine",
    "MINDSPIDER": "MindSpider",
    "FORUM_HOST": "ForumHost",
    "KEYWORD_OPTIMIZER": "KeywordOptimizer",
}


def team_from(path: Path, keys: Keys, base: Team | None = None) -> Team:
    """Routes are shared where key, address and model are the same. Placeholders are left out: they are no backup.

    Raises ConfigError if the file cannot be read or holds no triple.
    """
    try:
        found = env_file.triples(path)
    except SwitchRefused as fault:
        raise ConfigError(
            f"TARGET_ENV_FILE {path} cannot be used ({fault.facts.get('reason', fault)}): name a readable .env file."
        ) from None
    routes: dict[str, Route] = {}
    seen: dict[tuple[str, str, str], str] = {}
    engines: dict[str, Engine] = {}
    for triple in found:
        if triple.placeholder:
            continue
        engine = _engine_name(triple.prefix)
        ref = triple.key_ref(path)
        live = next((t for t in found if t.prefix == triple.prefix and not t.commented), triple)
        identity = (triple.base_url, triple.model or live.model, keys.fingerprint(ref))
        name = seen.get(identity)
        if name is None:
            name = _route_name(triple.base_url, triple.commented, routes)
            seen[identity] = name
            routes[name] = Route(name, triple.base_url.rstrip("/"), triple.model or live.model, "", ref)
        known = engines.get(engine)
        if known is None:
            known = Engine(
                engine, _TITLES.get(triple.prefix, triple.prefix.title().replace("_", "")), path, triple.prefix
            )
        if name not in known.routes:
            order = (*known.routes, name) if triple.commented else (name, *known.routes)
            known = replace(known, routes=order)
        engines[engine] = known
    if not engines:
        raise ConfigError(
            f"TARGET_ENV_FILE {path} holds no NAME_API_KEY, NAME_BASE_URL, NAME_MODEL_NAME triple: name the application's own .env."
        )
    return replace(base or Team(), routes=routes, engines=engines)


def _engine_name(prefix: str) -> str:
    return prefix.removesuffix("_ENGINE").lower().replace("_", "-")


def _route_name(base_url: str, backup: bool, taken: dict[str, Route]) -> str:
    provider = recognise(base_url)
    host = urlsplit(base_url).hostname or "route"
    stem = provider.id if provider else host.removeprefix("api.").removeprefix("www.").split(".")[0]
    if not provider and (stem.isdigit() or ":" in host):  # an address in figures: most often a server of one's own
        stem = "local"
    name = f"{stem}-backup" if backup else stem
    number = 2
    while name in taken:
        name, number = f"{stem}-backup-{number}" if backup else f"{stem}-{number}", number + 1
    return name
