"""Dumps of a real machine in a known state."""

from pathlib import Path

import pytest

from lastwords.lab import cases, experiment, kernels
from lastwords.vmcore.session import Question, read_dump, sources_of

FOLDER = Path(__file__).parent / "lab"


@pytest.fixture(scope="session", params=["6.1", "6.12", "backports", "5.10"])
def outcome(request, tmp_path_factory):
    """The machine-state case, crashed now."""
    folder = tmp_path_factory.mktemp("lab")
    case = cases.case("machine-state", FOLDER)
    return experiment.run(case, kernels.kernel(request.param), folder / "log", elf=folder / "vmcore")


@pytest.fixture(scope="session")
def reading(outcome):
    """Everything in its dump, without debuginfo."""
    return read_dump(Question(sources=sources_of([str(outcome.dump)], debuginfo=False), log=True))


@pytest.fixture(scope="session")
def machine(reading):
    return reading.machine
