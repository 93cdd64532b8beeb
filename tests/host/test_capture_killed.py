"""A real capture, killed with SIGKILL at random moments: nothing is half taken, and at last all is there."""

import contextlib
import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lastwords.host.vault import Vault, open_item, read_manifest, verify
from lastwords.model import from_json
from lastwords.model.evidence import Capture

from .crash_trees import CRASHED, DEBIAN, build

KILLS = 20
BLOCK = 1 << 20


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """What a crash leaves, with 80 MiB of logs, and a sparse dump of 160 MiB besides."""
    root = build(tmp_path_factory.mktemp("killed") / "tree", DEBIAN)
    block = random.Random(3).randbytes(BLOCK)
    for number in range(4):
        path = root / f"var/log/messages.{number}"
        with path.open("wb") as file:
            for piece in range(20):
                file.write(piece.to_bytes(4, "big") + block)
        os.utime(path, (CRASHED, CRASHED))
    dump = root / "var/crash/202611240538/dump.202611240538"
    with dump.open("r+b") as file:
        file.truncate(160 << 20)
        file.seek(159 << 20)
        file.write(block)
    dump.chmod(0o666)  # others may write to it: a copy, not a link
    os.utime(dump, (CRASHED + 20, CRASHED + 20))
    return root


def start(tree, case):
    arguments = [sys.executable, "-m", "lastwords", "capture", "--root", tree, "--to", case, "--json"]
    return subprocess.Popen(
        list(map(str, arguments)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )


def children_of(pid):
    with contextlib.suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


@pytest.mark.slow
def test_killed_twenty_times(tree, tmp_path):
    began = time.monotonic()
    whole = start(tree, tmp_path / "whole")
    expected = from_json(whole.communicate()[0], Capture)
    assert whole.returncode == 0
    seconds = time.monotonic() - began
    taken = {item.id: item.sha256 for item in expected.evidence if item.state == "taken"}

    chance = random.Random(20261124)
    case, progress, killed = tmp_path / "case", set(), 0
    for _number in range(KILLS):
        process = start(tree, case)
        # Of what is left to do, since each run goes on where the last was killed.
        time.sleep(chance.uniform(0.15, max(0.6, seconds * 0.4)))
        children = children_of(process.pid)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        killed += process.returncode == -signal.SIGKILL
        deadline = time.monotonic() + 10
        while any(Path(f"/proc/{child}").exists() for child in children) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not any(Path(f"/proc/{child}").exists() for child in children), "its collector lives on"

        store = case / "evidence"
        if (store / "manifest.jsonl").exists():
            found = verify(store)
            assert found.good, found
            for item in read_manifest(store).values():
                if item.state == "taken":
                    assert item.sha256 == taken[item.id]
            progress.add(len(found.whole))
            if len(found.whole) == len(taken) and killed >= KILLS // 2:
                # All is there: begin anew, so that each kill finds something to interrupt.
                case = tmp_path / f"case-{_number}"
    assert killed >= KILLS // 2
    # How far each got depends on how busy the machine is.
    assert progress

    last = start(tree, case)
    result = from_json(last.communicate()[0], Capture)
    assert last.returncode == 0
    assert {item.id: item.sha256 for item in result.evidence if item.state == "taken"} == taken
    store = case / "evidence"
    assert verify(store).good
    assert not list((store / ".incoming").iterdir())
    for item in result.evidence:
        if item.state == "taken" and item.origin.startswith("/") and (tree / item.origin[1:]).is_file():
            with open_item(store, item) as stored:
                digest = hashlib.sha256(stored.read()).digest()
            assert digest == hashlib.sha256((tree / item.origin[1:]).read_bytes()).digest(), item.id


def test_interrupted_from_the_keyboard(tree, tmp_path):
    process = start(tree, tmp_path / "case")
    deadline = time.monotonic() + 20
    while not (tmp_path / "case/evidence/manifest.jsonl").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _out, error = process.communicate(timeout=20)
    assert process.returncode == 130
    assert b"Traceback" not in error
    with Vault(tmp_path / "case/evidence"):
        pass
    assert verify(tmp_path / "case/evidence").good


def test_a_second_capture_is_kept_out(tree, tmp_path):
    (tmp_path / "case").mkdir()
    with Vault(tmp_path / "case/evidence"):
        process = start(tree, tmp_path / "case")
        _out, error = process.communicate(timeout=30)
    assert process.returncode == 2
    assert b"another process is writing" in error
    assert error.count(b"\n") == 1
