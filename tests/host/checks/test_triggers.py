import pytest

from lastwords.host.triggers import TRIGGERS, advised

from .cases import Case, judge


def setting(name, value):
    return lambda tree: tree.sysctl(name, value)


def guest(tree):
    return tree.add("/proc/cpuinfo", "flags : fpu hypervisor\n")


# Each meaning of each setting, once: the lowest and the highest value that it stands for.
MEANINGS = [
    Case(
        trigger.id,
        meaning.status,
        setting(trigger.setting, str(value)),
        fix="sysctl -p" if meaning.status != "ok" else "",
    )
    for trigger in TRIGGERS
    for meaning in trigger.meanings
    for value in {max(meaning.low, -9), min(meaning.high, 100_000)}
]

CASES = [
    *MEANINGS,
    Case("panic", "unknown", setting("kernel.panic", "much")),
    Case("panic-on-oops", "warn", setting("kernel.panic_on_oops", "0"), "there is no dump", "kernel.panic_on_oops = 1"),
    Case(
        "unknown-nmi-panic",
        "warn",
        lambda tree: tree.write("/etc/sysctl.d/99-lastwords.conf", "kernel.panic = 10\n"),
        value="1: it makes a dump; but the next boot sets 0",
        fix="unknown_nmi_panic = 1",
    ),
    Case(
        "unknown-nmi-panic",
        "ok",
        lambda tree: tree.write("/etc/sysctl.d/99-lastwords.conf", "").argument("unknown_nmi_panic"),
    ),
    # Debian's kdump-config sets it whenever it loads the crash kernel.
    Case("panic-on-oops", "ok", lambda tree: tree.write("/etc/sysctl.d/99-lastwords.conf", "")),
    Case("panic-on-oops", "warn", lambda tree: tree.write("/etc/sysctl.d/99-lastwords.conf", ""), on="rhel9"),
    Case(
        "panic-on-oops",
        "ok",
        lambda tree: tree.write("/etc/sysctl.d/99-lastwords.conf", "").argument("oops=panic"),
        on="rhel9",
    ),
    Case(
        "panic-on-oops",
        "ok",
        lambda tree: tree.write("/etc/sysctl.d/99-lastwords.conf", "").add(
            f"/boot/config-{tree.release}", "CONFIG_PANIC_ON_OOPS=y\n"
        ),
        on="rhel9",
    ),
    Case(
        "hardlockup-panic",
        "ok",
        lambda tree: guest(tree).sysctl("kernel.hardlockup_panic", "0"),
        value="virtual machine",
    ),
    Case("nmi-watchdog", "not-applicable", setting("kernel.nmi_watchdog", None)),
    Case(
        "panic",
        "warn",
        lambda tree: tree.remove("/proc/sys").write("/etc/sysctl.d/99-lastwords.conf", "kernel/panic = 0"),
        value="^0: it hangs",
    ),
    Case("all-cpu-backtrace", "ok", value="on: softlockup_all_cpu_backtrace; off: oops_"),
    Case("all-cpu-backtrace", "ok", setting("kernel.softlockup_all_cpu_backtrace", "0"), value="^off"),
    Case("sysrq", "ok"),
    Case("sysrq", "ok", setting("kernel.sysrq", "184")),
    Case("sysrq", "warn", setting("kernel.sysrq", "438"), "438: -c, -w and -l", "kernel.sysrq = 446"),
    Case("sysrq", "warn", setting("kernel.sysrq", "0"), "nothing is allowed", "kernel.sysrq = 8"),
    Case("sysrq", "not-applicable", setting("kernel.sysrq", None)),
    Case("panic-on-taint", "ok"),
    Case("panic-on-taint", "warn", lambda tree: tree.argument("panic_on_taint=0x1000"), "0x1000"),
    Case("panic-on-taint", "unknown", lambda tree: tree.remove("/proc/cmdline")),
    Case("post-notifiers", "ok", value="^off"),
    Case(
        "post-notifiers",
        "ok",
        lambda tree: tree.write("/sys/module/kernel/parameters/crash_kexec_post_notifiers", "Y"),
        value="^on",
    ),
    Case("hardware-watchdog", "not-applicable"),
    Case("hardware-watchdog", "ok", lambda tree: watchdog(tree, "inactive", 30), value="not in use"),
    Case("hardware-watchdog", "ok", lambda tree: watchdog(tree, "active", 600), value="iTCO_wdt, 600 s"),
    Case(
        "hardware-watchdog",
        "warn",
        lambda tree: watchdog(tree, "active", 30),
        value="shorter",
        fix="RuntimeWatchdogSec",
    ),
    Case("hardware-watchdog", "ok", lambda tree: watchdog(tree, "active", 30), value="dracut", on="rhel9"),
    Case("fence-kdump", "not-applicable"),
    Case("fence-kdump", "warn", lambda tree: tree.write("/etc/corosync/corosync.conf"), fix="fence_kdump"),
    Case(
        "fence-kdump",
        "ok",
        lambda tree: tree.write("/etc/corosync/corosync.conf").add("/etc/kdump.conf", "fence_kdump_nodes node2\n"),
        on="rhel9",
    ),
]


def watchdog(tree, state, timeout):
    directory = "/sys/class/watchdog/watchdog0"
    tree.write(f"{directory}/state", state).write(f"{directory}/timeout", f"{timeout}\n")
    return tree.write(f"{directory}/identity", "iTCO_wdt\n")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case, tree):
    judge(case, tree)


def test_what_is_advised_is_well():
    meant = {trigger.setting: trigger for trigger in TRIGGERS}
    for name, value in advised().items():
        statuses = [one.status for one in meant[name].meanings if one.low <= int(value) <= one.high]
        assert statuses == ["ok"], name


@pytest.mark.parametrize("trigger", TRIGGERS, ids=lambda trigger: trigger.id)
def test_meanings_leave_no_gap(trigger):
    for one, following in zip(trigger.meanings, trigger.meanings[1:], strict=False):
        assert following.low == one.high + 1
