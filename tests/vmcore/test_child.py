"""Work in a process of its own: what it gives, and every way in which it can end without."""

import ctypes
import gc
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from lastwords.vmcore.child import ChildError, Limits, ask, started_ahead
from lastwords.vmcore.program import OpenError

HERE = "tests.vmcore.test_child"


class Word(msgspec.Struct):
    text: str
    number: int = 0


def child(name, text="", *, limits=None, progress=None):
    return ask(f"{HERE}:{name}", Word(text), Word, limits=limits, progress=progress)


def said(encoded):
    return msgspec.msgpack.decode(encoded, type=Word).text


def echo(encoded, progress):
    progress("reading")
    progress("still reading")
    print("libraries print what they like")
    return Word(said(encoded)[::-1], os.getpid())


def large(encoded, progress):
    return Word("x" * int(said(encoded)))


def user_error(encoded, progress):
    raise OpenError("vmcore: not\na dump")


def mistake(encoded, progress):
    return dict[str, str]()["key"]


def segfault(encoded, progress):
    ctypes.string_at(0)


def status(encoded, progress):
    os._exit(7)


def killed(encoded, progress):
    os.kill(os.getpid(), signal.SIGKILL)


def hungry(encoded, progress):
    return Word(str(len(bytearray(1 << 40))))


def sleepy(encoded, progress):
    time.sleep(600)


def busy(encoded, progress):
    while True:
        pass


def test_the_answer_comes_from_another_process():
    told: list[str] = []
    answer = child("echo", "abc", progress=told.append)
    assert answer.text == "cba"
    assert answer.number != os.getpid()
    assert told == ["reading", "still reading"]


def imported(encoded, progress):
    return Word("wave" if "wave" in sys.modules else "")


def test_a_child_that_was_started_ahead_has_imported_what_it_needs():
    before = own_children()
    with started_ahead(f"{HERE}:imported", ["wave", "no.such.module"]):
        waiting = own_children() - before
        assert child("imported").text == "wave"
        assert not own_children() & waiting, "the one that waited has answered"
        assert child("imported").text == "", "the next one was started for its question"
    assert own_children() <= before


def test_a_child_that_was_started_ahead_and_is_not_asked_ends():
    gc.collect()
    files, before = open_files(), own_children()
    with started_ahead(f"{HERE}:imported", ["wave"]):
        waiting = own_children() - before
        assert waiting
        assert child("echo", "abc").text == "cba", "another function is asked of another child"
        assert child("imported", limits=Limits(seconds=500)).text == "", "and so is one with other limits"
    assert not own_children() & waiting
    assert open_files() <= files


def test_large_answers():
    assert len(child("large", str(20 << 20)).text) == 20 << 20


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("user_error", "^vmcore: not a dump$"),
        ("mistake", "^KeyError: 'key'$"),
        ("segfault", r"crashed \(SIGSEGV\)"),
        ("status", "ended with status 7"),
        ("killed", "ran out of memory"),
        ("hungry", "takes more than 4096 MiB of memory"),
        ("nothing_of_this_name", "AttributeError"),
    ],
)
def test_every_end_is_one_line(name, text):
    with pytest.raises(ChildError, match=text) as error:
        child(name, limits=Limits(memory=4 << 30))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["sleepy", "busy"])
def test_it_may_not_take_forever(name):
    began = time.monotonic()
    with pytest.raises(ChildError, match="not done after 1 s"):
        child(name, limits=Limits(seconds=1))
    assert time.monotonic() - began < 20


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


def own_children():
    """Processes of this one, those that ended unheard included; other tests may have some of their own."""
    lists = Path("/proc/self/task").glob("*/children")
    return {int(pid) for children in lists for pid in children.read_text().split()}


def test_nothing_is_left_behind():
    gc.collect()  # files of other tests
    before, children = open_files(), own_children()
    for name in ("echo", "segfault", "user_error"):
        try:
            child(name)
        except ChildError:
            continue
    assert open_files() <= before
    assert own_children() <= children


def test_one_that_can_not_be_killed_is_left_behind(monkeypatch):
    """As in a read from a disk that does not answer."""
    left: list[subprocess.Popen[bytes]] = []
    kill = subprocess.Popen.kill
    monkeypatch.setattr(subprocess.Popen, "kill", lambda process: left.append(process))
    monkeypatch.setattr("lastwords.vmcore.child._GRACE", 0.2)
    began = time.monotonic()
    with pytest.raises(ChildError, match="not done after"):
        child("sleepy", limits=Limits(seconds=0.5))
    assert time.monotonic() - began < 10
    (process,) = left
    kill(process)
    process.wait()
