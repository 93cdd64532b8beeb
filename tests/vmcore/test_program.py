import json
import subprocess
import sys
from types import SimpleNamespace

import drgn
import pytest
from click.testing import CliRunner

from lastwords.cli.symbols import command
from lastwords.vmcore.program import OpenError, open_program
from lastwords.vmcore.symbols import unwind

from .small_dump import BANNER, BASE, BUILD_ID, RELEASE, SIZE, registers, small_dump
from .symbols.elf_maker import elf


@pytest.fixture
def dump(tmp_path):
    path = tmp_path / "vmcore"
    small_dump(path)
    return path


def test_names_and_types_from_the_dump_itself(dump):
    kernel = open_program(dump)
    assert kernel.symbols.source == "btf"
    assert kernel.symbols.release == RELEASE
    assert kernel.symbols.banner == BANNER.strip()
    assert kernel.symbols.build_id == BUILD_ID.hex()
    assert kernel.symbols.commands[0] == f"sudo apt install linux-image-{RELEASE}-dbg"
    assert kernel.prog["init_task"].comm.string_() == b"swapper/0"
    assert kernel.prog.symbol(BASE + 0x50).name == "schedule"
    assert kernel.prog.symbol("runqueues").address == 0x1980
    assert kernel.modules == ()


@pytest.mark.parametrize("version", ["4.18", "5.4", "5.10 arm64", "5.14 absolute", "6.6", "7.2"])
def test_tables_that_vmcoreinfo_does_not_name_are_found(tmp_path, version):
    small_dump(tmp_path / "vmcore", version=version, named=False)
    kernel = open_program(tmp_path / "vmcore")
    assert kernel.symbols.source == "btf"
    assert kernel.prog["init_task"].comm.string_() == b"swapper/0"


def test_a_wrong_name_in_vmcoreinfo_is_made_good_by_searching(tmp_path):
    text = small_dump(tmp_path / "vmcore")
    damaged = text.replace(b"SYMBOL(kallsyms_names)=", b"SYMBOL(kallsyms_names)=f")
    assert damaged != text
    assert open_program(tmp_path / "vmcore", vmcoreinfo=damaged).symbols.source == "btf"


def test_before_linux_5_9_the_build_id_comes_from_the_notes_in_memory(tmp_path):
    small_dump(tmp_path / "vmcore", version="5.4", named=False, build_id_in="notes")
    assert open_program(tmp_path / "vmcore").symbols.build_id == BUILD_ID.hex()
    small_dump(tmp_path / "other", build_id_in="nowhere")
    assert open_program(tmp_path / "other").symbols.build_id is None


def test_without_types_names_and_the_stacks_of_the_cpus_are_left(tmp_path):
    small_dump(tmp_path / "vmcore", btf=False)
    kernel = open_program(tmp_path / "vmcore")
    assert kernel.symbols.source == "kallsyms"
    assert any("BTF" in cost for cost in kernel.symbols.costs)
    names = [unwind.function_name(frame) for frame in kernel.register_frames(registers())]
    assert names == ["schedule", "_stext"]


def test_without_anything_the_costs_say_so(tmp_path):
    small_dump(tmp_path / "vmcore", btf=False, kallsyms=False)
    kernel = open_program(tmp_path / "vmcore")
    assert kernel.symbols.source == "none"
    assert any("symbol table" in cost for cost in kernel.symbols.costs)
    assert kernel.symbols.banner is None


@pytest.mark.parametrize("keep", [0x43000, 0x50000, 0x60800, 0x62000, SIZE - 4096])
def test_a_dump_that_ends_early_opens_with_what_is_left(tmp_path, keep):
    small_dump(tmp_path / "vmcore", keep=keep)
    kernel = open_program(tmp_path / "vmcore")
    assert kernel.symbols.release == RELEASE
    assert kernel.symbols.source in ("btf", "kallsyms", "none")
    assert kernel.symbols.costs


def test_vmcoreinfo_can_be_given_for_a_dump_without(tmp_path):
    text = small_dump(tmp_path / "vmcore", vmcoreinfo=False)
    with pytest.raises(OpenError, match="VMCOREINFO"):
        open_program(tmp_path / "vmcore")
    assert open_program(tmp_path / "vmcore", vmcoreinfo=text).symbols.source == "btf"


@pytest.mark.parametrize("data", [b"", b"hello", b"\x7fELF" + bytes(100), b"KDUMP   " + bytes(5000)])
def test_what_is_no_dump_is_one_line(tmp_path, data):
    path = tmp_path / "file"
    path.write_bytes(data)
    with pytest.raises(OpenError) as error:
        open_program(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_vmlinux_of_another_kernel_is_refused_with_both_build_ids(dump, tmp_path):
    other = tmp_path / "vmlinux-other"
    other.write_bytes(elf(bytes(20)))
    with pytest.raises(OpenError) as error:
        open_program(dump, vmlinux=other)
    assert bytes(20).hex() in str(error.value)
    assert BUILD_ID.hex() in str(error.value)
    # One that only lies there is passed over, and reported.
    (tmp_path / "vmlinux").write_bytes(elf(bytes(20)))
    kernel = open_program(dump)
    assert [each.path for each in kernel.symbols.refused] == [str(tmp_path / "vmlinux")]
    assert open_program(dump, debuginfo=False).symbols.refused == ()


def frames(*described):
    """Frames as drgn has them: (function or None, stack pointer)."""

    def frame(name, sp, *, pc=0, interrupted=True):
        def symbol():
            if name is None:
                raise LookupError
            return SimpleNamespace(name=name)

        return SimpleNamespace(function_name=None, symbol=symbol, sp=sp, pc=pc, interrupted=interrupted)

    return [frame(*each) for each in described]


KERNEL_STACK = 0xFFFFAA6EC016FC48


def names(trace):
    return [unwind.function_name(frame) for frame in unwind.kernel_frames(trace)]


def test_a_trace_ends_where_the_kernel_was_entered():
    trace = frames(("do_syscall_64", KERNEL_STACK), ("entry_SYSCALL_64", KERNEL_STACK), *[(None, 0x7FFE19A9D368)] * 999)
    assert names(trace) == ["do_syscall_64", "entry_SYSCALL_64", None]


def test_a_call_through_null_does_not_end_a_trace():
    trace = frames(("asm_exc_page_fault", KERNEL_STACK), (None, KERNEL_STACK), ("lab_call", KERNEL_STACK))
    assert names(trace) == ["asm_exc_page_fault", None, "lab_call"]


def test_a_guess_behind_unknown_code_that_leads_to_no_function_is_dropped():
    trace = frames(("panic", KERNEL_STACK), (None, KERNEL_STACK), (None, KERNEL_STACK), ("luck", KERNEL_STACK))
    assert names(trace) == ["panic", None]


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        ("ring_bind.constprop.0.isra.0", "ring_bind"),
        ("oops_end.cold", "oops_end"),
        ("foo.part.12", "foo"),
        ("bar.llvm.1234567890", "bar"),
        ("_RNvCs1_6kernel", "_RNvCs1_6kernel"),
        ("x.y", "x.y"),
    ],
)
def test_functions_are_called_as_in_their_source(symbol, name):
    assert unwind.function_name(frames((symbol, 0))[0]) == name


def run(*arguments):
    return CliRunner().invoke(command, [str(each) for each in arguments])


def test_command_says_what_is_missing_and_how_to_get_it(dump):
    result = run(dump)
    assert result.exit_code == 1
    assert f"kernel     {RELEASE} (Debian)" in result.output
    assert BUILD_ID.hex() in result.output
    assert f"  sudo apt install linux-image-{RELEASE}-dbg" in result.output
    parsed = json.loads(run(dump, "--json").output)
    assert parsed["source"] == "btf"
    assert parsed["release"] == RELEASE


def test_command_writes_an_elf_file_that_binutils_and_gdb_read(dump, tmp_path):
    out = tmp_path / "vmlinux"
    result = run(dump, "-o", out)
    assert result.exit_code == 0
    assert RELEASE in result.output

    def tool(*arguments):
        return subprocess.run(arguments, capture_output=True, text=True, check=True).stdout

    assert f"Build ID: {BUILD_ID.hex()}" in tool("readelf", "-n", out)
    table = tool("nm", out)
    assert f"{BASE + 0x40:x} T schedule" in table
    assert "0000000000001980 A runqueues" in table
    code = tool("objdump", "-d", "--disassemble=schedule", out)
    assert "push   %rbp" in code
    sections = tool("readelf", "-SW", out)
    assert ".BTF" in sections
    assert " .text " in sections
    assert tool("readelf", "-lW", out).count("LOAD") >= 3
    # Never over what is there already: it may be the dump, or a vmlinux with debuginfo.
    again = run(dump, "-o", out)
    assert again.exit_code == 2
    assert "exists" in again.output
    assert run(dump, "-o", dump).exit_code == 2


def test_drgn_reads_the_elf_file_back(dump, tmp_path):
    out = tmp_path / "vmlinux"
    kernel = open_program(dump, debuginfo=False)
    assert kernel.kallsyms is not None
    assert kernel.write_vmlinux(out) == len(kernel.kallsyms)
    prog = drgn.Program(drgn.Platform(drgn.Architecture.X86_64))
    module = prog.extra_module("vmlinux", create=True)
    module = module[0] if isinstance(module, tuple) else module
    module.try_file(out)
    assert module.build_id == BUILD_ID
    assert prog.symbol("schedule").address == BASE + 0x40


def test_command_says_so_where_drgn_is_missing(dump, monkeypatch):
    monkeypatch.setitem(sys.modules, "drgn", None)
    monkeypatch.delitem(sys.modules, "lastwords.vmcore.program")
    result = run(dump)
    assert result.exit_code == 2
    assert "lastwords[vmcore]" in result.output


def test_command_refuses_in_one_line(dump, tmp_path):
    (tmp_path / "other").write_bytes(elf(bytes(20)))
    (tmp_path / "empty").mkdir()
    for arguments in ((tmp_path / "none",), (dump, "--vmlinux", tmp_path / "other"), (tmp_path / "empty",)):
        result = run(*arguments)
        assert result.exit_code == 2
        # This made-up dump ends early, which has a line of its own.
        lines = [line for line in result.output.splitlines() if "the dump is damaged" not in line]
        assert len(lines) == 1
        assert lines[0].startswith("lastwords: ")
