"""Whom we believe: certifi's authorities and the machine's own, so that a company's CA works. One list for every connection."""

from __future__ import annotations

import asyncio
import ssl
import sys
from threading import Lock
from typing import Any, Self

import certifi


class Trust(ssl.SSLContext):
    """As `ssl.create_default_context()` makes it, but the two lists (80 ms, two megabytes) are read at the first handshake, or
    by `at_hand` before it. Whoever speaks to no https address never needs them."""

    _lock: Lock
    _is_read: bool

    def __new__(cls) -> Self:
        made = super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)  # checks names and certificates from the start
        made._lock, made._is_read = Lock(), False
        if sys.version_info >= (3, 13):
            made.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VERIFY_X509_STRICT
        return made

    def read(self) -> None:
        with self._lock:
            if not self._is_read:
                self.load_verify_locations(certifi.where())
                self.load_default_certs()
                self._is_read = True

    async def at_hand(self) -> None:
        """Reads in a thread, so that nobody else waits for it."""
        if not self._is_read:
            await asyncio.to_thread(self.read)

    def wrap_bio(self, *args: Any, **options: Any) -> ssl.SSLObject:
        """As its parent's, once the lists are read."""
        self.read()
        return super().wrap_bio(*args, **options)

    def wrap_socket(self, *args: Any, **options: Any) -> ssl.SSLSocket:
        """As its parent's, once the lists are read."""
        self.read()
        return super().wrap_socket(*args, **options)
