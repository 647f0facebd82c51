"""Which addresses may be asked at all."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from urllib.parse import urljoin, urlsplit

from bot.errors import BadAnswer, Unreachable

_METADATA_NAMES = frozenset(
    {"metadata.google.internal", "metadata", "instance-data", "metadata.azure.internal", "metadata.tencentyun.com"}
)
# Link-local is refused as a whole; these answer with cloud credentials on other ranges.
_METADATA = frozenset(
    ipaddress.ip_address(text) for text in ("100.100.100.200", "fd00:ec2::254", "168.63.129.16", "192.0.0.192")
)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _inner(address: _Address) -> _Address:
    """The IPv4 address inside a mapped or translated IPv6 one: it is where the packets really go."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return address.ipv4_mapped
        if address.sixtofour:
            return address.sixtofour
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def allowed(addresses: Iterable[str], *, private_only: bool) -> str:
    """ "" if all addresses may be asked, else the machine word: forbidden_address or not_https."""
    for text in addresses:
        address = _inner(ipaddress.ip_address(text.split("%")[0]))
        if address.is_link_local or address.is_multicast or address in _METADATA:
            return "forbidden_address"
        if private_only and address.is_global:
            return "not_https"
    return ""


def metadata_name(host: str) -> bool:
    """Names behind which a cloud hands out its credentials."""
    return host.rstrip(".").lower() in _METADATA_NAMES


def sane(url: str) -> None:
    """What can be told before resolving; behind a proxy it is all that can be told. Raises Unreachable."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".").lower()
        _ = parts.port
    except ValueError:
        raise Unreachable("bad_address") from None
    if parts.scheme not in {"http", "https"} or not host or parts.username or parts.password:
        raise Unreachable("bad_address")
    if metadata_name(host):
        raise Unreachable("forbidden_address")
    try:
        word = allowed([host], private_only=False)
    except ValueError:
        return  # a name: looked at once it is resolved
    if word:
        raise Unreachable(word)


def next_hop(method: str, status: int, url: str, location: str) -> str:
    """Where the same host sends us; another scheme, host or port is never followed, so the key stays where it belongs.
    Raises BadAnswer."""
    target = urljoin(url, location)
    old, new = urlsplit(url), urlsplit(target)
    if (old.scheme, old.hostname, old.port) != (new.scheme, new.hostname, new.port):
        raise BadAnswer("redirect")
    if method != "GET" and status not in {307, 308}:
        raise BadAnswer("redirect")
    return target
