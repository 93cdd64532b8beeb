import pytest

from ..trees import BUILD_ID, elf
from .cases import Case, judge


def power(tree):
    return tree.write("/bin/sh", elf(BUILD_ID, machine=21), mode=0o755)


def ibm_z(tree):
    return tree.write("/bin/sh", elf(BUILD_ID, machine=22), mode=0o755)


def fadump(tree, enabled="1", registered="1"):
    power(tree).write("/sys/kernel/fadump/enabled", enabled).write("/sys/kernel/fadump/registered", registered)
    return tree.write("/sys/kernel/fadump/mem_reserved", f"{1 << 30}")


CASES = [
    Case("fadump", "not-applicable", value="not on x86_64"),
    Case("fadump", "ok", fadump, value="registered, 1 GiB reserved"),
    Case("fadump", "fail", lambda tree: fadump(tree, registered="0"), fix="enable --now kdump.service", on="rhel9"),
    Case("fadump", "not-applicable", lambda tree: fadump(tree, enabled="0"), value="fadump=on"),
    Case(
        "fadump",
        "ok",
        lambda tree: power(tree).write("/sys/kernel/fadump_enabled", "1").write("/sys/kernel/fadump_registered", "1"),
    ),
    Case("zfcpdump", "not-applicable", value="not on x86_64"),
    Case("zfcpdump", "warn", lambda tree: ibm_z(tree).write("/sys/firmware/dump/dump_type", "none"), fix="dumpconf"),
    Case(
        "zfcpdump",
        "ok",
        lambda tree: (
            ibm_z(tree)
            .write("/sys/firmware/dump/dump_type", "fcp")
            .write("/sys/firmware/shutdown_actions/on_panic", "dump_reipl")
        ),
    ),
    Case(
        "zfcpdump",
        "warn",
        lambda tree: (
            ibm_z(tree)
            .write("/sys/firmware/dump/dump_type", "ccw")
            .write("/sys/firmware/shutdown_actions/on_panic", "stop")
        ),
        value="on_panic is stop",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case, tree):
    judge(case, tree)
