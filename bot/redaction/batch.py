"""`quotadesk redact`: the gate on the command line, and on files as they stream in. Imports little, because it must answer at once."""

from __future__ import annotations

import fcntl
import gc
import os
import sys
from codecs import getincrementaldecoder
from collections.abc import Iterator
from contextlib import suppress
from json.decoder import JSONDecoder
from json.encoder import encode_basestring as _quoted
from typing import BinaryIO, Final

from bot.redaction.engine import redact
from bot.redaction.many import clean_many
from bot.redaction.stream import clean_stream

__all__ = ["clean_stream", "main"]

USAGE: Final = "usage: quotadesk redact [TEXT... | -] [--jsonl]"
_CHUNK: Final = 1 << 18
_JSON: Final = JSONDecoder()
_read_value = _JSON.raw_decode
_read_here = _JSON.scan_once  # type: ignore[attr-defined]


def main(argv: list[str]) -> int:
    """Exit code 0: all cleaned. 1: some item was bad (told on standard error, never echoed). 2: wrong usage."""
    words = argv[1:] if argv[:1] == ["redact"] else list(argv)
    jsonl = "--jsonl" in words
    words = [word for word in words if word != "--jsonl"]
    if any(word in ("-h", "--help") for word in words):
        sys.stdout.write(USAGE + "\n")
        return 0
    if "--" in words:
        words.remove("--")
    elif any(word.startswith("--") for word in words):
        sys.stderr.write("redact knows only --jsonl; write -- before a text that begins with dashes. " + USAGE + "\n")
        return 2
    if jsonl:
        if words not in ([], ["-"]):
            sys.stderr.write("redact --jsonl reads standard input and takes no text. " + USAGE + "\n")
            return 2
        return _guarded(lambda: _rows(sys.stdin.fileno(), sys.stdout.buffer))
    if words in ([], ["-"]):
        return _guarded(lambda: _plain(sys.stdin.buffer, sys.stdout.buffer))
    return _guarded(lambda: _words(" ".join(words), sys.stdout.buffer))


def _guarded(work: object) -> int:
    try:
        return int(work())  # type: ignore[operator]
    except BrokenPipeError:
        # the reader has gone: nobody is left to tell
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _words(text: str, out: BinaryIO) -> int:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        sys.stderr.write("redact: the text is not valid UTF-8\n")
        return 1
    out.write(redact(text)[0].encode("utf-8") + b"\n")
    out.flush()
    return 0


def _plain(source: BinaryIO, out: BinaryIO) -> int:
    """One text on standard input. Bad bytes are replaced and told, the rest goes on."""
    told: list[str] = []
    for piece in clean_stream(_readable(source, told), told):
        out.write(piece.encode("utf-8"))
        out.flush()
    for fault in told:
        sys.stderr.write(f"redact: standard input: {fault}\n")
    return 1 if told else 0


def _readable(source: BinaryIO, told: list[str]) -> Iterator[bytes | str]:
    """The pieces as they come. Of UTF-16 each sign of a key stands apart from the next, so it is read as what it is."""
    pieces = iter(lambda: source.read1(_CHUNK), b"")  # type: ignore[attr-defined]
    first = next(pieces, b"")
    if first.isascii() and 0 not in first:
        yield first
        yield from pieces
        return
    from bot.redaction.decoding import wide_zeros

    if wide := wide_zeros(first):
        told.append("it is UTF-16; what came out is UTF-8")
        decode = getincrementaldecoder(wide)("replace").decode
        yield decode(first)
        for piece in pieces:
            yield decode(piece)
        yield decode(b"", True)
    else:
        yield first
        yield from pieces


def _rows(source: int, out: BinaryIO) -> int:
    """JSON lines, in order. What can be read at once is answered at once, so a slow writer gets each answer when it is due."""
    gc.disable()  # nothing here makes a cycle; looking for them costs a twentieth of the time
    _widen(source)
    _widen(out.fileno())
    rest: list[bytes] = []
    number = 0
    bad = False
    while chunk := os.read(source, _CHUNK):
        end = chunk.rfind(b"\n") + 1
        if not end:
            rest.append(chunk)  # a very long line: it is joined once, at its end
            continue
        block = b"".join((*rest, chunk[:end])) if rest else chunk[:end]
        rest = [chunk[end:]] if end < len(chunk) else []
        bad |= _answer(block, number, out)
        number += block.count(b"\n")
    if rest:
        bad |= _answer(b"".join(rest), number, out)
    return 1 if bad else 0


def _widen(descriptor: int) -> None:
    """Lets a pipe hold as much as is read at once, where the system has such a thing."""
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        with suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _CHUNK)


def _answer(block: bytes, number: int, out: BinaryIO) -> bool:
    """Answers these lines, of which the first is the line after `number`; True when one of them is bad."""
    asked = _Asked(number)
    try:
        asked.lines(block.decode("utf-8"))
    except UnicodeDecodeError:
        for line in block.split(b"\n"):
            asked.line(line)
    if asked.texts:
        answers = clean_many(asked.texts)
        quoted = _quoted_all([clean for clean, _ in answers])
        told = [", ".join([f'"{kind}": {count}' for kind, count in found.items()]).encode() for _, found in answers]
        rows = zip(asked.names, quoted, told, strict=True)
        out.write(b"".join([b'{"id": %b, "text": "%b", "found": {%b}}\n' % row for row in rows]))
        out.flush()
    return asked.bad


def _quoted_all(texts: list[bytes]) -> list[bytes]:
    """Each text as it stands between the quotes of a JSON string: all at once, since most signs to escape are in nearly every batch."""
    joined = b"\0".join(texts)
    try:
        joined.decode("utf-8")
    except UnicodeDecodeError:  # a cut went through a character
        joined = b"\0".join([text.decode("utf-8", "replace").encode("utf-8") for text in texts])
    for byte, escaped in _ESCAPES:
        if byte in joined:
            joined = joined.replace(_BYTES[byte], escaped)
    return joined.split(b"\0")


_ESCAPES: Final = tuple((ord(sign), _quoted(sign)[1:-1].encode()) for sign in ("\\", '"', *map(chr, range(1, 32))))
_BYTES: Final = [bytes((byte,)) for byte in range(128)]


class _Asked:
    """What was asked in some lines: the rows' names, as JSON, and their texts, both in UTF-8."""

    __slots__ = ("_number", "bad", "names", "texts")

    def __init__(self, number: int) -> None:
        self._number = number
        self.names: list[bytes] = []
        self.texts: list[bytes] = []
        self.bad = False

    def lines(self, block: str) -> None:
        """A row that is as it should be is read where it stands; all others one by one."""
        names, texts = self.names, self.texts
        at, size = 0, len(block)
        while at < size:
            stop = block.find("\n", at)
            if stop < 0:
                stop = size
            try:
                row, end = _read_here(block, at)
                if end == stop and type(row) is dict:
                    name, text = row["id"], row["text"]
                    if type(name) is str and type(text) is str and "\0" not in text:
                        named = _quoted(name).encode("utf-8")
                        texts.append(text.encode("utf-8"))
                        names.append(named)
                        self._number += 1
                        at = stop + 1
                        continue
            except (StopIteration, ValueError, KeyError, RecursionError):
                pass
            self.line(block[at:stop])
            at = stop + 1

    def line(self, line: bytes | str) -> None:
        """One line, whatever is in it. A bad one is told, never echoed."""
        self._number += 1
        fault = ""
        try:
            row_of_line = (line if isinstance(line, str) else line.decode("utf-8")).strip()
            if not row_of_line:
                return
            row, end = _read_value(row_of_line)
            if end != len(row_of_line):
                fault = "is not one JSON object"
            elif type(row) is not dict:
                fault = "is not a JSON object"
            else:
                name, text = row.get("id"), row.get("text")
                if type(text) is not str:
                    fault = 'has no "text" that is a string'
                elif type(name) is not str and type(name) is not int:
                    fault = 'has no "id" that is a string'
                elif "\0" in text:
                    fault = "holds a NUL character"
                else:
                    named = (_quoted(name) if type(name) is str else str(name)).encode("utf-8")
                    self.texts.append(text.encode("utf-8"))
                    self.names.append(named)
                    return
        except UnicodeDecodeError:
            fault = "is not valid UTF-8"
        except UnicodeEncodeError:
            fault = "holds half of a surrogate pair"
        except (ValueError, RecursionError):
            fault = "is not JSON"
        sys.stderr.write(f"redact: line {self._number} {fault}\n")
        self.bad = True


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
