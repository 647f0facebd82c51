"""Typed settings: the only reader of the environment and of the bot's own `.env`. Every fault is listed at once."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.errors import ConfigError
from bot.locales import Words
from bot.locales.fault_words import fault as fault_of
from bot.model.engine import KeyRef
from bot.model.team import Secret


class Settings(BaseSettings):
    """Names as in `.env.example`. Empty strings count as not set."""

    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore", hide_input_in_errors=True)

    slack_bot_token: SecretStr | None = None
    slack_signing_secret: SecretStr | None = None
    slack_app_token: SecretStr | None = None
    slack_api_url: str = "https://slack.com/api/"
    telegram_bot_token: SecretStr | None = None
    telegram_api_url: str = "https://api.telegram.org"
    telegram_webhook_url: str | None = None
    telegram_webhook_secret: SecretStr | None = None
    chat_proxy: SecretStr | None = None
    provider_proxy: SecretStr | None = None
    http_host: str = "127.0.0.1"
    http_port: int = Field(default=8080, ge=0, le=65535)
    database_url: SecretStr = SecretStr("sqlite+aiosqlite:///var/quotadesk.db")
    config_file: Path = Path("quotadesk.toml")
    target_env_file: Path | None = None
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["text", "json"] = "text"
    pagerduty_routing_key: SecretStr | None = None
    pagerduty_events_url: str = "https://events.pagerduty.com/v2/enqueue"
    notify_urls: SecretStr | None = None
    heartbeat_url: SecretStr | None = None
    fingerprint_key: SecretStr | None = None
    otel_exporter_otlp_endpoint: str | None = None
    otel_exporter_otlp_headers: SecretStr | None = None

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("slack_bot_token")
    @classmethod
    def _bot_token(cls, value: SecretStr | None) -> SecretStr | None:
        return _begins(value, "xoxb-", "xoxe.xoxb-")

    @field_validator("slack_app_token")
    @classmethod
    def _app_token(cls, value: SecretStr | None) -> SecretStr | None:
        return _begins(value, "xapp-")

    @field_validator("telegram_bot_token")
    @classmethod
    def _telegram(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            head, colon, body = value.get_secret_value().partition(":")
            if not (colon and head.isdigit() and len(body) >= 30):
                raise ValueError("shape")
        return value

    @field_validator("telegram_webhook_url")
    @classmethod
    def _webhook(cls, value: str | None) -> str | None:
        if value and not (
            value.startswith(("https://", "http://127.0.0.1", "http://localhost"))
            and value.endswith("/telegram/webhook")
        ):
            raise ValueError("shape")
        return value

    @field_validator("telegram_webhook_secret")
    @classmethod
    def _webhook_secret(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            text = value.get_secret_value()
            if not (1 <= len(text) <= 256 and all(c.isascii() and (c.isalnum() or c in "_-") for c in text)):
                raise ValueError("shape")
        return value

    @field_validator("slack_api_url", "telegram_api_url", "pagerduty_events_url", "otel_exporter_otlp_endpoint")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("https://", "http://")):
            raise ValueError("shape")
        return value

    @field_validator("chat_proxy", "provider_proxy")
    @classmethod
    def _proxy(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            parts = urlsplit(value.get_secret_value())
            if parts.scheme != "http" or not parts.hostname or not parts.port or parts.path.strip("/"):
                raise ValueError("shape")
        return value

    @field_validator("otel_exporter_otlp_headers")
    @classmethod
    def _headers(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not all("=" in pair for pair in value.get_secret_value().split(",")):
            raise ValueError("shape")
        return value

    @field_validator("slack_api_url")
    @classmethod
    def _slash(cls, value: str) -> str:
        return value if value.endswith("/") else value + "/"

    @field_validator("telegram_api_url")
    @classmethod
    def _no_slash(cls, value: str) -> str:
        return value.rstrip("/")

    @property
    def slack(self) -> bool:
        """Whether Slack is configured."""
        return self.slack_bot_token is not None

    @property
    def telegram(self) -> bool:
        """Whether Telegram is configured."""
        return self.telegram_bot_token is not None


def _begins(value: SecretStr | None, *prefixes: str) -> SecretStr | None:
    if value is not None and not value.get_secret_value().startswith(prefixes):
        raise ValueError("shape")
    return value


def load() -> Settings:
    """Reads environment and `.env`. Raises ConfigError with one sentence for each wrong setting, never its value."""
    try:
        settings = Settings()
    except ValidationError as fault:
        names = dict.fromkeys(str(error["loc"][0]).upper() for error in fault.errors())
        raise ConfigError(
            *(fault_of("setting", name=name, mend=fault_of(f"mends.{_mend(name)}")) for name in names)
        ) from None
    faults: list[str] = []
    if settings.slack and not (settings.slack_signing_secret or settings.slack_app_token):
        faults.append(fault_of("slack_needs"))
    if settings.slack_app_token and not settings.slack:
        faults.append(fault_of("app_alone"))
    if settings.telegram_webhook_url and not settings.telegram_webhook_secret:
        faults.append(fault_of("webhook_alone"))
    if faults:
        raise ConfigError(*faults)
    return settings


def _mend(name: str) -> str:
    return name if Words("en").has(f"config.mends.{name}") else "usual"


def revealed(value: SecretStr | None) -> str | None:
    """For a library that wants the bare text, like a proxy's address with its password; keys go by `secret`."""
    return value.get_secret_value() if value is not None else None


def secret(value: SecretStr | None) -> Secret | None:
    """None where nothing is set."""
    return Secret(value.get_secret_value()) if value is not None else None


def fingerprint_key(settings: Settings, directory: Path) -> bytes:
    """The team's key for fingerprints: FINGERPRINT_KEY, else a random one kept beside the database (mode 0600)."""
    if settings.fingerprint_key is not None:
        return settings.fingerprint_key.get_secret_value().encode()
    file = directory / "fingerprint.key"
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(secrets.token_bytes(32))
    except FileExistsError:
        pass
    except OSError as fault:
        raise ConfigError(
            f"the folder for {file.name} cannot be written ({fault.strerror}): set DATABASE_URL to a folder that can, or FINGERPRINT_KEY."
        ) from None
    return file.read_bytes()


def database_directory(settings: Settings) -> Path:
    """Where the embedded database lives; `var` for PostgreSQL."""
    url = settings.database_url.get_secret_value()
    if url.startswith("sqlite") and ":///" in url:
        path = url.split(":///", 1)[1].split("?", 1)[0]
        if path and path != ":memory:":
            return Path(path).parent
    return Path("var")


class EnvKeys:
    """Reads keys by reference when they are needed: the process environment wins over the bot's `.env`."""

    def __init__(
        self,
        fingerprint: Callable[[str], str],
        *,
        environ: Mapping[str, str] | None = None,
        env_file: Path | None = Path(".env"),
        values_of: Callable[[Path], Mapping[str, str]] | None = None,
        value_at: Callable[[Path, int, str], str | None] | None = None,
    ) -> None:
        """`values_of` and `value_at` read an application's `.env` (all values; one line, if it still
        holds that variable: lines move when somebody edits the file, and another key must not go out instead)."""
        self._fingerprint = fingerprint
        self._environ = os.environ if environ is None else environ
        self._env_file = env_file
        self._values_of = values_of
        self._value_at = value_at

    def read(self, ref: KeyRef | None) -> Secret | None:
        if ref is None:
            return None
        value = self._raw(ref)
        return Secret(value.strip()) if value and value.strip() else None

    def fingerprint(self, ref: KeyRef | None) -> str:
        found = self.read(ref)
        return self._fingerprint(found.reveal()) if found else ""

    def _raw(self, ref: KeyRef) -> str | None:
        if ref.file is not None:
            try:
                return ref.file.read_text(encoding="utf-8")
            except FileNotFoundError:
                return None
            except (OSError, UnicodeDecodeError) as fault:
                why = getattr(fault, "strerror", None) or "not text"
                raise ConfigError(fault_of("key_file_unread", path=ref.file, why=why)) from None
        if ref.env is None or ref.moved:
            return None
        if ref.env_file is not None:
            if ref.line is not None:
                return self._value_at(ref.env_file, ref.line, ref.env) if self._value_at else None
            return self._values_of(ref.env_file).get(ref.env) if self._values_of else None
        if value := self._environ.get(ref.env):
            return value
        if self._env_file is not None and self._env_file.is_file():
            return dotenv_values(self._env_file, interpolate=False).get(ref.env)
        return None
