"""Fronts that no table knows: they are the same in most lines, so they are no kernel's."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lastwords.klog.inputs import find
from lastwords.klog.inputs.foreign import foreign
from lastwords.klog.read import read
from tests.klog.machine import BOOT, CRASH, stamped

from .crash import MESSAGES, PLAIN, same_crash

FRONTS: dict[str, Callable[[int], str]] = {
    "grep -n": lambda number: f"{number}:",
    "grep -Hn": lambda number: f"/var/log/kern.log:{number}:",
    "grep -r": lambda number: f"logs/host-{number % 3}/dmesg.txt:",
    "cat -n": lambda number: f"{number:6}\t",
    "nl": lambda number: f"{number:6}  ",
    "compose": lambda number: "guest-1  | ",
    "compose in colour": lambda number: "\x1b[36mguest-1  | \x1b[0m",
    "kubectl --prefix": lambda number: "[pod/guest-0/serial] ",
    "stern": lambda number: "guest-7d9f8b-xk2pz serial ",
    "two containers": lambda number: ("web serial ", "database serial ")[number % 2],
    "ts -s": lambda number: f"00:{number // 60:02}:{number % 60:02} ",
    "aws logs tail": lambda number: f"EVENTS\t{number}\t{number * 1000}\t",
}
DATED: dict[str, Callable[[int], str]] = {
    "compose -t": lambda number: f"guest-1  | 2026-11-23T10:{number // 60:02}:{number % 60:02}.000000000Z ",
    "logcli": lambda number: f'2026-11-23T10:{number // 60:02}:{number % 60:02}Z {{job="kern", host="a"}} ',
    "lava": lambda number: f"2026-11-23T10:{number // 60:02}:{number % 60:02} target: ",
    "grep of syslog": lambda number: f"kern.log:Nov 23 10:{number // 60:02}:{number % 60:02} lab kernel: ",
    "somebody's ctime": lambda number: f"<<Mon Nov 23 10:{number // 60:02}:{number % 60:02} 2026>> ",
}


def _behind(front: Callable[[int], str], text: str) -> str:
    return "".join(f"{front(number)}{line}\n" for number, line in enumerate(text.splitlines(), 1))


@pytest.mark.parametrize("name", FRONTS)
def test_taken_off(tmp_path: Path, name: str) -> None:
    path = tmp_path / "log"
    path.write_text(_behind(FRONTS[name], PLAIN))
    same_crash(path, "dmesg")


@pytest.mark.parametrize("name", DATED)
def test_its_date_is_the_wall_clock(tmp_path: Path, name: str) -> None:
    path = tmp_path / "log"
    path.write_text(_behind(DATED[name], PLAIN))
    (source,) = find([str(path)])
    (first, *_) = read(source).oopses
    assert first.time == 5023.318806
    assert first.wall is not None
    assert "10:0" in first.wall


def test_without_stamps_the_lines_of_the_report_show_it(tmp_path: Path) -> None:
    path = tmp_path / "log"
    text = "".join(f"{message.text}\n" for message in MESSAGES)
    path.write_text(_behind(lambda number: f"11-23 10:00:{number % 60:02}.000     0     0 I         : ", text))
    same_crash(path, "raw", time=False)


def test_the_front_is_no_message_before_the_crash(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text(_behind(FRONTS["compose"], "\n".join([*stamped(BOOT, 0), *stamped(CRASH, 100)])))
    (source,) = find([str(path)])
    log = read(source).log
    assert log is not None
    assert not [before.text for before in log.precursors if "guest" in before.text]


def test_what_other_writers_put_before_some_lines_stays() -> None:
    lines = PLAIN.splitlines()
    assert not foreign([f"lab login: {line}" if number % 3 == 0 else line for number, line in enumerate(lines)])
    assert not foreign([f"<6>{line}" for line in lines])
    assert not foreign(lines)
    assert not foreign([])


def test_what_printk_says_of_lost_messages_is_its_own() -> None:
    lines = [f"** {number * 11} printk messages dropped ** [   60.{number:06}] text" for number in range(20)]
    assert foreign(lines) == []
