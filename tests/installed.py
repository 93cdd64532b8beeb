"""Packages of third parties, installed for one test."""

import sys
from pathlib import Path

import pytest


def install(monkeypatch: pytest.MonkeyPatch, folder: Path, group: str, **modules: str) -> None:
    """Put modules, by name and text, where Python finds them, each with an entry point of that group."""
    information = folder / "third_party-1.0.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: third-party\nVersion: 1.0\n")
    points = [f"{name} = third_party_{name}\n" for name in modules]
    (information / "entry_points.txt").write_text("".join((f"[{group}]\n", *points)))
    for name, text in modules.items():
        (folder / f"third_party_{name}.py").write_text(text)
        monkeypatch.setitem(sys.modules, f"third_party_{name}", None)  # taken out again after the test
        del sys.modules[f"third_party_{name}"]
    monkeypatch.syspath_prepend(folder)
