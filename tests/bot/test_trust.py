"""Who is believed, and when the lists are read."""

from __future__ import annotations

import ssl

import certifi

from bot.trust import Trust


def test_the_lists_are_read_before_the_first_handshake_and_not_earlier() -> None:
    trust = Trust()
    assert trust.cert_store_stats()["x509"] == 0
    assert trust.verify_mode is ssl.CERT_REQUIRED
    assert trust.check_hostname
    trust.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="api.example.com")
    usual = ssl.create_default_context(cafile=certifi.where())
    usual.load_default_certs()
    assert trust.cert_store_stats() == usual.cert_store_stats()
    assert trust.verify_flags == usual.verify_flags
    assert trust.minimum_version == usual.minimum_version


async def test_they_are_read_once() -> None:
    trust = Trust()
    await trust.at_hand()
    before = trust.cert_store_stats()
    assert before["x509_ca"] > 50
    await trust.at_hand()
    assert trust.cert_store_stats() == before
