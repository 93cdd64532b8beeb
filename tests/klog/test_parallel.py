from pathlib import Path

import pytest

from lastwords.klog import parallel
from lastwords.klog.inputs import find
from lastwords.klog.parallel import scan_all
from tests.klog.test_scan import OOPS, healthy, spread


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i in range(70):
        (tmp_path / f"{i:03}.log").write_text(healthy(5) + (OOPS.format(9.0, f"culprit_{i}") if i % 3 else ""))
    return tmp_path


def test_several_processes_say_what_one_says(folder):
    sources = find([str(folder)])
    assert len(sources) == 70
    read = list[int]()
    assert list(scan_all(sources, 2, read.append)) == list(scan_all(sources))
    assert sum(read) == sum(path.stat().st_size for path in folder.iterdir())


def test_a_huge_file_in_pieces_says_what_one_process_says(tmp_path, monkeypatch):
    monkeypatch.setattr(parallel, "PIECE", 200 << 10)
    text, _ = spread(5, 3001)
    (tmp_path / "huge.log").write_text(text)
    (tmp_path / "small.log").write_text(OOPS.format(5.0, "small"))
    sources = find([str(tmp_path)])
    alone = list(scan_all(sources))
    assert list(scan_all(sources, 2)) == alone
    assert [o.follows for o in alone[0].oopses] == [None] * 5


def test_one_small_file_needs_no_processes(tmp_path, monkeypatch):
    monkeypatch.setattr(parallel, "_processes", lambda jobs: pytest.fail("started processes"))
    (tmp_path / "a.log").write_text(OOPS.format(5.0, "small"))
    [found] = scan_all(find([str(tmp_path)]), 8)
    assert [o.function for o in found.oopses] == ["small"]


def test_files_that_vanish_are_errors(folder):
    sources = find([str(folder)])
    (folder / "003.log").unlink()
    found = list(scan_all(sources, 2))
    assert [r.path for r in found if r.error is not None] == [str(folder / "003.log")]
    assert len(found) == 70


def _die(sources):
    import os

    os._exit(9)


def test_a_process_that_was_killed(folder, monkeypatch):
    monkeypatch.setattr(parallel, "_whole", _die)
    found = list(scan_all(find([str(folder)]), 2))
    assert len(found) == 70
    assert all(r.error is not None and "killed" in r.error for r in found)
