"""Questions to a dump: which file is it, and what is read."""

import os

import pytest

from lastwords.vmcore.session import DumpError, Question, others_told, read_dump, sources_of

from .small_dump import RELEASE, small_dump


@pytest.fixture
def dump(tmp_path):
    path = tmp_path / "vmcore"
    small_dump(path)
    return str(path)


def elf_of_type(path, number):
    path.write_bytes(b"\x7fELF\x02\x01\x01" + bytes(9) + number.to_bytes(2, "little") + bytes(200))
    return str(path)


def test_dump_and_vmlinux_in_any_order(dump, tmp_path):
    vmlinux = elf_of_type(tmp_path / "a", 2)
    for paths in ([dump, vmlinux], [vmlinux, dump]):
        sources = sources_of(paths)
        assert (sources.dump, sources.vmlinux) == ((dump,), vmlinux)


def test_the_dump_of_a_directory(dump, tmp_path):
    assert sources_of([str(tmp_path)]).dump == (dump,)
    small_dump(tmp_path / "another")
    with pytest.raises(DumpError, match="2 dumps, and this reads one"):
        sources_of([dump, str(tmp_path / "another")])


def test_what_is_no_dump_is_told_apart(tmp_path):
    log = tmp_path / "log"
    log.write_text("[    0.000000] Linux version 6.1.0\n" * 50)
    for path, text in (
        (elf_of_type(tmp_path / "vmlinux", 2), "a kernel or program, not a dump"),
        (elf_of_type(tmp_path / "ext4.ko", 1), "a kernel module"),
        (str(log), "a text, not a dump"),
        (str(tmp_path / "none"), "No such file"),
        ("/proc/kcore", "the running kernel"),
    ):
        with pytest.raises(DumpError, match=text) as error:
            sources_of([path])
        assert str(error.value).startswith(path)


def test_a_kernel_of_which_next_to_nothing_is_in_the_dump(dump):
    reading = read_dump(Question(sources=sources_of([dump], debuginfo=False), log=True))
    assert reading.machine.release == RELEASE
    assert reading.symbols.source == "btf"
    assert reading.dump is not None
    assert reading.dump.format == "elf"
    # Each part that is missing says why, and none of the reasons is a mistake of ours.
    missing = {part.name: part.error or part.incomplete for part in reading.machine.parts}
    assert missing["tasks"]
    assert reading.machine.tasks is None
    assert not [text for text in missing.values() if text and text.startswith(("NameError", "TypeError", "KeyError"))]
    assert reading.log == ()
    assert reading.log_missing


def test_a_dump_that_is_none(tmp_path):
    path = tmp_path / "vmcore"
    path.write_bytes(b"KDUMP   " + bytes(6000))
    with pytest.raises(DumpError) as error:
        read_dump(Question(sources=sources_of([str(path)])))
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_of_the_dumps_of_a_directory_the_newest_is_read(tmp_path):
    for name, when in (("a", 2000), ("b", 1000)):
        (tmp_path / name).write_bytes(b"KDUMP   " + bytes(4096))
        os.utime(tmp_path / name, (when, when))
    sources = sources_of([str(tmp_path)])
    assert (sources.dump, sources.others) == ((str(tmp_path / "a"),), (str(tmp_path / "b"),))
    assert f"lastwords analyze {tmp_path}/b" in (others_told(sources) or "")
    assert sources_of([str(tmp_path), str(tmp_path / "b")]).dump == (str(tmp_path / "b"),)
