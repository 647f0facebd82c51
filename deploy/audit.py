"""Asks OSV (https://osv.dev) whether a locked version has a known vulnerability. Ends with 1 if one has, and names it.

Where the service cannot be reached nothing is known: that is said in a sentence, and the end is 0, so that a build does not depend on
somebody else's machine. Only names and versions of public packages are sent. `OSV_URL` is another address of the same service.
"""

from __future__ import annotations

import json
import os
import re
import sys
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-build.lock", "requirements-fuzz.lock")
URL = "https://api.osv.dev"
TIMEOUT_S = 10
# Known, and why it does not concern us: id -> reason. An entry without a reason is no entry.
ACCEPTED: dict[str, str] = {}


def locked(root: Path = ROOT) -> dict[tuple[str, str], str]:
    """(name, version) -> the first lock file that has it."""
    found: dict[tuple[str, str], str] = {}
    for lock in LOCKS:
        path = root / lock
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        for name, version in re.findall(r"^([A-Za-z0-9._-]+)==([^ ;\\\n]+)", text, re.M):
            found.setdefault((name.lower(), version), lock)
    return found


def ask(url: str, packages: list[tuple[str, str]]) -> list[list[str]]:
    """Ids of the vulnerabilities of each package, in order. Raises OSError (not reached) and ValueError (no usable answer)."""
    queries = [{"package": {"ecosystem": "PyPI", "name": name}, "version": version} for name, version in packages]
    body = json.dumps({"queries": queries}).encode()
    request = urllib.request.Request(f"{url}/v1/querybatch", body, {"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
        results = json.loads(answer.read(20_000_000))["results"]
    if not isinstance(results, list) or len(results) != len(packages):
        raise ValueError("another number of answers than of questions")
    return [[str(one["id"]) for one in (result or {}).get("vulns") or ()] for result in results]


def main() -> int:
    url = os.environ.get("OSV_URL", URL).rstrip("/")
    packages = locked()
    names = list(packages)
    try:
        found = ask(url, names)
    except (OSError, ValueError, KeyError, TypeError) as fault:
        why = getattr(fault, "reason", None) or type(fault).__name__
        print(
            f"Vulnerabilities NOT CHECKED: {url} gave no usable answer ({why}). {len(names)} locked versions wait for the next run."
        )
        return 0
    bad = [(name, id) for name, ids in zip(names, found, strict=True) for id in ids if id not in ACCEPTED]
    for (name, version), id in bad:
        print(f"{packages[name, version]}: {name} {version} has {id}: https://osv.dev/vulnerability/{id}")
    for id, reason in ACCEPTED.items():
        print(f"accepted {id}: {reason}")
    print(f"{len(names)} locked versions asked at {url}: {len(bad)} known vulnerabilities.")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
