"""A guest with lastwords in it. Under emulation each boot takes half a minute: tests of one file share one guest."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lastwords.lab.system import Guest, image, overlay

from . import payload


@contextmanager
def booted(directory: Path, *devices: str, memory_file: Path | None = None) -> Iterator[Guest]:
    """A fresh system that is up, with lastwords installed."""
    console = directory / "console"
    disk = overlay(image(), directory / "disk.qcow2")
    try:
        with Guest(disk, console, devices=[*payload.devices(), *devices], memory_file=memory_file) as guest:
            guest.wait_for_boot()
            guest.run(payload.MOUNT)
            yield guest
    finally:
        # pytest shows it where a test fails: a guest that hung says why only there.
        tail = console.read_bytes()[-6000:].decode(errors="replace") if console.exists() else ""
        sys.stdout.write(f"--- end of {console} ---\n{tail}\n")


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("guest")
