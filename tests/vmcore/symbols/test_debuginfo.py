import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lastwords.vmcore.symbols.debuginfo import find_vmlinux
from lastwords.vmcore.symbols.elf_file import build_id, read_elf

from .elf_maker import elf

RIGHT = bytes(range(20))
WRONG = bytes(range(1, 21))
RELEASE = "6.1.0-56-cloud-amd64"

PLACES = [
    f"usr/lib/debug/.build-id/00/{RIGHT.hex()[2:]}.debug",
    f"usr/lib/debug/boot/vmlinux-{RELEASE}",
    f"usr/lib/debug/usr/lib/modules/{RELEASE}/vmlinux",
    f"usr/lib/debug/lib/modules/{RELEASE}/vmlinux",
    f"usr/lib/debug/boot/vmlinux-{RELEASE}.debug",
    f"usr/lib/debug/usr/lib/modules/{RELEASE}/vmlinux.debug",
    f"boot/vmlinux-{RELEASE}",
    f"lib/modules/{RELEASE}/build/vmlinux",
]


def put(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("place", PLACES)
def test_looks_where_distributions_put_it(tmp_path, place):
    path = put(tmp_path / place, elf(RIGHT))
    assert find_vmlinux(RELEASE, RIGHT, root=tmp_path) == (path, ())


@pytest.mark.parametrize("name", ["vmlinux", f"vmlinux-{RELEASE}", "vmlinux.debug"])
def test_looks_beside_the_dump(tmp_path, name):
    path = put(tmp_path / "crash" / name, elf(RIGHT))
    found = find_vmlinux(RELEASE, RIGHT, dump=tmp_path / "crash/vmcore", root=tmp_path / "empty")
    assert found.path == path


@pytest.mark.parametrize("place", ["vmlinux", f"lib/modules/{RELEASE}/vmlinux", PLACES[0], PLACES[1]])
def test_looks_in_directories_that_are_given(tmp_path, place):
    path = put(tmp_path / "given" / place, elf(RIGHT))
    for options in ({"given": tmp_path / "given"}, {"directories": (tmp_path / "given",)}):
        assert find_vmlinux(RELEASE, RIGHT, root=tmp_path / "empty", **options).path == path


def test_a_wrong_one_is_refused_with_both_build_ids_and_the_search_goes_on(tmp_path):
    wrong = put(tmp_path / "crash/vmlinux", elf(WRONG))
    right = put(tmp_path / PLACES[3], elf(RIGHT))
    found = find_vmlinux(RELEASE, RIGHT, dump=tmp_path / "crash/vmcore", root=tmp_path)
    assert found.path == right
    assert [each.path for each in found.refused] == [str(wrong)]
    assert found.refused[0].build_id == WRONG.hex()
    assert WRONG.hex() in found.refused[0].reason
    assert RIGHT.hex() in found.refused[0].reason


def test_a_file_that_is_named_is_the_only_one(tmp_path):
    put(tmp_path / PLACES[1], elf(RIGHT))
    wrong = put(tmp_path / "mine", elf(WRONG))
    found = find_vmlinux(RELEASE, RIGHT, given=wrong, root=tmp_path)
    assert found.path is None
    assert len(found.refused) == 1
    missing = find_vmlinux(RELEASE, RIGHT, given=tmp_path / "none", root=tmp_path)
    assert [each.reason for each in missing.refused] == ["does not exist"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (elf(RIGHT, dwarf=False), "stripped"),
        (elf(RIGHT, core=True), "is a dump"),
        (b"#!/bin/sh\n" * 20, "no ELF file"),
        (b"", "no ELF file"),
        (elf(RIGHT)[:80], "no ELF file"),
    ],
)
def test_what_can_not_serve_is_named(tmp_path, data, reason):
    path = put(tmp_path / "vmlinux", data)
    found = find_vmlinux(RELEASE, RIGHT, given=path)
    assert found.path is None
    assert reason in found.refused[0].reason


def test_without_a_build_id_only_a_named_file_is_taken(tmp_path):
    path = put(tmp_path / PLACES[1], elf(RIGHT))
    found = find_vmlinux(RELEASE, None, root=tmp_path)
    assert found.path is None
    assert "--vmlinux" in found.refused[0].reason
    assert find_vmlinux(RELEASE, None, given=path).path == path


def test_a_release_with_a_path_in_it_leads_nowhere(tmp_path):
    put(tmp_path / "secret/vmlinux", elf(RIGHT))
    assert find_vmlinux("../../../../secret", None, root=tmp_path / "usr") == (None, ())


def test_a_pipe_in_place_of_a_file_does_not_block(tmp_path):
    os.mkfifo(tmp_path / "vmlinux")
    assert find_vmlinux(RELEASE, RIGHT, dump=tmp_path / "vmcore", root=tmp_path).path is None
    assert read_elf(tmp_path / "vmlinux") is None


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("order", ["<", ">"])
def test_reads_elf_of_both_widths_and_orders(tmp_path, bits, order):
    path = put(tmp_path / "file", elf(RIGHT, bits=bits, order=order))
    assert read_elf(path) == (RIGHT, True, False)


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_notes_give_an_id_or_none(notes):
    found = build_id(notes)
    assert found is None or found in notes
