"""What all tests share: reproducible examples, and which kernels the suite boots by default."""

import os
import re

import pytest
from hypothesis import settings

# Hypothesis finds the same examples in each run, however busy the machine is.
settings.register_profile("suite", deadline=None, derandomize=True)
settings.load_profile("suite")

# Of the tests that boot kernels, these run by default: on two CPUs a minute or two, and some ten for the whole systems.
# `scripts/test --all` runs them all, on all kernels and in all forms of dumps, which takes half an hour.
_DEFAULT = re.compile(
    r"test_fresh_crashes\.py::test_crash_(?:and_elf_dump|without_initramfs)"
    r"|test_dumps\.py::.*\[6\.1-(?:null-field|timer-null|hung-task|nx-exec|stack-overflow|storage-mod|wild-pointer"
    r"|slab-neighbour|reused-memory|lock-holder-spins|text-flip)\]"
    r"|test_dumps\.py::.*\[6\.1-arm64-null-function\]"
    r"|test_wordings\.py::.*\[6\.1-arm64\]"
    r"|test_whole_way\.py|test_without_kdump\.py"
    r"|test_live_kernel_in_guest\.py|test_qmp_lab\.py|test_hung_guest\.py"
)


@pytest.fixture(autouse=True)
def no_test_crashes_this_machine(tmp_path_factory, monkeypatch):
    """Whatever a test does: SysRq's keys go into a file, which is given; what the kernel's log would get, too."""
    for name in ("LOG", "OURSELVES"):
        monkeypatch.setattr(f"lastwords.host.crash.{name}", str(tmp_path_factory.getbasetemp() / f"crash-{name}"))
    keys = tmp_path_factory.getbasetemp() / "sysrq-trigger"
    monkeypatch.setattr("lastwords.host.crash.TRIGGER", str(keys))
    return keys


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what only `scripts/test --all` runs."""
    if os.environ.get("LASTWORDS_LAB") == "all":
        return
    left_out = [item for item in items if item.get_closest_marker("lab") and not _DEFAULT.search(item.nodeid)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]
