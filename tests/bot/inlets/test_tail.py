"""A file that is followed through everything that happens to log files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.inlets import tail as module
from bot.inlets.tail import Mark, Tail


class Log:
    """One log file, and who follows it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "query.log"
        self.tail = Tail(self.path)

    def write(self, *lines: str, end: str = "\n") -> None:
        with self.path.open("a", encoding="utf-8") as out:
            out.write("".join(f"2026-11-22 09:00:00 ERROR {line}{end}" for line in lines))

    def seen(self, looks: int = 2) -> list[str]:
        """What two looks find: the second one finds the file at rest and lets go of what was held back."""
        records = [record for _ in range(looks) for record in self.tail.look()]
        return [record.text.decode().removeprefix("2026-11-22 09:00:00 ERROR ") for record in records]

    def restart(self) -> None:
        """Another process goes on where this one was."""
        place = self.tail.place()
        self.tail.close()
        self.tail = Tail(self.path, Mark.of(place.as_json()) if place else None)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    log = Log(tmp_path)
    yield log
    log.tail.close()


def test_missing_at_first_then_from_its_beginning(log: Log) -> None:
    assert log.seen() == []
    assert log.tail.fault == ""
    log.write("one", "two")
    assert log.seen() == ["one", "two"]


def test_a_half_written_line_waits_for_its_end(log: Log) -> None:
    log.write("one", end="")
    assert log.seen() == []
    with log.path.open("a") as out:
        out.write(" and a half\n")
    assert log.seen() == ["one and a half"]


def test_renamed_away_while_the_program_still_writes_to_it(log: Log) -> None:
    log.write("one")
    assert log.seen() == ["one"]
    with log.path.open("a") as program:
        log.path.rename(log.path.with_name("query.log.1"))
        program.write("2026-11-22 09:00:00 ERROR late\n")
        program.flush()
        assert log.seen() == ["late"]
        log.write("new")
        program.write("2026-11-22 09:00:00 ERROR latest\n")
        program.flush()
        assert sorted(log.seen()) == ["latest", "new"]
    assert log.seen(20) == []
    assert log.tail._old == []


def test_cut_to_nothing_and_written_anew(log: Log) -> None:
    log.write("one", "two")
    assert log.seen() == ["one", "two"]
    os.truncate(log.path, 0)
    log.write("three")
    assert log.seen() == ["three"]


def test_cut_and_longer_than_before_at_the_next_look(log: Log) -> None:
    log.write("one")
    assert log.seen() == ["one"]
    os.truncate(log.path, 0)
    log.write("a much longer one than the first", "and more of it", "and more")
    assert log.seen() == ["a much longer one than the first", "and more of it", "and more"]


def test_copied_and_cut_with_lines_that_were_not_read_yet(log: Log) -> None:
    log.write("one that was read, long enough to be known again in the copy")
    assert len(log.seen()) == 1
    log.write("unread")
    log.path.with_name("query.log.1").write_bytes(log.path.read_bytes())
    os.truncate(log.path, 0)
    log.write("new")
    assert log.seen() == ["unread", "new"]


def test_a_restart_goes_on_and_an_unfinished_record_is_read_again(log: Log) -> None:
    log.write("one")
    assert log.seen() == ["one"]
    log.write("two")
    assert log.seen(1) == []  # held back: a traceback may follow
    log.restart()
    log.write("three")
    assert log.seen() == ["two", "three"]
    log.restart()
    assert log.seen() == []


@pytest.mark.parametrize("name", ["query.log.1", "query.2026-11-22_09-00-00_123456.log", "query.log-20261122"])
def test_rotated_while_nobody_looked(log: Log, name: str) -> None:
    log.write("one that was read, long enough to be known again whatever its file is called")
    assert len(log.seen()) == 1
    place = log.tail.place()
    log.tail.close()
    log.write("unread")
    log.path.rename(log.path.with_name(name))
    log.write("new")
    log.tail = Tail(log.path, place)
    assert log.seen() == ["unread", "new"]


def test_replaced_by_another_file_while_nobody_looked(log: Log) -> None:
    log.write("one")
    assert log.seen() == ["one"]
    place = log.tail.place()
    log.tail.close()
    log.path.unlink()
    log.write("two of a new file", "three")
    log.tail = Tail(log.path, place)
    assert log.seen() == ["two of a new file", "three"]


def test_what_is_there_already_can_be_left_alone(log: Log) -> None:
    log.write("history")
    log.tail = Tail(log.path, from_end=True)
    assert log.seen() == []
    log.write("news")
    assert log.seen() == ["news"]


def test_far_behind_it_goes_on_nearer_to_the_end(log: Log) -> None:
    log.tail = Tail(log.path)
    line = "x" * 990
    with log.path.open("w") as out:
        out.write(f"2026-11-22 09:00:00 ERROR {line}\n" * (module.BEHIND // 1000 + 500))
    seen = log.seen()
    assert 0 < len(seen) < 1_100
    assert log.tail.skipped > module.BEHIND - module.AT_ONCE
    log.write("last")
    assert log.seen() == ["last"]


def test_a_folder_and_a_pipe_say_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("folder", "pipe"):
        tail = Tail(tmp_path / name)
        assert tail.look() == []
        assert tail.fault
        tail.close()
