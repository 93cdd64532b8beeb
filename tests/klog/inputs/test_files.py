"""What a user names: files, directories, standard input, things that are no logs."""

import gzip
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lastwords.klog.inputs import find
from lastwords.klog.scan import scan

from .crash import PLAIN, TITLE


def test_directory(tmp_path: Path) -> None:
    """Everything below it, sorted, whatever it is called."""
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "dmesg.txt").write_text(PLAIN)
    (tmp_path / "a.gz").write_bytes(gzip.compress(PLAIN.encode()))
    (tmp_path / "c.log").write_text("nothing happened\n")
    sources = find([str(tmp_path)])
    assert [source.path for source in sources] == [str(tmp_path / name) for name in ("a.gz", "c.log", "b/dmesg.txt")]
    assert [[oops.title for oops in scan(source).oopses][:1] for source in sources] == [[TITLE], [], [TITLE]]


def test_kdump_directory(tmp_path: Path) -> None:
    """/var/crash/DATE: the dump is told to be one, its log is read."""
    (tmp_path / "dump.202611231000").write_bytes(b"KDUMP   " + b"\0" * 4096)
    (tmp_path / "dmesg.202611231000").write_text(PLAIN)
    log, dump = find([str(tmp_path)])
    assert scan(log).oopses[0].title == TITLE
    assert dump.error == "a memory dump, not a log"


def test_symbolic_links_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "log").write_text(PLAIN)
    (tmp_path / "again").symlink_to(tmp_path)
    (tmp_path / "gone").symlink_to(tmp_path / "nothing")
    found = {source.path: source.error for source in find([str(tmp_path)])}
    assert found == {str(tmp_path / "log"): None, str(tmp_path / "gone"): "No such file or directory"}


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"LPKSHHRH" + b"\0" * 200, "a binary journal; read it with: journalctl --file FILE -k -o export"),
        (b"\x7fELF" + b"\0" * 200, "an ELF program or module, not a log or dump"),
        (b"makedumpfile\0\0\0\0", "a memory dump, not a log"),
    ],
)
def test_not_a_log(tmp_path: Path, data: bytes, error: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    (source,) = find([str(path)])
    assert source.error is not None
    assert source.error.endswith(error)
    assert scan(source).error == f"{path}: {error}"


def test_missing_and_special_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    errors = [source.error for source in find([str(tmp_path / "none"), str(tmp_path / "pipe"), "a\0b", "/dev/zero"])]
    assert errors[0] == "No such file or directory"
    assert errors[1] == "not a regular file"
    assert errors[2]
    assert errors[3] == "not a regular file"


def test_empty_directory_and_empty_file(tmp_path: Path) -> None:
    (source,) = find([str(tmp_path)])
    assert source.error == "no files in this directory"
    path = tmp_path / "empty"
    path.touch()
    (source,) = find([str(path)])
    result = scan(source)
    assert (result.error, result.oopses, result.lines, result.format) == (None, [], 0, "text")


def test_unreadable_file(tmp_path: Path) -> None:
    """The file went away, or became a directory, between looking and opening."""
    path = tmp_path / "log"
    path.write_text(PLAIN)
    (source,) = find([str(path)])
    path.unlink()
    result = scan(source)
    assert result.error is not None
    assert "No such file" in result.error


@pytest.mark.parametrize("pack", [False, True])
def test_standard_input(pack: bool) -> None:
    """`journalctl -k | lastwords scan -`, also packed."""
    data = gzip.compress(PLAIN.encode()) if pack else PLAIN.encode()
    run = subprocess.run([sys.executable, "-m", "lastwords", "scan", "-"], input=data, capture_output=True, check=False)
    assert run.stderr == b""
    assert run.stdout.decode().startswith(f"-:32: {TITLE}\n")
    assert run.returncode == 1


def test_process_substitution(tmp_path: Path) -> None:
    """`lastwords scan <(zcat x)`: the shell's pipe."""
    reader, writer = os.pipe()
    os.write(writer, PLAIN.encode())
    os.close(writer)
    run = subprocess.run(
        [sys.executable, "-m", "lastwords", "scan", f"/dev/fd/{reader}"],
        pass_fds=[reader],
        capture_output=True,
        check=False,
    )
    os.close(reader)
    assert run.stderr == b""
    assert TITLE in run.stdout.decode()


@pytest.mark.parametrize(
    "start", [b"PK\3\4\x14", b"\x04\x22\x4d\x18\x64", b"\x89LZO\0", b"\x5d\0\0\x80\0\xff", b"7z\xbc\xaf\x27\x1c"]
)
def test_what_is_packed_otherwise_is_named_with_what_unpacks_it(tmp_path: Path, start: bytes) -> None:
    path = tmp_path / "packed"
    path.write_bytes(start + bytes(range(256)))
    (source,) = find([str(path)])
    assert source.error is not None
    assert "unpack it: " in source.error
