"""The licences of everything that is installed, from its own metadata: `python deploy/licences.py`. Exit 1 if one is not allowed.

Nothing is asked of a network. python-telegram-bot is LGPL-3.0: it is used unchanged, as a library of its own that may be replaced.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import Distribution, distributions

ALLOWED = (
    "MIT",
    "MIT-0",
    "MIT-CMU",
    "BSD",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "Apache",
    "Apache-2.0",
    "PSF",
    "PSF-2.0",
    "Python-2.0",
    "ISC",
    "MPL-2.0",
    "HPND",
    "Unlicense",
    "0BSD",
    "CC0-1.0",
    "Zlib",
)
# Weaker rights than the rest, each looked at by a person. LGPL: as a separate, replaceable library.
BY_NAME = {"python-telegram-bot": ("LGPL-3.0",)}
# Where the metadata says nothing: read in the project's own LICENSE file. atheris is for `make fuzz` only and never shipped.
TOLD = {"atheris": ("Apache-2.0",)}
_PATTERNS = (
    (r"\bmit\b(?!-)", "MIT"),
    (r"apache|asl 2", "Apache-2.0"),
    (r"lgpl|lesser general public", "LGPL-3.0"),
    (r"(?<!l)(?<!a)gpl|(?<!lesser )general public", "GPL"),
    (r"mozilla|mpl", "MPL-2.0"),
    (r"bsd", "BSD"),
    (r"python software foundation|psf|python-2", "PSF-2.0"),
    (r"\bisc\b", "ISC"),
    (r"unlicense", "Unlicense"),
    (r"mit-cmu|hpnd|historical permission", "HPND"),
    (r"cc0", "CC0-1.0"),
    (r"zlib", "Zlib"),
)


def licences(found: Distribution) -> tuple[str, ...]:
    """SPDX-like words; empty where the metadata says nothing that can be understood."""
    meta = found.metadata
    said = [meta.get("License-Expression") or ""]
    said += [c.split("::")[-1] for c in meta.get_all("Classifier") or () if c.startswith("License")]
    if not any(said):
        said.append((meta.get("License") or "")[:80])
    names = [name for text in said for pattern, name in _PATTERNS if re.search(pattern, text.lower())]
    return tuple(dict.fromkeys(names)) or TOLD.get(meta["Name"], ())


def main() -> int:
    wrong = 0
    for found in sorted(distributions(), key=lambda d: (d.metadata["Name"] or "").lower()):
        name = found.metadata["Name"]
        has = licences(found)
        good = bool(has) and all(one in ALLOWED or one in BY_NAME.get(name, ()) for one in has)
        wrong += not good
        sys.stdout.write(f"{'' if good else 'NOT ALLOWED  '}{name} {found.version}: {', '.join(has) or 'not told'}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
