"""The demo team: the guides' application, five engines and more, routes to the demo's own providers, one `.env` of its own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from bot.demo.world import DemoWorld
from bot.model.engine import Engine, KeyRef, Route
from bot.model.money import Kind, Reading
from bot.model.team import Access, OnCall, Support, Team
from bot.ports import Clock, Store, StoredReading

_ENGINES = {
    # engine: title, prefix, routes in order, the application's sub-app
    "query": ("QueryEngine", "QUERY_ENGINE", ("deepseek-main", "deepseek-backup", "relay", "local"), "query"),
    "media": ("MediaEngine", "MEDIA_ENGINE", ("relay", "aihubmix", "gemini"), "media"),
    "insight": ("InsightEngine", "INSIGHT_ENGINE", ("deepseek-main", "kimi", "deepseek-backup"), "insight"),
    "report": ("ReportEngine", "REPORT_ENGINE", ("kimi", "aihubmix", "gemini"), None),
    "mindspider": ("MindSpider", "MINDSPIDER", ("aihubmix", "deepseek-backup"), None),
    "forum": ("ForumHost", "FORUM_HOST", ("siliconflow", "aihubmix"), None),
}


def environment(world: DemoWorld) -> Mapping[str, str]:
    """The variables that the demo routes name."""
    keys = world.keys
    return {
        "DEMO_DEEPSEEK_KEY": keys.deepseek,
        "DEMO_DEEPSEEK_BACKUP_KEY": keys.deepseek_backup,
        "DEMO_KIMI_KEY": keys.kimi,
        "DEMO_RELAY_KEY": keys.relay,
        "DEMO_RELAY_ACCOUNT": keys.relay_account,
        "DEMO_RELAY_USER": "7",
        "DEMO_AIHUBMIX_KEY": keys.aihubmix,
        "DEMO_SILICONFLOW_KEY": keys.siliconflow,
        "DEMO_GEMINI_KEY": keys.gemini,
    }


def team(world: DemoWorld, folder: Path, *, language: str = "en", timezone: str = "Asia/Shanghai") -> Team:
    """`folder` holds the demo application's `.env`; see `write_env`."""

    def route(name: str, provider: str, server: str, model: str, env: str | None, **more: object) -> Route:
        return Route(name, world.base(server), model, provider, KeyRef(env=env) if env else None, **more)  # type: ignore[arg-type]

    routes = (
        route(
            "deepseek-main",
            "deepseek",
            "deepseek",
            "deepseek-reasoner",
            "DEMO_DEEPSEEK_KEY",
            warn_below={"CNY": Decimal(20)},
        ),
        route(
            "deepseek-backup",
            "deepseek",
            "deepseek",
            "deepseek-reasoner",
            "DEMO_DEEPSEEK_BACKUP_KEY",
            warn_below={"CNY": Decimal(20)},
        ),
        route("kimi", "moonshot", "kimi", "kimi-k2", "DEMO_KIMI_KEY", warn_below={"CNY": Decimal(20)}),
        route(
            "relay",
            "new-api",
            "relay",
            "gemini-2.5-pro",
            "DEMO_RELAY_KEY",
            account_key=KeyRef(env="DEMO_RELAY_ACCOUNT"),
            account_user=KeyRef(env="DEMO_RELAY_USER"),
        ),
        route(
            "aihubmix", "aihubmix", "aihubmix", "gemini-2.5-pro", "DEMO_AIHUBMIX_KEY", warn_below={"USD": Decimal(5)}
        ),
        route("siliconflow", "siliconflow", "siliconflow", "Qwen/Qwen3-30B-A3B", "DEMO_SILICONFLOW_KEY"),
        route("gemini", "gemini", "gemini", "gemini-2.5-pro", "DEMO_GEMINI_KEY"),
        route("local", "ollama", "ollama", "qwen3:8b", None),
    )
    engines = {
        name: Engine(
            name,
            title,
            env_file=folder / "app.env",
            env_prefix=prefix,
            routes=order,
            failover="ask",
            bettafish_url=f"{world.root}/app" if app else None,
            bettafish_app=app,
        )
        for name, (title, prefix, order, app) in _ENGINES.items()
    }
    return Team(
        language=language,
        timezone=timezone,
        routes={r.name: r for r in routes},
        engines=engines,
        access=Access(members=("terminal:*",), operators=("terminal:operator",)),
        support=Support(
            chats=("terminal:support",), owner="platform team", environment="demo", review_after=timedelta(hours=4)
        ),
        oncall=OnCall(people=("terminal:operator",), ack_within=timedelta(minutes=10)),
        people_names={"terminal:operator": "Alice", "terminal:member": "Bob"},
        demo=True,
    )


def write_env(team: Team, keys: Mapping[str, str], path: Path) -> None:
    """An application file as people keep them: comments, quotes, a commented-out backup triple."""
    lines = [
        "# Demo application: the bot rewrites only the three variables of one engine.",
        "HOST=0.0.0.0",
        "PORT=5000",
        "",
    ]
    for engine in team.engines.values():
        key_name, base_name, model_name = engine.variables
        first = team.routes[engine.routes[0]]
        key = keys.get(first.key.env or "", "") if first.key else ""
        lines += [
            f"# {engine.title}",
            f"{key_name}={key}",
            f'{base_name}="{first.base_url}"',
            f"{model_name}={first.model}",
            "",
        ]
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.touch(mode=0o600)
    path.write_text("\n".join(lines), encoding="utf-8")


async def write_history(store: Store, clock: Clock) -> None:
    """A made-up fortnight of readings, so that the board can show a runway."""
    now = clock.now()
    readings: list[StoredReading] = []
    falling = {
        "kimi": (Decimal("18.40"), Decimal("11.00"), "CNY", Kind.ACCOUNT_MONEY),
        "aihubmix": (Decimal("42.10"), Decimal("3.10"), "USD", Kind.KEY_BUDGET),
        "deepseek-backup": (Decimal("120.35"), Decimal("4.20"), "CNY", Kind.ACCOUNT_MONEY),
    }
    for account, (amount, a_day, currency, kind) in falling.items():
        for step in range(56, 0, -1):
            left = amount + a_day * Decimal(step) / 4
            readings.append(StoredReading(account, now - timedelta(hours=6 * step), Reading(kind, left, currency)))
    readings.append(
        StoredReading("siliconflow", now - timedelta(hours=16), Reading(Kind.ACCOUNT_MONEY, Decimal("63.20"), "CNY"))
    )
    await store.add_readings(readings)
