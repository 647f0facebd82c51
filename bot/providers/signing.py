"""Signatures of the clouds, as pure functions: (draft, access key id, secret, now) -> headers to add.

Checked against the vendors' published examples in tests/bot/providers/test_signing.py. The secret never leaves as such.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import parse_qsl, quote, urlsplit

from bot.providers.base import Draft, Signer


def _sha(content: bytes | str) -> str:
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()


def _mac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _query(url: str) -> str:
    pairs = sorted(
        (quote(k, safe="-_.~"), quote(v, safe="-_.~"))
        for k, v in parse_qsl(urlsplit(url).query, keep_blank_values=True)
    )
    return "&".join(f"{k}={v}" for k, v in pairs)


def _path(url: str) -> str:
    return quote(urlsplit(url).path or "/", safe="/-_.~")


def _canonical(method: str, url: str, headers: Sequence[tuple[str, str]], body_hash: str) -> tuple[str, str]:
    names = ";".join(name for name, _ in headers)
    lines = "".join(f"{name}:{value.strip()}\n" for name, value in headers)
    return "\n".join((method, _path(url), _query(url), lines, names, body_hash)), names


def tc3(service: str, action: str, version: str) -> Signer:
    """Tencent Cloud, TC3-HMAC-SHA256 with content-type and host signed."""

    def sign(draft: Draft, identity: str, secret: str, now: datetime) -> Mapping[str, str]:
        stamp, day = str(int(now.timestamp())), now.strftime("%Y-%m-%d")
        kind = draft.headers.get("Content-Type", "application/json; charset=utf-8")
        host = urlsplit(draft.url).netloc
        request, names = _canonical(
            draft.method, draft.url, (("content-type", kind), ("host", host)), _sha(draft.content or b"")
        )
        scope = f"{day}/{service}/tc3_request"
        text = f"TC3-HMAC-SHA256\n{stamp}\n{scope}\n{_sha(request)}"
        key = _mac(_mac(_mac(b"TC3" + secret.encode(), day), service), "tc3_request")
        signature = _mac(key, text).hex()
        return {
            "Authorization": f"TC3-HMAC-SHA256 Credential={identity}/{scope}, SignedHeaders={names}, Signature={signature}",
            "Content-Type": kind,
            "X-TC-Action": action,
            "X-TC-Version": version,
            "X-TC-Timestamp": stamp,
        }

    return sign


def acs3(action: str, version: str, nonce: str = "") -> Signer:
    """Alibaba Cloud, ACS3-HMAC-SHA256. `nonce` is for tests: without it every microsecond has its own."""

    def sign(draft: Draft, identity: str, secret: str, now: datetime) -> Mapping[str, str]:
        body_hash = _sha(draft.content or b"")
        once = nonce or _sha(f"{now.isoformat(timespec='microseconds')} {draft.url} {identity}")[:32]
        headers = (
            ("host", urlsplit(draft.url).netloc),
            ("x-acs-action", action),
            ("x-acs-content-sha256", body_hash),
            ("x-acs-date", now.strftime("%Y-%m-%dT%H:%M:%SZ")),
            ("x-acs-signature-nonce", once),
            ("x-acs-version", version),
        )
        request, names = _canonical(draft.method, draft.url, headers, body_hash)
        signature = _mac(secret.encode(), f"ACS3-HMAC-SHA256\n{_sha(request)}").hex()
        return {
            **dict(headers[1:]),
            "Authorization": f"ACS3-HMAC-SHA256 Credential={identity},SignedHeaders={names},Signature={signature}",
        }

    return sign


def volcengine(service: str, region: str = "cn-north-1") -> Signer:
    """Volcengine, HMAC-SHA256: like AWS Signature 4, but no "AWS4" before the secret and the scope ends in "request"."""

    def sign(draft: Draft, identity: str, secret: str, now: datetime) -> Mapping[str, str]:
        stamp = now.strftime("%Y%m%dT%H%M%SZ")
        kind = draft.headers.get("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
        body_hash = _sha(draft.content or b"")
        headers = (
            ("content-type", kind),
            ("host", urlsplit(draft.url).netloc),
            ("x-content-sha256", body_hash),
            ("x-date", stamp),
        )
        request, names = _canonical(draft.method, draft.url, headers, body_hash)
        scope = f"{stamp[:8]}/{region}/{service}/request"
        text = f"HMAC-SHA256\n{stamp}\n{scope}\n{_sha(request)}"
        key = _mac(_mac(_mac(_mac(secret.encode(), stamp[:8]), region), service), "request")
        return {
            "Authorization": f"HMAC-SHA256 Credential={identity}/{scope}, SignedHeaders={names},"
            f" Signature={_mac(key, text).hex()}",
            "Content-Type": kind,
            "X-Date": stamp,
            "X-Content-Sha256": body_hash,
        }

    return sign


def aws4(service: str, region: str, target: str = "") -> Signer:
    """AWS Signature Version 4 in the Authorization header."""

    def sign(draft: Draft, identity: str, secret: str, now: datetime) -> Mapping[str, str]:
        stamp = now.strftime("%Y%m%dT%H%M%SZ")
        kind = draft.headers.get("Content-Type", "application/x-amz-json-1.1")
        headers = [("content-type", kind), ("host", urlsplit(draft.url).netloc), ("x-amz-date", stamp)]
        if target:
            headers.append(("x-amz-target", target))
        request, names = _canonical(draft.method, draft.url, headers, _sha(draft.content or b""))
        scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
        text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{_sha(request)}"
        key = _mac(_mac(_mac(_mac(b"AWS4" + secret.encode(), stamp[:8]), region), service), "aws4_request")
        added = {
            "Authorization": f"AWS4-HMAC-SHA256 Credential={identity}/{scope}, SignedHeaders={names},"
            f" Signature={_mac(key, text).hex()}",
            "Content-Type": kind,
            "X-Amz-Date": stamp,
        }
        return {**added, "X-Amz-Target": target} if target else added

    return sign


def bce(signed: tuple[str, ...] = ("host", "x-bce-date"), seconds: int = 1800) -> Signer:
    """Baidu Cloud, bce-auth-v1. Header values are percent-encoded before signing, colons too."""

    def sign(draft: Draft, identity: str, secret: str, now: datetime) -> Mapping[str, str]:
        stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
        present = {name.lower(): value for name, value in draft.headers.items()}
        present |= {"host": urlsplit(draft.url).netloc, "x-bce-date": stamp}
        prefix = f"bce-auth-v1/{identity}/{stamp}/{seconds}"
        key = _mac(secret.encode(), prefix).hex()
        lines = sorted(f"{name}:{quote(present[name].strip(), safe='-_.~')}" for name in signed)
        request = "\n".join((draft.method, _path(draft.url), _query(draft.url), "\n".join(lines)))
        signature = _mac(key.encode(), request).hex()
        return {"Authorization": f"{prefix}/{';'.join(sorted(signed))}/{signature}", "x-bce-date": stamp}

    return sign
