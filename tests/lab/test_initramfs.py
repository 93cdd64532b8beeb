import gzip
from pathlib import Path
from types import SimpleNamespace

import pytest

from lastwords.lab.errors import LabError
from lastwords.lab.initramfs import in_order, initramfs


def kernel(root: Path):
    (root / "modules.dep").write_text(
        "kernel/a/virtio-blk.ko.xz: kernel/v/virtio_ring.ko.xz kernel/v/virtio.ko.xz\nkernel/v/virtio_ring.ko.xz:\n"
    )
    (root / "modules.builtin").write_text("kernel/fs/ext4/ext4.ko\n")
    return SimpleNamespace(modules=root, release="6.0")


def test_dependencies_come_first_and_built_in_ones_are_skipped(tmp_path):
    paths = in_order(kernel(tmp_path), ["virtio_ring", "ext4", "virtio_blk"])
    assert [path.name for path in paths] == ["virtio_ring.ko.xz", "virtio.ko.xz", "virtio-blk.ko.xz"]


def test_unknown_module(tmp_path):
    with pytest.raises(LabError, match=r"6\.0 has no module nope"):
        in_order(kernel(tmp_path), ["nope"])


def test_archive_is_the_kernels_newc(tmp_path):
    data = gzip.decompress(initramfs({"/init": b"#!/bin/sh\n", "/a/b/c": b"12345"}))
    names = []
    while data:
        assert data[:6] == b"070701"
        mode, size, length = (int(data[at : at + 8], 16) for at in (14, 54, 94))
        start = (110 + length + 3) & ~3
        name = data[110 : 110 + length - 1].decode()
        names.append((name, oct(mode), data[start : start + size]))
        data = data[(start + size + 3) & ~3 :]
    assert names == [
        ("a", "0o40755", b""),
        ("a/b", "0o40755", b""),
        ("init", "0o100755", b"#!/bin/sh\n"),
        ("a/b/c", "0o100755", b"12345"),
        ("TRAILER!!!", "0o0", b""),
    ]
