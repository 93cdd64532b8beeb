"""Dumps whose page tables are lost: what can be found without them is. On real kernels: tests/lab/test_forms.py."""

import random

import pytest

from lastwords.vmcore.program import open_program

from .small_dump import BASE, RELEASE, SIZE, small_dump

_TABLES = {"top": range(0x40000, 0x41000), "last": range(0x42000, 0x43000), "all": range(0x40000, 0x43000)}


@pytest.fixture(params=_TABLES)
def damaged(request, tmp_path):
    """Makes a dump with tables overwritten."""

    def make(fill):
        path = tmp_path / "vmcore"
        small_dump(path)
        place = _TABLES[request.param]
        with path.open("rb+") as file:
            file.seek(path.stat().st_size - SIZE + place.start)
            file.write(fill(len(place)))
        return path

    return make


@pytest.mark.parametrize("fill", [random.Random(3).randbytes, bytes], ids=["garbage", "zeros"])
def test_the_image_is_read_without_page_tables(damaged, fill):
    kernel = open_program(damaged(fill))
    assert kernel.symbols.source == "btf"
    assert kernel.symbols.banner is not None
    assert kernel.symbols.banner.startswith(f"Linux version {RELEASE}")
    assert kernel.prog["init_task"].comm.string_() == b"swapper/0"
    assert kernel.prog.symbol(BASE + 0x50).name == "schedule"


def test_the_report_says_so(damaged):
    costs = open_program(damaged(random.Random(4).randbytes)).symbols.costs
    assert sum(cost.startswith("Page tables are lost: ") for cost in costs) == 1


def test_of_a_dump_with_its_tables_nothing_is_said(tmp_path):
    small_dump(tmp_path / "vmcore")
    assert not any("age tables" in cost for cost in open_program(tmp_path / "vmcore").symbols.costs)
