"""Slack's Web API and response URLs: one call, one answer, or a DeliveryError that says what it means."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.chats.pace import RATE_LIMITED
from bot.errors import DeliveryError
from bot.model.team import Secret
from bot.trust import Trust

Json = dict[str, Any]

# The libraries log payloads and addresses before the gate has seen them; what matters is said by our own log.
SILENT: Final = logging.Logger("slack", logging.CRITICAL)

CALL_S: Final = 10.0
RESPOND_S: Final = 5.0

REFUSED_CONTENT: Final = "refused_content"
REFUSED_TOKEN: Final = "refused_token"  # noqa: S105 a machine word, no token
_CONTENT = frozenset(
    [
        "invalid_blocks",
        "msg_too_long",
        "msg_blocks_too_long",
        "invalid_arguments",
        "no_text",
        "invalid_blocks_format",
        "invalid_array_arg",
        "invalid_attachments",
        "cannot_parse_attachment",
        "invalid_metadata_format",
    ]
)
_TOKEN = frozenset(
    ["invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive", "no_permission"]
)
_LATER = frozenset(
    [
        "internal_error",
        "fatal_error",
        "service_unavailable",
        "request_timeout",
        "team_added_to_org",
        "rollup_error",
        "ekm_access_denied",
    ]
)


class Wire:
    """`trouble`: the last machine word of a token or network fault, "" when the last call went well."""

    def __init__(self, token: Secret, api_url: str, *, proxy: str | None = None, trust: Trust | None = None) -> None:
        self._token, self._api_url, self._proxy, self._trust = token, api_url, proxy, trust or Trust()
        self._session: aiohttp.ClientSession | None = None
        self.client = AsyncWebClient(
            token=token.reveal(),
            base_url=api_url,
            timeout=int(CALL_S),
            retry_handlers=[],  # a repeated chat.postMessage would stand twice
            logger=SILENT,
        )
        self.client.proxy = proxy  # the library would take it from the environment
        self.trouble = ""
        self.counts: Counter[str] = Counter()

    async def open(self) -> None:
        if self._api_url.startswith("https:"):
            await self._trust.at_hand()
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=CALL_S, connect=5),
            connector=aiohttp.TCPConnector(limit=100, keepalive_timeout=30, ssl=self._trust),
            trust_env=False,
        )
        self.client.session = self._session

    @property
    def is_open(self) -> bool:
        """Between `open` and `close`."""
        return self._session is not None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def call(self, method: Callable[..., Awaitable[Any]], /, **args: Any) -> Json:
        """`method` is one of `client`'s. Returns the answer's body; raises DeliveryError."""
        try:
            async with asyncio.timeout(CALL_S):
                answer = await method(**args)
            body = answer.data
        except SlackApiError as fault:
            raise self._refusal(fault) from None
        except (TimeoutError, aiohttp.ServerTimeoutError):
            raise self._lost("timeout") from None
        except aiohttp.ClientConnectorError:
            raise self._lost("unreachable", lost=False) from None
        except (aiohttp.ClientError, OSError) as fault:
            raise self._lost(type(fault).__name__.lower()) from None
        self.trouble = ""
        return body if isinstance(body, dict) else {}

    def _lost(self, reason: str, *, lost: bool = True) -> DeliveryError:
        self.trouble = "unreachable"
        self.counts[reason] += 1
        return DeliveryError(reason, retry_after_s=5, lost=lost)

    def _refusal(self, fault: SlackApiError) -> DeliveryError:
        answer = fault.response
        status = getattr(answer, "status_code", 0)
        data = getattr(answer, "data", None)
        error = str(data.get("error", "")) if isinstance(data, dict) else ""
        self.counts[error or f"http_{status}"] += 1
        if status == 429 or error in ("ratelimited", "rate_limited"):
            return DeliveryError(RATE_LIMITED, retry_after_s=_seconds(getattr(answer, "headers", {})))
        if error in _TOKEN:
            self.trouble = REFUSED_TOKEN
            return DeliveryError(REFUSED_TOKEN, retry_after_s=300)
        if error in _CONTENT:
            return DeliveryError(REFUSED_CONTENT, final=True)
        if status >= 500 or error in _LATER or not error:
            # Whether it was done cannot be known: Slack says so of fatal_error itself.
            return DeliveryError("server_error", retry_after_s=5, lost=True)
        return DeliveryError(error, final=True)

    async def respond(self, url: str, body: Mapping[str, Any]) -> None:
        """To a response URL. Raises DeliveryError("gone") when it is used up (five times) or too old (30 minutes)."""
        assert self._session is not None
        try:
            async with (
                asyncio.timeout(RESPOND_S),
                self._session.post(url, json=body, proxy=self._proxy, allow_redirects=False) as answer,
            ):
                text = (await answer.content.read(2_000)).decode("utf-8", "replace")
                status, headers = answer.status, answer.headers
        except TimeoutError:
            raise self._lost("timeout") from None
        except aiohttp.ClientConnectorError:
            raise self._lost("unreachable", lost=False) from None
        except (aiohttp.ClientError, OSError) as fault:
            raise self._lost(type(fault).__name__.lower()) from None
        if status == 429:
            raise DeliveryError(RATE_LIMITED, retry_after_s=_seconds(headers))
        if status >= 500:
            raise DeliveryError("server_error", retry_after_s=5, lost=True)
        if any(f'"{word}"' in text or text.strip() == word for word in _CONTENT):
            raise DeliveryError(REFUSED_CONTENT, final=True)
        if status != 200 or '"ok":false' in text.replace(" ", ""):
            raise DeliveryError("gone", final=True)

    async def upload(self, picture: bytes, *, name: str, alt: str, channel: str, thread: str | None) -> None:
        """Three steps: an address, the bytes, the share. The message appears later; its id is not told."""
        assert self._session is not None
        ticket = await self.call(
            self.client.files_getUploadURLExternal, filename=name, length=len(picture), alt_txt=alt
        )
        try:
            async with (
                asyncio.timeout(CALL_S),
                self._session.post(str(ticket["upload_url"]), data=picture, proxy=self._proxy) as answer,
            ):
                if answer.status != 200:
                    raise DeliveryError(f"http_{answer.status}", retry_after_s=5)
        except (TimeoutError, aiohttp.ClientError, OSError) as fault:
            raise self._lost(type(fault).__name__.lower()) from None
        share: Json = {"files": [{"id": ticket["file_id"], "title": alt[:200] or name}], "channel_id": channel}
        if thread:
            share["thread_ts"] = thread
        await self.call(self.client.files_completeUploadExternal, **share)

    async def fetch(self, url: str, most: int) -> bytes:
        """A file that a person attached. Raises DeliveryError: as `stream`, and too_large."""
        body = bytearray()
        async for chunk in self.stream(url):
            body += chunk
            if len(body) > most:
                raise DeliveryError("too_large", final=True)
        return bytes(body)

    async def stream(self, url: str) -> AsyncIterator[bytes]:
        """A file, a piece at a time. The token goes to Slack's own hosts only, and follows no redirect.
        Raises DeliveryError: foreign_host, not_text (the sign-in page), http_<status>."""
        assert self._session is not None
        parts, own = urlsplit(url), urlsplit(self._api_url)
        host = parts.hostname or ""
        same = (parts.scheme, parts.netloc) == (own.scheme, own.netloc)
        if not same and not (parts.scheme == "https" and (host == "slack.com" or host.endswith(".slack.com"))):
            raise DeliveryError("foreign_host", final=True)
        headers = {"Authorization": f"Bearer {self._token.reveal()}"}
        try:
            async with (
                asyncio.timeout(CALL_S * 2),
                self._session.get(url, headers=headers, allow_redirects=False, proxy=self._proxy) as answer,
            ):
                if answer.status != 200:
                    raise DeliveryError(f"http_{answer.status}", final=True)
                if answer.content_type == "text/html":  # the sign-in page: the scope files:read is missing
                    raise DeliveryError("not_text", final=True)
                async for chunk in answer.content.iter_chunked(65_536):
                    yield chunk
        except (TimeoutError, aiohttp.ClientError, OSError) as fault:
            raise self._lost(type(fault).__name__.lower()) from None


def _seconds(headers: Any) -> float:
    try:
        return max(1.0, float(headers.get("Retry-After", headers.get("retry-after", 30))))
    except (TypeError, ValueError):
        return 30.0
