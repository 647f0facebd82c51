"""No team file? The triples in TARGET_ENV_FILE become engines and routes, commented-out backups included."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from bot.errors import ConfigError, SwitchRefused
from bot.model.engine import Engine, Route
from bot.model.team import Team
from bot.model.values import dataclass
from bot.outlets import env_keys
from bot.outlets.env_triples import Triple
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


@dataclass(frozen=True, slots=True)
class _Found:
    """A triple and the file that holds it: the application's own, or a backup of it that a switch has left."""

    triple: Triple
    place: Path


def team_from(path: Path, keys: Keys, base: Team | None = None, *, backups: Path | None = None) -> Team:
    """Routes are shared where key, address and model are the same. Placeholders are left out: they are no backup.

    `backups`: where switches keep the former bytes. What stood live before a switch stays a route after a restart, with the
    key that stood beside its address then. Names do not depend on which route is live now: the store knows routes by name.
    Raises ConfigError if the file cannot be read or holds no triple.
    """
    try:
        found = env_keys.triples(path)
    except SwitchRefused as fault:
        raise ConfigError(
            f"TARGET_ENV_FILE {path} cannot be used ({fault.facts.get('reason', fault)}): name a readable .env file."
        ) from None
    former = [_Found(triple, place) for place, triple in env_keys.former_triples(path, backups)] if backups else []
    book = _Book(keys)
    engines: dict[str, Engine] = {}
    real = [_Found(triple, path) for triple in found if not triple.placeholder]
    prefixes = tuple(dict.fromkeys(each.triple.prefix for each in real))
    commented = {prefix: [e for e in real if e.triple.prefix == prefix and e.triple.commented] for prefix in prefixes}
    live = {prefix: [e for e in real if e.triple.prefix == prefix and not e.triple.commented] for prefix in prefixes}
    past = {
        prefix: [e for e in former if e.triple.prefix == prefix and not e.triple.placeholder] for prefix in prefixes
    }
    models = {
        prefix: next((e.triple.model for e in (*reversed(past[prefix]), *live[prefix]) if e.triple.model), "")
        for prefix in prefixes
    }
    spare = {
        prefix: [book.name(each, models[prefix], backup=True) for each in commented[prefix]] for prefix in prefixes
    }
    for prefix in prefixes:
        was = [book.name(each, models[prefix], backup=False) for each in reversed(past[prefix])][::-1]
        now = [book.name(each, models[prefix], backup=False) for each in live[prefix]]
        # What a person wrote as live comes first; a backup that is live now was put there by a switch.
        own = [name for name in (*now, *was) if name not in spare[prefix]]
        name = _engine_name(prefix)
        title = _TITLES.get(prefix, prefix.title().replace("_", ""))
        engines[name] = Engine(name, title, path, prefix, tuple(dict.fromkeys((*own, *spare[prefix]))))
    if not engines:
        raise ConfigError(
            f"TARGET_ENV_FILE {path} holds no NAME_API_KEY, NAME_BASE_URL, NAME_MODEL_NAME triple: name the application's own .env."
        )
    if env_keys.triples(path) != found:
        # Addresses of one moment with keys of the next would send a key to a stranger.
        raise ConfigError(f"TARGET_ENV_FILE {path} was changed while it was read: start again.")
    return replace(base or Team(), routes=book.routes, engines=engines)


def bound(team: Team, keys: Keys, backups: Path) -> Team:
    """Routes whose key is a live variable of an application's file, after a switch has put another route's values there.

    The variable then holds another key, mostly for another address. The route gets the key that stood beside its own address
    before, from the newest backup that has it; without one it gets none, and says so.
    """
    others = {keys.fingerprint(r.key) for r in team.routes.values() if r.key and not _live(r)} - {""}
    routes = {
        name: _bound(route, keys, backups, others) if _live(route) else route for name, route in team.routes.items()
    }
    return replace(team, routes=routes)


def _live(route: Route) -> bool:
    ref = route.key
    return ref is not None and ref.env_file is not None and ref.line is None and (ref.env or "").endswith("_API_KEY")


def _bound(route: Route, keys: Keys, backups: Path, others: Set[str]) -> Route:
    ref = route.key
    if ref is None or ref.env is None or ref.env_file is None:
        return route
    prefix = ref.env.removesuffix("_API_KEY")
    try:
        address = env_keys.values_of(ref.env_file).get(f"{prefix}_BASE_URL")
    except ConfigError:
        return route  # said at the start, by name
    stranger = bool(address) and _host(address or "") != _host(route.base_url)
    if not stranger and keys.fingerprint(ref) not in others:
        return route
    for place, triple in env_keys.former_triples(ref.env_file, backups):
        own = triple.key_ref(place)
        if (
            triple.prefix == prefix
            and triple.base_url.rstrip("/") == route.base_url.rstrip("/")
            and triple.model in ("", route.model or triple.model)
            and keys.fingerprint(own) not in others
        ):
            return replace(route, key=own)
    return replace(route, key=replace(ref, moved=True)) if stranger else route


def _host(address: str) -> tuple[str, str]:
    parts = urlsplit(address.strip())
    return parts.scheme.lower(), parts.netloc.lower()


class _Book:
    """Routes by name; the same key, address and model are one route."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._seen: dict[tuple[str, str, str], str] = {}
        self.routes: dict[str, Route] = {}

    def name(self, found: _Found, model: str, *, backup: bool) -> str:
        triple = found.triple
        ref = triple.key_ref(found.place)
        address, model = triple.base_url.rstrip("/"), triple.model or model
        identity = (address, model, self._keys.fingerprint(ref))
        if identity not in self._seen:
            name = _route_name(triple.base_url, backup, self.routes)
            self._seen[identity] = name
            self.routes[name] = Route(name, address, model, "", ref)
        return self._seen[identity]


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
