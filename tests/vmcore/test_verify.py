"""The verdict on whole, filtered, cut and overwritten dumps, and the command that prints it."""

import json
import os
import struct

import pytest
from click.testing import CliRunner

from lastwords.cli.verify import command
from lastwords.model.dump import DumpPart
from lastwords.vmcore import verify
from lastwords.vmcore.verify import check, level_text

from . import building
from .building import PAGE, elf_dump, flattened, kdump_dump


def part(found, name):
    return next(part for part in found.parts if part.name == name)


WHOLE = {
    "elf": elf_dump,
    "kdump": kdump_dump,
    "lzo": lambda machine: kdump_dump(machine, method="lzo"),
    "flattened": lambda machine: flattened(kdump_dump(machine)),
    "qemu": lambda machine: flattened(kdump_dump(machine, qemu=True)),
}


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("build", WHOLE.values(), ids=WHOLE)
def test_whole(machine, put, build, full):
    found = check([put(build(machine))], full=full, jobs=1)
    assert (found.verdict, found.problems, found.advice) == ("whole", (), ())
    assert found.pages.machine == found.pages.stored == machine.pages
    assert {part.name: part.state for part in found.parts} == dict.fromkeys(
        ("log", "page tables", "stacks", "modules"), "whole"
    )
    assert part(found, "log").text == f"{len(building.LOG)} records"


def test_what_was_left_out_is_no_damage(machine, put):
    found = check([put(kdump_dump(machine, excluded=set(range(0x60, 0x80))))])
    assert found.verdict == "whole"
    assert (found.pages.stored, found.pages.excluded, found.pages.missing) == (96, 32, 0)


def test_what_was_left_out_and_is_needed(machine, put):
    """makedumpfile older than the kernel may filter away stacks and modules."""
    found = check([put(kdump_dump(machine, excluded={building.STACK // PAGE + 1, building.MODULE // PAGE}))])
    assert found.verdict == "whole"
    assert part(found, "stacks").state == part(found, "modules").state == "lost"
    assert any("filtered away" in advice for advice in found.advice)


@pytest.mark.parametrize("build", [elf_dump, kdump_dump, lambda machine: flattened(kdump_dump(machine))])
def test_cut(machine, put, build):
    data = build(machine)
    found = check([put(data[: len(data) * 2 // 3])])
    assert found.verdict == "incomplete"
    assert found.pages.missing > 0
    assert found.pages.missing + found.pages.stored == machine.pages
    assert "cut-off" in {problem.kind for problem in found.problems}
    assert any("salvage" in advice for advice in found.advice)


def test_elf_cut_says_what_is_hit(machine, put):
    data = elf_dump(machine, ranges=((0, building.PAGES),))
    found = check([put(data[: -building.PAGES * PAGE + building.STACK])])
    assert {part.name: part.state for part in found.parts} == {
        "log": "whole",
        "page tables": "whole",
        "stacks": "lost",
        "modules": "lost",
    }
    assert found.expected_size == len(data)


def test_no_room(machine, put):
    """makedumpfile that ran out of space leaves descriptors of zeros and sets a flag."""
    data = kdump_dump(machine, status=1 | 8, unwritten=set(range(100, building.PAGES)))
    found = check([put(data)])
    assert found.verdict == "incomplete"
    assert {problem.kind for problem in found.problems} == {"incomplete-flag", "never-written"}
    assert found.pages.missing == building.PAGES - 100
    found = check([put(elf_dump(machine, flags=1))])
    assert (found.verdict, found.problems[0].kind) == ("incomplete", "incomplete-flag")


def test_part_of_a_split_dump(machine, put):
    found = check([put(kdump_dump(machine, split=(0, 40)), "part")])
    assert found.verdict == "incomplete"
    assert found.problems[0].kind == "missing-part"
    assert (found.pages.stored, found.pages.missing) == (40, building.PAGES - 40)
    found = check([put(kdump_dump(machine, split=ends), f"p{ends[0]}") for ends in ((40, building.PAGES), (0, 40))])
    assert found.verdict == "whole"


def descriptors_at(machine):
    return len(kdump_dump(machine, excluded=range(machine.pages))) - PAGE


def test_files_of_a_split_dump_with_room_for_the_descriptors_of_all_of_it(machine, put):
    parts = [
        kdump_dump(machine, split=ends, room=building.PAGES, method="zstd") for ends in ((0, 40), (40, building.PAGES))
    ]
    found = check([put(data, f"p{number}") for number, data in enumerate(parts)])
    assert (found.verdict, found.pages.decoded, found.problems) == ("whole", machine.pages, ())
    wrong = kdump_dump(machine, split=(0, 40), room=building.PAGES - 1)
    assert check([put(wrong, "p0"), put(parts[1], "p1")]).verdict == "damaged"


def test_overwritten_descriptors(machine, put):
    data = bytearray(kdump_dump(machine))
    at = descriptors_at(machine) + 24 * 50
    data[at : at + 24 * 3] = b"\xa5" * 72
    found = check([put(bytes(data))])
    assert (found.verdict, found.pages.damaged) == ("damaged", 3)
    assert "0x32000" in found.problems[0].text


def test_overwritten_pages_are_found_by_full(put):
    machine = building.machine()
    data = bytearray(kdump_dump(machine))
    clean = check([put(bytes(data))], full=True)
    assert clean.pages.decoded == machine.pages
    data[-400:] = b"\xa5" * 400
    found = check([put(bytes(data))], full=True)
    assert found.verdict == "damaged"
    assert found.pages.damaged > 2
    assert found.problems[-1].kind == "bad-page"


def test_overwritten_bitmap(machine, put):
    data = bytearray(kdump_dump(machine))
    data[descriptors_at(machine) - PAGE + 5] = 0
    found = check([put(bytes(data))])
    assert found.verdict == "damaged"


@pytest.mark.parametrize("place", [32, 48, 64], ids=["vmcoreinfo", "notes", "eraseinfo"])
def test_sub_header_that_points_out_of_the_file(machine, put, place):
    data = bytearray(kdump_dump(machine))
    struct.pack_into("<QQ", data, PAGE + place, 1 << 62, 100)
    found = check([put(bytes(data))])
    assert found.verdict == "damaged"
    assert "behind the file's end" in found.problems[0].text


def test_a_dump_beyond_4_gib(machine, tmp_path, monkeypatch):
    """Its descriptors are seen to be sane without a look at each."""
    data = bytearray(kdump_dump(machine))
    at, far = descriptors_at(machine), 5 << 32
    zeros = min(struct.unpack_from("<Q", data, at + 24 * number)[0] for number in range(machine.pages))
    for number in range(machine.pages):
        offset = struct.unpack_from("<Q", data, at + 24 * number)[0]
        if offset != zeros:
            struct.pack_into("<Q", data, at + 24 * number, offset + far)
    path = tmp_path / "vmcore"
    with path.open("wb") as file:
        file.write(data[: zeros + PAGE])
        file.seek(far + zeros + PAGE)
        file.write(data[zeros + PAGE :])
        file.write(bytes(2 * PAGE))
    monkeypatch.setattr("lastwords.vmcore.page_check._each", lambda *_: pytest.fail("looked at each"))
    found = check([str(path)], full=True)
    assert (found.verdict, found.pages.stored) == ("whole", machine.pages)


def test_full_on_several_cores_agrees_with_one(machine, put, monkeypatch):
    monkeypatch.setattr("lastwords.vmcore.page_check._TASK", 16)
    monkeypatch.setattr("lastwords.vmcore.page_check._WORTH_A_POOL", 0)
    data = bytearray(kdump_dump(machine))
    data[-300:-200] = b"\xa5" * 100
    path = put(bytes(data))
    steps = []
    two = check([path], full=True, jobs=2, progress=lambda *step: steps.append(step))
    assert two == check([path], full=True, jobs=1)
    assert steps[-1] == (machine.pages, machine.pages)


def test_a_process_that_dies_is_one_line(machine, put, monkeypatch):
    from click.testing import CliRunner

    from lastwords.cli.verify import command

    monkeypatch.setattr("lastwords.vmcore.page_check._WORTH_A_POOL", 0)
    monkeypatch.setattr("lastwords.vmcore.page_check.unpack", lambda *_: os._exit(9))
    path = put(kdump_dump(machine))
    done = CliRunner().invoke(command, ["--full", "-j", "2", path])
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith(f"lastwords: {path}: a process that unpacked pages died")


def test_overwritten_header(machine, put):
    for data in (kdump_dump(machine), elf_dump(machine)):
        found = check([put(data[:8] + b"\xa5" * 500 + data[508:])])
        assert found.verdict == "damaged"


def test_a_reader_with_symbols_adds_what_it_knows(machine, put):
    from lastwords.model.dump import DumpPart

    more = DumpPart(name="tasks", state="whole", text="52")
    assert check([put(elf_dump(machine))], more=lambda opened: [more]).parts[-1] == more


def test_levels():
    assert level_text(0) == "0: nothing left out"
    assert level_text(17) == "17: without zero pages, free pages"


def test_command(machine, put):
    run = CliRunner()
    whole, cut = put(kdump_dump(machine), "whole"), put(kdump_dump(machine)[:-2000], "cut")
    result = run.invoke(command, [whole])
    assert result.exit_code == 0
    assert "WHOLE" in result.output
    assert building.BUILD_ID in result.output
    result = run.invoke(command, [whole, cut])
    assert result.exit_code == 1
    assert "INCOMPLETE" in result.output
    result = run.invoke(command, ["--json", "--full", "-j1", whole, cut])
    first, second = (json.loads(line) for line in result.stdout.splitlines())
    assert (first["verdict"], first["full"], second["verdict"]) == ("whole", True, "incomplete")
    assert first["dump"]["release"] == building.RELEASE


@pytest.mark.parametrize(
    ("data", "text"),
    [(b"hello\n" * 100, "analyze"), (b"\xd0\xbe\xd2\xbe" + bytes(600), "vmss2core"), (b"", "neither")],
)
def test_command_on_no_dump(put, data, text):
    result = CliRunner().invoke(command, [put(data)])
    assert result.exit_code == 2
    assert text in result.stderr
    assert result.stdout == ""
    assert CliRunner().invoke(command, ["/nonexistent"]).exit_code == 2


def test_names_of_files_are_made_harmless(machine, put):
    result = CliRunner().invoke(command, [put(kdump_dump(machine), "evil\x1b[2J")])
    assert "\x1b" not in result.output


def test_a_log_that_was_overwritten_is_damage(machine, put, monkeypatch):
    lost = [DumpPart(name="log", state="lost", text="its descriptor makes no sense")]
    monkeypatch.setattr(verify, "parts", lambda opened: lost)
    found = check([put(elf_dump(machine))])
    assert found.verdict == "damaged"
    assert found.summary == "the log can't be read: its descriptor makes no sense"
    assert any("looks for the log" in advice for advice in found.advice)


def test_of_a_large_dump_only_some_pages_are_unpacked(machine, put, monkeypatch):
    path = put(kdump_dump(machine))
    assert check([path]).full
    monkeypatch.setattr(verify, "SAMPLE", 16)
    assert not check([path], small=0).full
    monkeypatch.setattr(verify, "SMALL", 0)
    found = check([path])
    assert not found.full
    assert found.pages.decoded < found.pages.stored
    assert "--full unpacks all" in found.summary
    assert ": LOOKS WHOLE: " in CliRunner().invoke(command, [path]).stdout
