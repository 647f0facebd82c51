"""Whose leases a successor may end: only those of a process that is certainly dead."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from bot import replica

linux = pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc")


def test_it_lives_itself() -> None:
    assert str(os.getpid()) in replica.name()
    assert not replica.gone(replica.name())


@linux
def test_a_killed_process_is_gone_even_before_it_is_buried() -> None:
    with subprocess.Popen(["sleep", "600"]) as child:
        owner = replica.name(child.pid)
        assert not replica.gone(owner)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert replica.gone(owner)
    assert replica.gone(owner)


@linux
def test_a_number_that_was_given_out_again_is_another_process() -> None:
    host, space, began = replica.name().rsplit("-", 3)[0], *replica.name().rsplit("-", 2)[1:]
    assert replica.gone(f"{host}-{os.getpid()}-{space}-{int(began) - 1}")


@pytest.mark.parametrize("owner", ["", "one", "host-1", "a-b-c-d", "elsewhere-999999-00000000-5", "-1-2-3"])
def test_of_others_nothing_is_known(owner: str) -> None:
    assert not replica.gone(owner)


@linux
def test_another_machine_is_not_judged() -> None:
    host, pid, space, began = replica.name().rsplit("-", 3)
    assert not replica.gone(f"{host}x-{pid}-{space}-{int(began) - 1}")
    assert not replica.gone(f"{host}-{pid}-{'0' * 8}-{int(began) - 1}")
