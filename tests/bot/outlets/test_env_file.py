"""The file on the disk: bytes, mode, owner, links, locks, full disks."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.errors import SwitchRefused
from bot.model.team import Secret
from bot.outlets.env_backups import backups
from bot.outlets.env_file import EnvFiles

AT = datetime(2026, 11, 22, 2, 44, tzinfo=UTC)
NAMES = ("Q_API_KEY", "Q_BASE_URL", "Q_MODEL_NAME")
OLD = b"# main\r\nexport Q_API_KEY='old'\r\nQ_BASE_URL=https://old.example/v1\nQ_MODEL_NAME=m-old # slow\nOTHER=1"
NEW = b"# main\r\nexport Q_API_KEY='new'\r\nQ_BASE_URL=https://new.example/v1\nQ_MODEL_NAME=m-new # slow\nOTHER=1"
VALUES = {"Q_API_KEY": Secret("new"), "Q_BASE_URL": Secret("https://new.example/v1"), "Q_MODEL_NAME": Secret("m-new")}


@pytest.fixture
def app(tmp_path: Path) -> Path:
    path = tmp_path / "app" / ".env"
    path.parent.mkdir()
    path.write_bytes(OLD)
    path.chmod(0o640)
    return path


@pytest.fixture
def files(tmp_path: Path) -> EnvFiles:
    return EnvFiles(tmp_path / "var" / "backups")


async def switch(files: EnvFiles, app: Path, at: datetime = AT) -> tuple[str, str]:
    async with files.change(app, VALUES, at) as change:
        await change.commit()
        return change.backup, change.digest_after


async def reason_of(files: EnvFiles, app: Path) -> str:
    before = app.read_bytes() if app.exists() else None
    with pytest.raises(SwitchRefused) as caught:
        await switch(files, app)
    assert (app.read_bytes() if app.exists() else None) == before
    assert not list(app.parent.glob("*.tmp"))
    return str(caught.value.facts["reason"])


async def test_only_the_values_change_and_undo_brings_the_very_bytes_back(files: EnvFiles, app: Path) -> None:
    backup, after = await switch(files, app)
    assert app.read_bytes() == NEW
    assert stat.S_IMODE(app.stat().st_mode) == 0o640
    assert Path(backup).read_bytes() == OLD
    assert stat.S_IMODE(Path(backup).stat().st_mode) == 0o600
    async with files.restore(app, backup, after, AT) as change:
        assert change.changed == NAMES
        await change.commit()
    assert app.read_bytes() == OLD
    assert stat.S_IMODE(app.stat().st_mode) == 0o640
    assert sorted(entry.name for entry in app.parent.iterdir()) == [".env", ".env.quotadesk.lock"]


@pytest.mark.skipif(os.getuid() != 0, reason="only root may give files away")
async def test_the_owner_stays(files: EnvFiles, app: Path) -> None:
    os.chown(app, 1234, 2345)
    await switch(files, app)
    assert (app.stat().st_uid, app.stat().st_gid) == (1234, 2345)
    assert app.read_bytes() == NEW


async def test_nothing_happens_without_commit_but_the_backup_is_there_first(files: EnvFiles, app: Path) -> None:
    async with files.change(app, VALUES, AT) as change:
        assert Path(change.backup).read_bytes() == OLD
        assert change.digest_before == await files.digest(app)
    assert app.read_bytes() == OLD


async def test_a_link_stays_a_link_and_the_file_behind_it_changes(files: EnvFiles, app: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.env"
    link.symlink_to(app)
    view = await files.look(link, NAMES)
    assert (view.link, view.path) == (True, app)
    await switch(files, link)
    assert link.is_symlink()
    assert app.read_bytes() == NEW


async def test_what_cannot_be_kept_is_refused(files: EnvFiles, app: Path, tmp_path: Path) -> None:
    assert await reason_of(files, tmp_path / "nowhere.env") == "missing"
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(SwitchRefused):
        await switch(files, tmp_path / "loop")
    with pytest.raises(SwitchRefused) as caught:
        await files.look(app.parent, NAMES)
    assert caught.value.facts["reason"] == "not_a_file"
    os.link(app, tmp_path / "twin")
    assert await reason_of(files, app) == "hard_links"
    (tmp_path / "twin").unlink()
    app.chmod(0o444)
    assert await reason_of(files, app) == "read_only"
    assert [fault.facts["reason"] for fault in (await files.look(app, NAMES)).faults] == ["read_only"]


async def test_one_lock_one_winner(files: EnvFiles, app: Path) -> None:
    results: list[str] = []

    async def press() -> None:
        try:
            async with files.change(app, VALUES, AT) as change:
                async with asyncio.timeout(60):  # the lock is held until all others have met it
                    while len(results) < 49:
                        await asyncio.sleep(0.005)
                await change.commit()
            results.append("won")
        except SwitchRefused as fault:
            results.append(str(fault.facts["reason"]))

    await asyncio.gather(*(press() for _ in range(50)))
    assert (results.count("won"), results.count("busy")) == (1, 49)
    assert app.read_bytes() == NEW


async def test_a_writer_who_does_not_know_the_lock_is_not_overwritten(files: EnvFiles, app: Path) -> None:
    async with files.change(app, VALUES, AT) as change:
        app.write_bytes(OLD + b"\nSAVED_BY_EDITOR=1\n")
        with pytest.raises(SwitchRefused) as caught:
            await change.commit()
    assert caught.value.facts["reason"] == "changed_meanwhile"
    assert app.read_bytes().endswith(b"SAVED_BY_EDITOR=1\n")


async def test_undo_is_refused_where_the_file_has_changed_since(files: EnvFiles, app: Path) -> None:
    backup, after = await switch(files, app)
    app.write_bytes(NEW + b"\nX=1")
    with pytest.raises(SwitchRefused) as caught:
        async with files.restore(app, backup, after, AT):
            pass
    assert caught.value.facts["reason"] == "changed_since"
    assert (await files.backup_values(backup, NAMES))["Q_API_KEY"] == Secret("old")


async def test_only_the_bots_own_backups_can_be_restored(files: EnvFiles, app: Path, tmp_path: Path) -> None:
    stranger = tmp_path / "stranger"
    stranger.write_bytes(b"X=1")
    with pytest.raises(SwitchRefused) as caught:
        async with files.restore(app, str(stranger), await files.digest(app) or "", AT):
            pass
    assert caught.value.facts["reason"] == "backup_gone"


async def test_ten_backups_are_kept_for_each_file(files: EnvFiles, app: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / ".env"
    other.parent.mkdir()
    other.write_bytes(OLD)
    kept_elsewhere, _ = await switch(files, other)
    made = []
    for n in range(13):
        app.write_bytes(OLD)
        made.append((await switch(files, app, AT + timedelta(seconds=n // 2)))[0])
    left = [str(path) for path in backups(app, tmp_path / "var" / "backups")]
    assert left == made[-10:]
    assert Path(kept_elsewhere).exists()


async def test_leftovers_of_a_killed_process_are_cleared(files: EnvFiles, app: Path) -> None:
    (app.parent / ".env.quotadesk-dead.tmp").write_bytes(b"half")
    (app.parent / ".env.other.tmp").write_bytes(b"not ours")
    await switch(files, app)
    assert not (app.parent / ".env.quotadesk-dead.tmp").exists()
    assert (app.parent / ".env.other.tmp").exists()


def test_a_full_disk_leaves_the_file_as_it_was(app: Path, tmp_path: Path) -> None:
    """The kernel refuses to write more than 60 bytes: the same path as a full disk."""
    program = f"""
import asyncio, resource
from datetime import UTC, datetime
from pathlib import Path
from bot.errors import SwitchRefused
from bot.model.team import Secret
from bot.outlets.env_file import EnvFiles
async def main():
    files = EnvFiles(Path({str(tmp_path / "b")!r}))
    try:
        async with files.change(Path({str(app)!r}), {{"Q_API_KEY": Secret("n" * 300)}}, datetime.now(UTC)) as change:
            resource.setrlimit(resource.RLIMIT_FSIZE, (60, 60))
            await change.commit()
    except SwitchRefused as fault:
        print(fault.facts["reason"])
asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == "disk_full"
    assert app.read_bytes() == OLD
    assert not list(app.parent.glob("*.tmp"))


async def test_an_exported_variable_is_found_in_the_running_application(files: EnvFiles, app: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", "print('up', flush=True); input()"],
        cwd=app.parent,
        env={"Q_API_KEY": "x", "PATH": os.environ["PATH"]},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None
    assert child.stdin is not None
    try:
        child.stdout.readline()
        view = await files.look(app, NAMES)
    finally:
        child.stdin.close()
        child.wait(10)
        child.stdout.close()
    assert view.overridden == (("Q_API_KEY", f"process {child.pid}"),)


async def test_a_compose_file_that_sets_the_variable_is_a_hint(app: Path, tmp_path: Path) -> None:
    (app.parent / "docker-compose.yml").write_text(
        "services:\n  app:\n    environment:\n      - Q_API_KEY=x\n      Q_BASE_URL: ${Q_BASE_URL}\n", encoding="utf-8"
    )
    files = EnvFiles(tmp_path / "b", {"Q_MODEL_NAME": "m"}, tmp_path / "no-proc")
    view = await files.look(app, NAMES)
    assert view.hinted == (("Q_API_KEY", "docker-compose.yml"), ("Q_MODEL_NAME", "environment"))
    assert view.overridden == ()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize(
    ("directory", "file", "reason"),
    [(0o777, 0o644, "owner"), (0o755, 0o666, "no_rights"), (0o777, 0o600, "no_rights")],
)
def test_another_user_is_told_and_breaks_nothing(directory: int, file: int, reason: str) -> None:
    """The bot runs as somebody who may not keep the file's owner, not write beside it, or not read it."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        home.chmod(0o755)
        app = home / "app"
        app.mkdir()
        (app / ".env").write_bytes(OLD)
        (app / ".env").chmod(file)
        app.chmod(directory)
        (home / "b").mkdir(mode=0o777)
        (home / "b").chmod(0o777)
        program = f"""
import asyncio, os
from datetime import UTC, datetime
from pathlib import Path
from bot.errors import SwitchRefused
from bot.model.team import Secret
from bot.outlets.env_file import EnvFiles
async def main():
    await asyncio.to_thread(int)  # what Python loads late, it loads as root
    os.setegid(65534)
    os.seteuid(65534)
    try:
        async with EnvFiles(Path({str(home / "b")!r})).change(Path({str(app / ".env")!r}), {{"Q_API_KEY": Secret("n")}}, datetime.now(UTC)) as change:
            await change.commit()
    except SwitchRefused as fault:
        print(fault.facts["reason"])
asyncio.run(main())
"""
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
        assert done.stdout.strip() == reason
        assert (app / ".env").read_bytes() == OLD
        assert not list(app.glob("*.tmp"))
