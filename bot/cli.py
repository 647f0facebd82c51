"""The command line of the contract: thin. Every command loads what it needs when it runs."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from bot import ending

app = typer.Typer(
    name="quotadesk",
    help="The help desk for AI quotas: balances, diagnosis, switching, escalation in Slack, Telegram and the terminal.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
db = typer.Typer(help="The database.", no_args_is_help=True)
app.add_typer(db, name="db")


def _language(value: str | None) -> str | None:
    """A catalogue under bot/locales/; whoever adds one file has added a language."""
    if value is None:
        return None
    from bot.locales import languages

    if value not in languages():
        raise typer.BadParameter(f"choose one of: {', '.join(languages())}.")
    return value


Lang = Annotated[
    str | None, typer.Option("--lang", callback=_language, metavar="[zh|en]", help="Language of the answers.")
]
Json = Annotated[bool, typer.Option("--json", help="For scripts.")]


def main() -> int:
    """Runs the command; configuration and usage faults are one line each on standard error, exit code 2."""
    try:
        result = app(standalone_mode=False)
        return result if isinstance(result, int) else 0
    except typer.Exit as fault:
        return int(fault.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except Exception as fault:
        if (show := getattr(fault, "show", None)) and (code := getattr(fault, "exit_code", None)) is not None:
            show()  # Typer's own usage errors
            return int(code)
        return ending.of(fault)


def _run(work: Coroutine[Any, Any, int]) -> int:
    return asyncio.run(work)


@app.command()
def run() -> int:
    """Start Slack, Telegram and the HTTP server, as configured; without tokens the terminal chat on the demo team."""
    from bot import faces

    return _run(faces.run())


@app.command()
def console(
    lang: Lang = None,
    as_: Annotated[Literal["member", "operator"], typer.Option("--as", help="Whose rights.")] = "operator",
) -> int:
    """The same commands in a terminal; one command a line when standard input is no terminal."""
    from bot import faces

    return _run(faces.console(lang=lang, role=as_, demo=False))


@app.command()
def demo(
    lang: Lang = None,
    as_: Annotated[Literal["member", "operator"], typer.Option("--as", help="Whose rights.")] = "operator",
) -> int:
    """The console on the demo team, whatever is configured."""
    from bot import faces

    return _run(faces.console(lang=lang, role=as_, demo=True))


@app.command()
def diagnose(
    text: Annotated[list[str] | None, typer.Argument(help="The error, or - for standard input.")] = None,
    lang: Lang = None,
    as_json: Json = False,
    jsonl: Annotated[bool, typer.Option("--jsonl", help='One {"id","text"} a line in, one answer a line out.')] = False,
) -> int:
    """Explain an error with no network at all."""
    from bot import oneshot

    words = list(text or [])
    if as_json or jsonl:
        from bot.batch_diagnose import main as batch

        flags = (["--json"] if as_json else []) + (["--jsonl"] if jsonl else []) + (["--lang", lang] if lang else [])
        return batch([*flags, *words])
    from bot.redaction.decoding import decoded

    return oneshot.explain(decoded(sys.stdin.buffer.read()) if words in ([], ["-"]) else " ".join(words), lang)


@app.command()
def redact(
    text: Annotated[list[str] | None, typer.Argument(help="The text, or - for standard input.")] = None,
    jsonl: Annotated[bool, typer.Option("--jsonl", help='One {"id","text"} a line in, one answer a line out.')] = False,
) -> int:
    """Print the text without its secrets."""
    from bot.redaction.batch import main as batch

    return batch([*(["--jsonl"] if jsonl else []), *(text or [])])


@app.command()
def balance(
    names: Annotated[list[str] | None, typer.Argument(metavar="[ENGINE|ROUTE]...")] = None,
    as_json: Json = False,
    lang: Lang = None,
) -> int:
    """Live balances. Exit 1 if an account is blocked or could not be checked."""
    from bot import oneshot

    return _run(oneshot.balance(names or [], machine=as_json, lang=lang))


@app.command()
def switch(
    engine: Annotated[str, typer.Argument()],
    route: Annotated[str | None, typer.Argument()] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan, change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Take the last switch back.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Also to a route that looks dead.")] = False,
    as_json: Json = False,
    lang: Lang = None,
) -> int:
    """Move an engine to another route: rehearsed, verified, reversible."""
    from bot import oneshot

    return _run(
        oneshot.switch(engine, route, dry_run=dry_run, yes=yes, undo=undo, force=force, machine=as_json, lang=lang)
    )


@app.command()
def init(
    lang: Lang = None,
    zone: Annotated[str | None, typer.Option("--zone", help="The team's time zone, like Asia/Shanghai.")] = None,
    app_env: Annotated[
        str | None, typer.Option("--app-env", help="The application's .env with its engines and keys.")
    ] = None,
    operators: Annotated[
        str | None, typer.Option("--operators", help="Who may switch: slack:U0ADMIN telegram:1001")
    ] = None,
    members: Annotated[str | None, typer.Option("--members", help="Who may ask: slack:*")] = None,
    support: Annotated[str | None, typer.Option("--support", help="Support chats: slack:C0SUPPORT")] = None,
    keys: Annotated[
        Literal["copy", "reference"],
        typer.Option("--keys", help="Copy the application's keys into .env, or read them from its file."),
    ] = "copy",
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Ask nothing; tokens come from the environment, never from flags.")
    ] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Replace what is set already; it is kept.")] = False,
    checks: Annotated[bool, typer.Option("--check/--no-check", help="Run `quotadesk check` at the end.")] = True,
) -> int:
    """Six questions, then .env and the team file, then the checks."""
    from bot import checkup, whereabouts
    from bot import init as first
    from bot.locales import Words

    config = Path(os.environ.get("CONFIG_FILE") or "quotadesk.toml")
    options = first.Options(lang, zone, app_env, operators, members, support, keys, yes, replace, config)
    code, language = first.run(options, whereabouts.language())
    if code or not checks:
        return code
    typer.echo("\n" + Words(language).say("init.checks"))
    return _run(checkup.run(as_json=False, lang=language))


@app.command()
def check(
    as_json: Json = False,
    lang: Lang = None,
    send: Annotated[
        bool, typer.Option("--send", help="Send a test message with a button to each support chat.")
    ] = False,
) -> int:
    """Doctor: settings, tokens, scopes, chats, database, env files, every route; each fault with its mend."""
    from bot import checkup

    return _run(checkup.run(as_json=as_json, lang=lang, send=send))


@app.command()
def tickets(as_json: Json = False, lang: Lang = None) -> int:
    """What is open."""
    from bot import oneshot

    return _run(oneshot.tickets(machine=as_json, lang=lang))


@app.command()
def audit(as_json: Json = False) -> int:
    """Who did what."""
    from bot import oneshot

    return _run(oneshot.audit(machine=as_json))


@app.command()
def cases(as_json: Json = False, lang: Lang = None) -> int:
    """Errors that somebody called wrongly explained: candidates for new signatures, redacted."""
    from bot import oneshot

    return _run(oneshot.cases(machine=as_json, lang=lang))


@app.command("slack-manifest")
def slack_manifest(
    public_url: Annotated[
        str | None,
        typer.Option("--public-url", help="Where Slack reaches the bot (HTTP mode); without it: Socket Mode."),
    ] = None,
) -> int:
    """Print the Slack app manifest for this configuration."""
    from bot import oneshot

    typer.echo(oneshot.slack_manifest(public_url))
    return 0


@db.command("upgrade")
def upgrade() -> int:
    """Migrations (also run at start, under a lock)."""
    from bot import oneshot_database

    return _run(oneshot_database.upgrade())


@db.command("backup")
def backup(file: Annotated[Path, typer.Argument(help="A new file; it gets mode 0600.")]) -> int:
    """Keep the whole database in one file, while the bot runs. Keys are not in it: they are never stored."""
    from bot import oneshot_database

    return _run(oneshot_database.backup(file))


@db.command("restore")
def restore(file: Annotated[Path, typer.Argument(help="What `db backup` wrote.")]) -> int:
    """Fill an empty database from a backup. The bot must not run."""
    from bot import oneshot_database

    return _run(oneshot_database.restore(file))


@db.command("copy")
def copy(
    to: Annotated[
        str, typer.Option("--to-env", help="The variable that holds the other DATABASE_URL.")
    ] = "TARGET_DATABASE_URL",
) -> int:
    """Copy everything from DATABASE_URL to another, empty database, such as from SQLite to PostgreSQL. The bot must not run."""
    from bot import oneshot_database

    return _run(oneshot_database.copy(to))
