import os

import pytest

from .cases import Case, judge

EFIVARS = "/sys/firmware/efi/efivars"
SECURE = f"{EFIVARS}/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
SETUP = f"{EFIVARS}/SetupMode-8be4df61-93ca-11d2-aa0d-00e098032b8c"


def enforced(tree):
    return tree.write(SECURE, b"\6\0\0\0\1")


def not_loaded(tree):
    return tree.write("/sys/kernel/kexec_crash_loaded", "0")


CASES = [
    Case("secure-boot", "ok", value="^off$"),
    Case("secure-boot", "ok", enforced, value="on, and the crash kernel is loaded"),
    Case("secure-boot", "ok", lambda tree: enforced(tree).write(SETUP, b"\6\0\0\0\1"), value="^off$"),
    Case("secure-boot", "warn", lambda tree: not_loaded(enforced(tree)), fix="signed kernel"),
    Case(
        "secure-boot",
        "warn",
        lambda tree: enforced(tree).swap(f"/boot/config-{tree.release}", "CONFIG_KEXEC_FILE=y\n", ""),
        value="no kexec_file_load",
    ),
    Case("secure-boot", "not-applicable", lambda tree: tree.remove("/sys/firmware/efi")),
    Case("secure-boot", "warn", lambda tree: not_loaded(tree).write("/sys/firmware/ipl/secure", "1\n")),
    Case("lockdown", "ok", value="^none$"),
    Case(
        "lockdown",
        "ok",
        lambda tree: tree.write("/sys/kernel/security/lockdown", "none [integrity] confidentiality"),
        value="integrity",
    ),
    Case(
        "lockdown",
        "warn",
        lambda tree: not_loaded(tree).write("/sys/kernel/security/lockdown", "none [integrity] confidentiality"),
        value="signed",
    ),
    Case(
        "lockdown", "warn", lambda tree: tree.write("/sys/kernel/security/lockdown", "none integrity [confidentiality]")
    ),
    Case("lockdown", "not-applicable", lambda tree: tree.remove("/sys/kernel/security/lockdown")),
    Case("selinux-labels", "not-applicable"),
    Case(
        "selinux-labels", "ok", lambda tree: tree.write("/sys/fs/selinux/enforce", "0"), value="permissive", on="rhel9"
    ),
    Case("selinux-labels", "unknown", lambda tree: tree.write("/sys/fs/selinux/enforce", "1"), on="rhel9"),
    Case("memory-encryption", "ok"),
    Case("memory-encryption", "unknown", lambda tree: tree.commands.pop("dmesg ")),
    Case(
        "memory-encryption",
        "ok",
        lambda tree: tree.says(
            "dmesg ", "[    0.0] Linux version 6.1\n[    1.0] Memory Encryption Features active: AMD SME\n"
        ),
        value="AMD SME",
    ),
    Case(
        "memory-encryption",
        "warn",
        lambda tree: tree.says(
            "dmesg ", "[    0.0] Linux version 6.1\n[    1.0] Memory Encryption Features active: AMD SEV SEV-ES\n"
        ),
        value="SEV-ES",
        fix="rehearse",
    ),
    Case("memory-encryption", "warn", lambda tree: tree.add("/proc/cpuinfo", "flags : tdx_guest\n"), value="TDX"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case, tree):
    judge(case, tree)


@pytest.mark.parametrize(
    ("label", "status"), [("system_u:object_r:kdump_crash_t:s0", "ok"), ("system_u:object_r:default_t:s0", "warn")]
)
def test_labels(label, status, tree, monkeypatch):
    monkeypatch.setattr(os, "getxattr", lambda path, name: label.encode() + b"\0")
    fix = "restorecon -Rv /var/crash" if status == "warn" else ""
    judge(
        Case("selinux-labels", status, lambda tree: tree.write("/sys/fs/selinux/enforce", "1"), label, fix, "rhel9"),
        tree,
    )
