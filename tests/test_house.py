"""The house keeps its shape: imports point inward, settings and commands are documented, both languages are complete."""

from __future__ import annotations

import ast
import functools
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# room -> rooms it may import from. Shelves know the model only; app.py and the command line may know all.
ALLOWED = {
    "bot.model": set(),
    "bot.errors": set(),
    "bot.clock": set(),
    "bot.trust": set(),
    "bot.ports": {"bot.model", "bot.errors"},
    "bot.redaction": {"bot.model", "bot.errors"},
    "bot.signatures": {"bot.model", "bot.errors"},
    "bot.providers": {"bot.model", "bot.errors"},
    "bot.locales": {"bot.model", "bot.errors"},
    "bot.services": {"bot.model", "bot.errors", "bot.ports", "bot.signatures", "bot.providers"},
    "bot.charts": {"bot.model"},
    "bot.web": {"bot.model", "bot.errors", "bot.ports", "bot.trust"},
    "bot.server": {"bot.model", "bot.errors", "bot.ports"},
    "bot.store": {"bot.model", "bot.errors", "bot.ports"},
    "bot.outlets": {"bot.model", "bot.errors", "bot.ports", "bot.locales"},
    "bot.inlets": {"bot.model", "bot.errors", "bot.ports"},
    "bot.chats": {"bot.model", "bot.errors", "bot.ports", "bot.redaction", "bot.locales", "bot.trust"},
    "handlers": {"bot.model", "bot.errors", "bot.services", "bot.locales", "bot.ports", "bot.providers", "bot.charts"},
}
JOINERS = {
    "bot.app",
    "bot.cli",
    "bot.__main__",
    "bot.checkup",
    "bot.checkup_chats",
    "bot.checkup_inlets",
    "bot.tracing",
    "bot.oneshot",
    "bot.oneshot_database",
    "bot.oneshot_json",
    "bot.faces",
    "bot.fittings",
    "bot.logging_setup",
    "bot.offers",
    "bot.preflight",
    "bot.replica",
    "bot.batch_diagnose",
    "bot.demo",
    "bot.ending",
    "bot.lean",
    "bot.settings",
    "bot.team_file",
    "bot.team_operations",
    "bot.team_values",
    "bot.metrics",
    "bot.init",
    "bot.init_file",
    "bot.whereabouts",
}


def room_of(module: str) -> str | None:
    for room in (*ALLOWED, *JOINERS):
        if module == room or module.startswith(room + "."):
            return room
    return None


def modules() -> Iterator[tuple[str, Path]]:
    for top in ("bot", "handlers"):
        for path in sorted((ROOT / top).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(p for p in parts if p != "__init__"), path


@functools.cache
def imports(path: Path) -> tuple[str, ...]:
    """Imports at run time; those under TYPE_CHECKING only name types."""
    found: list[str] = []
    todo: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            todo += node.orelse
        elif isinstance(node, ast.Import):
            found += (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found += (f"{node.module}.{alias.name}" for alias in node.names)
        elif not isinstance(node, ast.expr):  # an expression holds no statement
            todo += ast.iter_child_nodes(node)
    return tuple(found)


def test_imports_point_inward() -> None:
    wrong = []
    for name, path in modules():
        room = room_of(name)
        assert room or name == "bot", f"{name} lies in no known room: add it to the picture"
        if room is None or room in JOINERS:
            continue
        for imported in imports(path):
            other = room_of(imported)
            if imported.startswith(("bot.", "handlers")) and other != room and other not in ALLOWED[room]:
                wrong.append(f"{name} imports {imported}")
    assert wrong == []


def untold(node: ast.Module | ast.ClassDef, name: str, doors: frozenset[str] = frozenset()) -> Iterator[str]:
    """Public classes, functions and methods without a docstring, by their whole names. What a door's method does is told there."""
    for inner in node.body:
        if isinstance(inner, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and not inner.name.startswith("_"):
            a_door = isinstance(node, ast.ClassDef) and inner.name in doors
            if ast.get_docstring(inner) is None and not a_door:
                yield f"{name}.{inner.name}"
            if isinstance(inner, ast.ClassDef):
                yield from untold(inner, f"{name}.{inner.name}", doors)


UNTOLD = ("bot.redaction", "bot.services.reading", "bot.signatures", "bot.chats.excerpt")  # not yet all told


def test_what_rooms_ask_of_each_other_is_told() -> None:
    """Shapes, units, currency, errors: whoever implements a door or calls a service reads nothing else."""
    trees = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in modules()}
    doors = frozenset(
        method.name
        for name, tree in trees.items()
        if room_of(name) == "bot.ports"
        for door in tree.body
        if isinstance(door, ast.ClassDef)
        for method in door.body
        if isinstance(method, (ast.FunctionDef, ast.AsyncFunctionDef))
    )
    absent = [
        each
        for name, tree in trees.items()
        if not name.startswith(UNTOLD)
        for each in untold(tree, name, doors if room_of(name) != "bot.ports" else frozenset())
    ]
    assert absent == []


def test_services_know_no_platform_and_no_library_of_the_edge() -> None:
    edge = ("httpx", "aiohttp", "sqlalchemy", "slack_bolt", "slack_sdk", "telegram", "rich", "typer")
    wrong = [
        f"{name} imports {imported}"
        for name, path in modules()
        if room_of(name) in ("bot.services", "bot.model", "bot.signatures", "bot.providers", "handlers")
        for imported in imports(path)
        if imported.split(".")[0] in edge
    ]
    assert wrong == []


def test_every_setting_is_in_the_example() -> None:
    from bot.settings import Settings

    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    absent = [name.upper() for name in Settings.model_fields if name.upper() not in text]
    assert absent == []


def test_the_example_team_file_is_valid() -> None:
    from bot.team_file import read

    team = read(ROOT / "quotadesk.example.toml")
    assert team.engines["query"].routes[0] == "deepseek"


@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_line_is_missing(language: str) -> None:
    from bot.locales import missing

    assert missing(language) == ()


def test_both_languages_fill_in_the_same_values() -> None:
    """A value that only one language names is a fact the other one's readers never see."""
    catalogues = {
        name: tomllib.loads((ROOT / f"bot/locales/{name}.toml").read_text(encoding="utf-8")) for name in ("en", "zh")
    }

    def values(node: object, path: str = "") -> dict[str, set[str]]:
        if isinstance(node, dict):
            if set(node) <= {"one", "other", "few", "many", "zero", "two"}:
                return {path: set(re.findall(r"{(\w+)", str(node.get("other", ""))))}
            return {k: v for name, child in node.items() for k, v in values(child, f"{path}.{name}").items()}
        return {path: set(re.findall(r"{(\w+)", str(node)))}

    en, zh = values(catalogues["en"]), values(catalogues["zh"])
    assert {key: (en[key], zh[key]) for key in en.keys() & zh.keys() if en[key] != zh[key]} == {}


def test_commands_are_worded_in_help() -> None:
    from bot.locales import Words
    from handlers.router import discover

    for language in ("en", "zh"):
        words = Words(language)
        for command in discover().values():
            if not command.hidden:
                assert words.has(f"help.about.{command.name}"), command.name
                assert words.has(f"help.usage.{command.name}"), command.name


def test_press_ids_are_object_and_verb_and_belong_to_one_command() -> None:
    from handlers.router import discover

    seen: dict[str, str] = {}
    for command in discover().values():
        for action in command.presses:
            assert re.fullmatch(r"[a-z_]+\.[a-z_]+", action), action
            assert action not in seen, f"{action} is in {command.name} and {seen[action]}"
            seen[action] = command.name
    contract = {
        "balance.refresh",
        "switch.confirm",
        "switch.cancel",
        "switch.undo",
        "diagnose.escalate",
        "diagnose.wrong",
        "ticket.ack",
        "ticket.resolve",
        "ticket.snooze",
        "alert.silence",
    }
    assert contract <= set(seen)


def test_no_catalogue_line_uses_ascii_punctuation_between_chinese() -> None:
    text = (ROOT / "bot/locales/zh.toml").read_text(encoding="utf-8")
    values = re.findall(r'=\s*"((?:[^"\\]|\\.)*)"', text)
    wrong = [v for v in values if re.search(r"[\u4e00-\u9fff][,;:?!][\u4e00-\u9fff]", v)]
    assert wrong == []


@pytest.mark.parametrize(("name", "language"), [("README.md", "en"), ("README.zh.md", "zh")])
def test_the_tables_are_generated(name: str, language: str) -> None:
    """Run `python docs/tables.py` after adding a provider or a command."""
    from docs.tables import filled

    text = (ROOT / name).read_text(encoding="utf-8")
    assert filled(text, language) == text


MOST_LINES = 300
LONG = {
    "bot/chats/slack.py": "the adapter's life from start to stop, its events in one table",
    "bot/chats/slack_send.py": "every call of one platform, with its refusals beside it",
    "bot/chats/telegram_send.py": "every call of one platform, with its refusals beside it",
    "bot/init.py": "six questions in their order",
    "bot/outlets/env_text.py": "one grammar: what reads a file has to stand beside what writes it",
    "bot/services/alerts.py": "one state machine; its transitions are read side by side",
    "bot/services/balances.py": "one asking with its memory; parts would share all of it",
    "bot/services/delivery.py": "one short function for each kind of step",
    "bot/services/escalation.py": "one state machine of a ticket: every move in one place",
    "bot/services/rehearsal.py": "every check before a switch, in the order in which they are shown",
    "bot/services/steps.py": "the runner: claim, lease, lanes and retries belong to one invariant",
    "bot/services/switching.py": "a switch from intent to result, with its undo",
    "bot/services/watch.py": "one pass of the watch, from looking to speaking",
    "handlers/switch.py": "one command with its buttons",
    "handlers/tickets.py": "one command with its buttons",
}


def test_a_long_file_has_a_reason() -> None:
    """Before a name is added here: can it be parted along a seam that a reader would look for?"""
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for _, path in modules()}
    without = {name: lines for name, lines in lengths.items() if lines > MOST_LINES and name not in LONG}
    assert without == {}
    assert {name: lines for name, lines in lengths.items() if lines > 600} == {}  # no reason is good enough
    assert [name for name in LONG if not (ROOT / name).exists()] == []
