import os

import pytest

from lastwords.host.command import Ran

from ..test_settings import MEM_USAGE
from ..trees import GIB, NOW
from .cases import Case, judge

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ\n"


def uninstalled(tree):
    return tree.remove("/etc/default/kdump-tools").write("/sys/kernel/kexec_crash_loaded", "0")


def free(size):
    return lambda tree: setattr(tree, "free", size)


def setting(text):
    return lambda tree: tree.add("/etc/default/kdump-tools", f"{text}\n")


def conf(text):
    return lambda tree: tree.add("/etc/kdump.conf", f"{text}\n")


def ssh(tree, key=KEY):
    conf("ssh root@dumps.example")(tree)
    tree.write("/root/.ssh/kdump_id_rsa", key)
    return tree.write("/root/.ssh/known_hosts", "dumps.example ssh-ed25519 AAAA\n")


def luks(tree):
    tree.link("/dev/mapper/crypt", "../dm-0").write("/dev/dm-0")
    tree.write("/sys/devices/virtual/block/dm-0/dm/uuid", "CRYPT-LUKS2-0123-crypt\n")
    tree.link("/sys/class/block/dm-0", "../../devices/virtual/block/dm-0")
    return tree.swap("/proc/self/mounts", "/dev/sda2", "/dev/mapper/crypt")


def version(text):
    return lambda tree: tree.says("makedumpfile -v ", f"makedumpfile: version {text} (released on 1 Jan 2020)\n")


CASES = [
    Case("dump-target", "ok", value=r"/var/crash on /dev/sda2 \(ext4\)"),
    Case("dump-target", "ok", value="/var/crash on", on="suse15"),
    Case("dump-target", "ok", conf("nfs server:/exports"), value="nfs to server:/exports/var/crash", on="rhel9"),
    Case("dump-target", "ok", conf("ext4 UUID=0123"), value=r"/var/crash on UUID=0123 \(ext4\)", on="fedora41"),
    Case("dump-target", "ok", conf("raw /dev/sdb1"), value="raw to /dev/sdb1", on="fedora41"),
    Case("dump-target", "ok", setting("SSH=crash@dumps"), value="ssh to crash@dumps"),
    Case("dump-target", "ok", setting("NFS=server:/exports"), value="nfs to server:/exports"),
    Case(
        "dump-target",
        "ok",
        lambda tree: tree.swap("/etc/sysconfig/kdump", '"/var/crash"', '"nfs://server/exports"'),
        value="nfs to server:/exports",
        on="suse15",
    ),
    Case("dump-target", "fail", uninstalled, value="kdump is not installed", fix="apt-get install kdump-tools"),
    Case(
        "dump-target",
        "fail",
        lambda tree: tree.swap("/etc/sysconfig/kdump", '"compressed"', '"none"'),
        value="only the log",
        on="suse15",
    ),
    Case(
        "dump-target",
        "unknown",
        lambda tree: tree.remove("/etc/default/kdump-tools"),
        value="not by the distribution's",
    ),
    Case("dump-target", "unknown", on="arch"),
    Case("dump-target-writable", "ok", value="/var/crash, ext4, writable"),
    Case("dump-target-writable", "warn", lambda tree: tree.remove("/var/crash"), fix="mkdir -p /var/crash"),
    Case(
        "dump-target-writable",
        "fail",
        lambda tree: tree.remove("/var/crash"),
        fix="mkdir.*kdumpctl rebuild",
        on="rhel9",
    ),
    Case(
        "dump-target-writable",
        "fail",
        lambda tree: tree.add("/proc/self/mounts", "tmpfs /var tmpfs rw 0 0\n"),
        value="tmpfs: gone after a reboot",
    ),
    Case(
        "dump-target-writable",
        "fail",
        lambda tree: tree.add("/proc/self/mounts", "/dev/sdb1 /var/crash ext4 ro 0 0\n"),
        value="read-only",
        fix="remount,rw /var/crash",
    ),
    Case("dump-target-writable", "unknown", lambda tree: tree.remove("/proc/self"), value="not known"),
    Case("dump-target-writable", "not-applicable", setting("SSH=crash@dumps")),
    Case("dump-target-writable", "unknown", conf("ext4 /dev/sdz9"), value="not mounted here", on="rhel9"),
    # MemTotal 16.0 - MemFree 4.0 - Cached 6.0 - Buffers 0.2 - AnonPages 3.0 million kB: 2.7 GiB to pack.
    Case("dump-room", "ok", value="200 GiB free; a dump at level 31 .* about 546.9 MiB, at worst 1.3 GiB"),
    Case("dump-room", "warn", free(1 * GIB)),
    Case(
        "dump-room",
        "fail",
        lambda tree: tree.write("/var/crash/1/dump-incomplete", "x" * 4096) and free(9 << 20)(tree),
        value="^9 MiB free; a dump",
        fix=r"unfinished dumps there take 4 KiB: lastwords capture, then remove them",
    ),
    Case(
        "dump-room",
        "ok",
        lambda tree: (free(1 * GIB)(tree), tree.says("makedumpfile --mem-usage /proc/kcore ", MEM_USAGE)),
        value="about 7.8 MiB, at worst 19.5 MiB",
    ),
    Case("dump-room", "fail", free(100 << 20), fix="make room in /var/crash"),
    Case(
        "dump-room",
        "fail",
        lambda tree: (conf("core_collector makedumpfile -d 0")(tree), free(8 * GIB)(tree)),
        fix="31",
        on="rhel9",
    ),
    Case("dump-room", "fail", lambda tree: setattr(tree, "inodes", 3), value="no inodes"),
    Case("dump-room", "fail", lambda tree: tree.swap("/etc/sysconfig/kdump", "SIZE=64", "SIZE=204700"), on="suse15"),
    Case("dump-room", "unknown", lambda tree: tree.remove("/proc/meminfo")),
    Case(
        "dump-room",
        "ok",
        lambda tree: tree.sysctl("kernel.osrelease", "6.12.9-amd64"),
        value="without zero pages, page cache, private page cache, user pages. will take about 1.3 GiB",
    ),
    Case("makedumpfile", "ok", value="1.7.2, on kernel 6.1"),
    Case("makedumpfile", "fail", lambda tree: tree.remove("/usr/bin/makedumpfile"), fix="apt-get install makedumpfile"),
    Case(
        "makedumpfile",
        "fail",
        lambda tree: tree.remove("/usr/bin/makedumpfile"),
        fix="dnf install kexec-tools",
        on="rhel9",
    ),
    Case(
        "makedumpfile",
        "fail",
        lambda tree: tree.remove("/usr/bin/makedumpfile"),
        fix="dnf install makedumpfile",
        on="fedora41",
    ),
    Case(
        "makedumpfile", "warn", lambda tree: tree.sysctl("kernel.osrelease", "6.12.9-amd64"), value="keeps free pages"
    ),
    Case("makedumpfile", "warn", version("1.6.8"), value="can't find the log"),
    Case(
        "makedumpfile",
        "warn",
        lambda tree: tree.sysctl("kernel.osrelease", "6.6.9-amd64"),
        value="up to 6.0, and this is 6.6",
    ),
    Case("makedumpfile", "ok", lambda tree: (version("1.7.8")(tree), tree.sysctl("kernel.osrelease", "6.18.1"))),
    Case("makedumpfile", "unknown", lambda tree: tree.commands.pop("makedumpfile -v ")),
    Case(
        "makedumpfile",
        "ok",
        lambda tree: (
            tree.commands.pop("makedumpfile -v ")
            and tree.write(
                "/var/lib/dpkg/status",
                "Package: make\nStatus: install ok installed\nVersion: 4.3-4\n\n"
                "Package: makedumpfile\nStatus: install ok installed\nPriority: optional\nVersion: 1:1.7.2-1\n\n",
            )
        ),
        value="1.7.2",
    ),
    Case(
        "makedumpfile",
        "ok",
        lambda tree: tree.swap("/etc/kdump.conf", "makedumpfile -l --message-level 7 -d 31", "cp --sparse").program(
            "cp"
        ),
        value="cp is used instead",
        on="rhel9",
    ),
    Case(
        "makedumpfile",
        "fail",
        lambda tree: tree.swap("/etc/kdump.conf", "makedumpfile -l --message-level 7 -d 31", "dumper"),
        value="dumper is not there",
        on="rhel9",
    ),
    Case("collector-options", "ok", value="-c -d 31"),
    Case(
        "collector-options",
        "fail",
        lambda tree: tree.says("makedumpfile --check-params ", Ran(status=1, err=b"Dump_level is invalid.\n")),
        value="Dump_level is invalid",
    ),
    Case("collector-options", "fail", setting('MAKEDUMP_ARGS="-d 99"'), value="dump level 99"),
    Case("collector-options", "ok", lambda tree: tree.commands.pop("makedumpfile --check-params "), value="not tried"),
    Case("remote-target", "not-applicable"),
    Case(
        "remote-target",
        "unknown",
        ssh,
        value="the key is there",
        fix="ssh -i /root/.ssh/kdump_id_rsa -o BatchMode=yes",
        on="rhel9",
    ),
    Case("remote-target", "fail", conf("ssh root@dumps.example"), fix="kdumpctl propagate", on="rhel9"),
    Case("remote-target", "fail", setting("SSH=crash@dumps"), fix="kdump-config propagate"),
    Case(
        "remote-target",
        "fail",
        lambda tree: ssh(tree, "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"),
        value="passphrase",
        on="rhel9",
    ),
    Case(
        "remote-target",
        "warn",
        lambda tree: ssh(tree).write("/root/.ssh/known_hosts", ""),
        value="host key",
        on="rhel9",
    ),
    Case(
        "remote-target",
        "unknown",
        conf("nfs server:/exports"),
        fix="mount -t nfs server:/exports/var/crash",
        on="rhel9",
    ),
    Case("encrypted-target", "not-applicable", value="not encrypted"),
    Case("encrypted-target", "warn", luks, fix="link-volume-key"),
    Case(
        "encrypted-target",
        "ok",
        lambda tree: luks(tree).write("/etc/crypttab", "crypt UUID=1 none link-volume-key=@u::%user:x\n"),
    ),
    Case("dump-retention", "ok", value="all are kept; 1 dumps, 300 MiB"),
    Case("dump-retention", "ok", setting("KDUMP_NUM_DUMPS=3"), value="the last 3"),
    Case("dump-retention", "ok", value="the last 5", on="suse15"),
    Case("dump-retention", "warn", free(200 << 20), fix="KDUMP_NUM_DUMPS=3"),
    Case("dump-retention", "warn", free(200 << 20), fix="systemd-tmpfiles", on="rhel9"),
    Case("incomplete-dumps", "ok"),
    Case(
        "incomplete-dumps",
        "warn",
        lambda tree: tree.big("/var/crash/202403101700/dump-incomplete", 1 << 20, at=NOW),
        fix="lastwords verify /var/crash/202403101700/dump-incomplete",
    ),
    Case(
        "incomplete-dumps", "warn", lambda tree: tree.big("/var/crash/x/vmcore-incomplete", 1 << 20, at=NOW), on="rhel9"
    ),
    Case("dump-directory-mode", "ok", value="0700"),
    Case("dump-directory-mode", "ok", value="0755, and no dump", on="rhel9"),
    Case("dump-directory-mode", "warn", lambda tree: tree.mkdir("/var/crash", 0o777), fix="chmod o-w /var/crash"),
    Case(
        "dump-directory-mode",
        "warn",
        lambda tree: tree.big("/var/crash/127.0.0.1-2024-03-09-16:00:00/vmcore", 9, mode=0o644),
        fix="chmod o-r",
        on="rhel9",
    ),
    Case("dump-directory-mode", "not-applicable", lambda tree: tree.remove("/var/crash")),
    Case("failure-action", "ok", value="reboot"),
    Case("failure-action", "ok", on="suse15"),
    Case("failure-action", "warn", conf("failure_action shell"), value="waits", on="rhel9"),
    Case("failure-action", "warn", conf("final_action poweroff"), on="fedora41"),
    Case("failure-action", "not-applicable", lambda tree: tree.remove("/etc/default/kdump-tools")),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case, tree):
    judge(case, tree)


def test_a_dump_that_is_a_link_to_the_outside_is_not_followed(tree, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "vmcore"
    outside.write_bytes(b"x" * 1000)
    os.utime(outside, (NOW + 1, NOW + 1))

    def link(tree):
        tree.link("/var/crash/evil/vmcore", str(outside))

    judge(Case("dump-retention", "ok", link, value="1 dumps, 300 MiB"), tree)
