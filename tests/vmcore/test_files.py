"""Dumps, kernels, modules and logs, told apart whatever their names and order."""

import gzip
import os
from pathlib import Path

import pytest

from lastwords.vmcore.files import sort_files

from .building import elf_dump, flattened, kdump_dump

VMLINUX = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\0\x3e\0" + bytes(500)
MODULE = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x01\0\x3e\0" + bytes(500)
LOG = b"[    0.000000] Linux version 6.1.0\n" * 20


def fill(folder, files):
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return {name: str(folder / name) for name in files}


def test_the_order_of_arguments_does_not_matter(machine, tmp_path):
    at = fill(tmp_path, {"a": kdump_dump(machine), "b": VMLINUX, "c": MODULE, "d": LOG, "e": elf_dump(machine)})
    for order in ("abcde", "edcba", "bdace"):
        files = sort_files([at[name] for name in order])
        assert sorted(files.dumps) == [(at["a"],), (at["e"],)]
        assert (files.vmlinux, files.modules, files.logs) == ([at["b"]], [at["c"]], [at["d"]])
        assert files.refused == []


LAYOUTS = {
    "Debian": ("202411240538/dump.202411240538", "202411240538/dmesg.202411240538"),
    "Fedora": ("127.0.0.1-2024-11-24-05:38:11/vmcore", "127.0.0.1-2024-11-24-05:38:11/vmcore-dmesg.txt"),
    "SUSE": ("2024-11-24-05:38/vmcore", "2024-11-24-05:38/dmesg.txt"),
}


@pytest.mark.parametrize(("dump", "log"), LAYOUTS.values(), ids=LAYOUTS)
def test_directories(machine, tmp_path, dump, log):
    at = fill(
        tmp_path,
        {dump: kdump_dump(machine), log: LOG, f"{Path(dump).parent}/vmlinux-6.4.gz": gzip.compress(VMLINUX)},
    )
    fill(tmp_path, {"kexec_cmd": b"\x01\x02\x03\x80\x90" * 9, "empty": b""})
    for where in (tmp_path, (tmp_path / dump).parent):
        files = sort_files([str(where)])
        assert files.dumps == [(at[dump],)]
        assert files.logs == [at[log]]
        assert [Path(path).name for path in files.vmlinux] == ["vmlinux-6.4.gz"]
        assert files.refused == []


def test_split_sets_and_compressed_dumps(machine, tmp_path):
    at = fill(
        tmp_path,
        {
            "1": kdump_dump(machine, split=(0, 40)),
            "2": kdump_dump(machine, split=(40, 128)),
            "3": kdump_dump(machine, split=(0, 128), release="5.10"),
            "4.gz": gzip.compress(kdump_dump(machine)),
            "5": flattened(kdump_dump(machine)),
        },
    )
    files = sort_files(list(at.values()))
    assert files.dumps == [(at["1"], at["2"]), (at["3"],), (at["4.gz"],), (at["5"],)]
    assert sort_files([at["5"], at["5"]]).dumps == [(at["5"],)]


def test_the_live_kernel_is_refused(tmp_path):
    link = tmp_path / "vmcore"
    link.symlink_to("/proc/kcore")
    for path in ("/proc/kcore", str(link)):
        files = sort_files([path])
        assert files.dumps == []
        assert files.refused == [(path, "the running kernel, not a dump")]
    assert sort_files([str(tmp_path)]).dumps == []


def test_what_can_not_be_used_has_a_reason(tmp_path):
    at = fill(tmp_path, {"noise": bytes(range(256)) * 4, "disk": b"QFI\xfb" + bytes(600)})
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "none").mkdir()
    wanted = {
        at["noise"]: "neither",
        at["disk"]: "qcow2",
        str(tmp_path / "pipe"): "not a regular file",
        str(tmp_path / "none"): "no dump in this directory",
        str(tmp_path / "nothing"): "No such file",
        "\0": "null",
    }
    refused = dict(sort_files(list(wanted)).refused)
    assert refused.keys() == wanted.keys()
    assert all(text in refused[path] for path, text in wanted.items())
