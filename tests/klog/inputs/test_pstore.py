"""pstore: parts that count downwards, in files of their own or put together; ramoops; records left compressed."""

import zlib
from pathlib import Path

import pytest

from lastwords.klog.inputs import find
from lastwords.klog.scan import scan

from .crash import MESSAGES, PLAIN, TITLE, Message, content, same_crash, scanned

START = 1_700_000_000


def _raw(messages: list[Message]) -> str:
    return "".join(f"<{m.priority}>{m.stamp} {m.text}\n" for m in messages)


def _parts(count: int, reason: str = "Panic", number: int = 2) -> list[str]:
    """The records of one crash, part 1 first: it has the newest text (fs/pstore/platform.c: pstore_dump())."""
    size = -(-len(MESSAGES) // count)
    pieces = [MESSAGES[at : at + size] for at in range(0, len(MESSAGES), size)]
    return [f"{reason}#{number} Part{part}\n{_raw(piece)}" for part, piece in enumerate(reversed(pieces), 1)]


@pytest.mark.parametrize("count", [1, 2, 5, 12])
def test_one_file_with_all_parts(tmp_path: Path, count: int) -> None:
    """`cat /sys/fs/pstore/dmesg-efi-*`: part 1 comes first, and holds the end."""
    path = tmp_path / "saved"
    path.write_text("".join(_parts(count)))
    result = same_crash(path, "pstore")
    assert [oops.title for oops in result.oopses].count(TITLE) == 1


def test_parts_in_the_order_of_time(tmp_path: Path) -> None:
    path = tmp_path / "saved"
    path.write_text("".join(reversed(_parts(5))))
    same_crash(path, "pstore")


def test_systemd_pstore_puts_together(tmp_path: Path) -> None:
    """/var/lib/systemd/pstore/ID/dmesg.txt names each file before its text; the files stand beside it."""
    parts = _parts(3)
    names = [f"dmesg-efi_pstore-{START}{part:02}001" for part in range(1, 4)]
    for name, part in zip(names, parts, strict=True):
        (tmp_path / name).write_text(part)
    together = "".join(f"{name}:\n{part}\n" for name, part in zip(names, parts, strict=True))
    (tmp_path / "dmesg.txt").write_text(together)
    sources = find([str(tmp_path)])
    assert [source.path for source in sources] == [str(tmp_path / "dmesg.txt")]
    same_crash(tmp_path / "dmesg.txt", "pstore")


@pytest.mark.parametrize("backend", ["efi", "efi_pstore", "erst", "nvme_pstore"])
def test_directory_of_parts(tmp_path: Path, backend: str) -> None:
    """/sys/fs/pstore: one file a part; together they are one log."""
    for part, text in enumerate(_parts(7), 1):
        number = f"{START}{part:02}001" if backend.startswith("efi") else str(7_000_000 + part)
        (tmp_path / f"dmesg-{backend}-{number}").write_text(text)
    (source,) = find([str(tmp_path)])
    result = scan(source)
    assert result.format == "pstore"
    assert [oops.title for oops in result.oopses][:1] == [TITLE]
    assert result.oopses[0].registers["rdi"] == 0
    assert len(source.files) == 7


def test_two_crashes_in_a_directory(tmp_path: Path) -> None:
    """An oops, then the panic: two records; and another crash a day later."""
    for start, reason, number in ((START, "Oops", 1), (START, "Panic", 2), (START + 86_400, "Panic", 2)):
        for part, text in enumerate(_parts(3, reason, number), 1):
            name = f"dmesg-efi-{start}{part:02}{number:03}"
            (tmp_path / name).write_text(text)
    sources = find([str(tmp_path)])
    assert sorted(len(source.files) for source in sources) == [3, 3, 3]
    assert all(scan(source).oopses[0].title == TITLE for source in sources)


def test_something_in_front(tmp_path: Path) -> None:
    path = tmp_path / "saved"
    path.write_text("$ cat /sys/fs/pstore/*\n" + "".join(_parts(5)))
    same_crash(path, "pstore")


def test_part_missing(tmp_path: Path) -> None:
    """NVRAM was full: what is there is read."""
    parts = _parts(6)
    path = tmp_path / "saved"
    path.write_text("".join(parts[:3] + parts[4:]))
    assert scanned(path).error is None
    assert scanned(path).oopses


@pytest.mark.parametrize("window", [zlib.MAX_WBITS, -zlib.MAX_WBITS])
def test_compressed_records(tmp_path: Path, window: int) -> None:
    """`.enc.z`: the kernel could not unpack them after the reboot, with zlib's header or (Linux 6.6) without."""
    packer = zlib.compressobj(9, zlib.DEFLATED, window)
    for part, text in enumerate(_parts(2), 1):
        fresh = packer.copy()
        path = tmp_path / f"dmesg-efi_pstore-{START}{part:02}001.enc.z"
        path.write_bytes(fresh.compress(text.encode()) + fresh.flush())
    (source,) = find([str(tmp_path)])
    result = scan(source)
    assert (result.oopses[0].title, result.warning) == (TITLE, None)


def test_compressed_record_that_is_broken(tmp_path: Path) -> None:
    path = tmp_path / f"dmesg-efi_pstore-{START}01001.enc.z"
    path.write_bytes(b"\x07garbage")
    (source,) = find([str(path)])
    result = scan(source)
    assert result.oopses == []
    assert result.warning


def test_ramoops(tmp_path: Path) -> None:
    """Ramoops keeps one record of a few hundred kilobytes, and the console of the last boot."""
    path = tmp_path / "dmesg-ramoops-0"
    path.write_text("Oops#1 Part1\n" + _raw(MESSAGES))
    same_crash(path, "pstore")
    path = tmp_path / "console-ramoops-0"
    path.write_text(PLAIN)
    same_crash(path, "dmesg")


def test_parts_split_in_the_middle_of_a_line(tmp_path: Path) -> None:
    """Before Linux 3.6 a record was cut at so many bytes, not at a message."""
    text = _raw(MESSAGES)
    cut = text.index("acme_queue_rq") + 6
    path = tmp_path / "saved"
    path.write_text(f"Oops#1 Part1\n{text[cut:]}Oops#1 Part2\n{text[:cut]}\n")
    result = scanned(path)
    assert result.oopses[0].title == TITLE


def test_not_taken_for_pstore(tmp_path: Path) -> None:
    """A header in the middle of a line, or far down in another log, is only text."""
    path = tmp_path / "dmesg"
    path.write_text(PLAIN + "cat: Panic#1 Part1\n")
    same_crash(path, "dmesg")
    assert content(scanned(path).oopses[0])["title"] == TITLE


@pytest.mark.parametrize("newest_first", [True, False])
def test_oops_and_panic_of_one_crash_are_told_once(tmp_path: Path, newest_first: bool) -> None:
    """The kernel saves its log when it oopses and when it panics over that; systemd-pstore puts both into one file."""
    lines = PLAIN.splitlines(keepends=True)
    oops = "Oops#1 Part1\n" + "".join(lines[: len(lines) - 3])
    panic = "Panic#2 Part1\n" + "".join(lines[20:])
    path = tmp_path / "dmesg.txt"
    path.write_text(panic + oops if newest_first else oops + panic)
    result = scanned(path)
    assert [found.title for found in result.oopses if found.follows is None] == [TITLE]
    assert len([found for found in result.oopses if found.title == TITLE]) == 1
    assert len(result.starts) < 2
