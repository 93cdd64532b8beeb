"""Dumps of a real machine in a known state."""

import shutil
from pathlib import Path

import pytest

from lastwords.lab import cases, experiment, kernels, modules

FOLDER = Path(__file__).parent / "lab"


@pytest.fixture(scope="session", params=["6.1"])
def outcome(request, tmp_path_factory):
    """The machine-state case, crashed now; its dump is of the whole memory."""
    folder = tmp_path_factory.mktemp("lab")
    shutil.copytree(FOLDER, folder, dirs_exist_ok=True)
    shutil.copy(cases.FOLDER / "lab.h", folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cases, "FOLDER", folder)
        patch.setattr(modules, "FOLDER", folder)
        return experiment.run(
            cases.case("machine-state"), kernels.kernel(request.param), folder / "log", elf=folder / "vmcore"
        )
