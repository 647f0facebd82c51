"""What would fail later is said at the start: every fault one sentence, naming the setting and the mend."""

from __future__ import annotations

from collections.abc import Iterator

from bot.errors import ConfigError, SwitchRefused
from bot.locales.fault_words import fault as fault_of
from bot.locales.fault_words import of_file
from bot.model.team import Team
from bot.outlets import env_text
from bot.ports import Keys


def faults(team: Team, keys: Keys) -> tuple[str, ...]:
    """Env files that are missing or cannot be changed safely, key files that cannot be read."""
    return tuple(dict.fromkeys((*_env_files(team), *_keys(team, keys))))


def _env_files(team: Team) -> Iterator[str]:
    for engine in team.engines.values():
        path = engine.env_file
        if path is None:
            continue
        where = f"[engines.{engine.name}] env_file {path}"
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            yield fault_of("env_absent", where=where)
            continue
        except OSError as fault:
            yield fault_of("env_unread", where=where, why=fault.strerror)
            continue
        try:
            wrong = env_text.faults(data, engine.variables)
        except SwitchRefused as fault:
            wrong = [fault]
        for each in wrong:
            yield fault_of("in_place", where=where, fault=of_file(each, path))


def _keys(team: Team, keys: Keys) -> Iterator[str]:
    for route in team.routes.values():
        for ref in (route.key, route.account_key, route.account_user):
            try:
                keys.read(ref)
            except ConfigError as fault:
                yield from (fault_of("in_route", name=route.name, fault=text) for text in fault.faults)
            except SwitchRefused as fault:
                yield fault_of("in_place", where=f"[routes.{route.name}]", fault=of_file(fault))
            if ref is not None and ref.file is not None and not ref.file.exists():
                yield fault_of("key_file", name=route.name, path=ref.file)
