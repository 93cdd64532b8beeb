"""A small machine, built once: `tests/vmcore/building.py`."""

import pytest

from . import building


@pytest.fixture(scope="session")
def machine():
    return building.machine()


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def put(tmp_path):
    """Writes bytes into a file and gives its path."""

    def write(data, name="vmcore"):
        path = tmp_path / name
        path.write_bytes(data)
        return str(path)

    return write
