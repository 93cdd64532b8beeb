"""What configuration files say: kdump's, sysctl's, the boot loader's, and sizes."""

import pytest

from lastwords.host.boot_arguments import next_boot
from lastwords.host.crash_memory import advised, parse_crashkernel
from lastwords.host.distribution import distribution
from lastwords.host.dump_settings import dump_settings
from lastwords.host.dump_size import counted_size, dump_size
from lastwords.host.elf_notes import build_id, file_build_id
from lastwords.host.machine import Host, argument, size_text, version_key
from lastwords.host.mounts import mount_of
from lastwords.host.sysctls import persisted_sysctls, settings

from .trees import BUILD_ID, GIB, Tree, elf, note, running


def kdump(tree):
    root = tree.root()
    return dump_settings(root, distribution(root))


@pytest.mark.parametrize(
    ("lines", "kind", "where", "path", "level"),
    [
        ("", "local", "", "/var/crash", 31),
        ("path /dumps\n", "local", "", "/dumps", 31),
        ("# ssh root@commented\n", "local", "", "/var/crash", 31),
        ("nfs server:/export  # the big one\npath kdump\n", "nfs", "server", "/export/kdump", 31),
        ("ssh root@server\nsshkey /root/.ssh/k\n", "ssh", "root@server", "/var/crash", 31),
        ("xfs /dev/vg/crash\npath /\ncore_collector makedumpfile -c -d1\n", "device", "/dev/vg/crash", "/", 1),
        ("raw /dev/sdb1\ncore_collector makedumpfile -F -l -d 0,17\n", "raw", "/dev/sdb1", "/var/crash", 0),
        ('dracut_args --mount "10.0.0.1:/x /mnt nfs4 defaults"\n', "nfs", "10.0.0.1", "/x/var/crash", 31),
        ("core_collector scp\n", "local", "", "/var/crash", 0),
        ("core_collector 'not closed\n", "local", "", "/var/crash", 0),
    ],
)
def test_kdump_conf(lines, kind, where, path, level, tmp_path):
    found = kdump(Tree(tmp_path).write("/etc/os-release", "ID=fedora").write("/etc/kdump.conf", lines))
    assert found is not None
    assert (found.kind, found.where, found.path, found.level) == (kind, where, path, level)


@pytest.mark.parametrize(
    ("url", "kind", "where", "path"),
    [
        ("file:///var/crash", "local", "", "/var/crash"),
        ("/srv/dumps", "local", "", "/srv/dumps"),
        ("ssh://root@host/dumps", "ssh", "root@host", "/dumps"),
        ("sftp://host/dumps", "ssh", "host", "/dumps"),
        ("cifs://host/share", "cifs", "host", "/share"),
    ],
)
def test_suse(url, kind, where, path, tmp_path):
    tree = Tree(tmp_path).write("/etc/os-release", "ID=sles").write("/etc/sysconfig/kdump", f'KDUMP_SAVEDIR="{url}"\n')
    found = kdump(tree)
    assert found is not None
    assert (found.kind, found.where, found.path, found.keep, found.level) == (kind, where, path, 5, 31)


def test_kdump_tools_in_the_wild(tmp_path):
    tree = Tree(tmp_path).write("/etc/os-release", "ID=ubuntu")
    tree.write("/etc/default/kdump-tools", 'USE_KDUMP=0\nMAKEDUMP_ARGS="-c -d 17"\nKDUMP_NUM_DUMPS=2\nFTP="h:/d"\n')
    found = kdump(tree)
    assert found is not None
    assert (found.enabled, found.level, found.keep, found.kind, found.where, found.path) == (
        False, 17, 2, "ftp", "h", "/d",
    )  # fmt: skip


def test_an_unknown_distribution_with_a_known_configuration(tmp_path):
    found = kdump(Tree(tmp_path).write("/etc/os-release", "ID=void").write("/etc/kdump.conf", "path /x\n"))
    assert found is not None
    assert found.path == "/x"


def test_sysctl_files_in_their_order(tmp_path):
    tree = Tree(tmp_path)
    tree.write("/usr/lib/sysctl.d/50-a.conf", "kernel.panic = 1\nkernel.sysrq = 16\n")
    tree.write("/etc/sysctl.d/50-a.conf", "kernel.panic = 2\n")  # hides the one of the same name
    tree.write("/run/sysctl.d/10-b.conf", "kernel.panic = 3\n-kernel/panic_on_oops=1\n")
    tree.write("/etc/sysctl.d/60-not.txt", "kernel.panic = 4\n")
    found = persisted_sysctls(tree.root())
    assert found["kernel.panic"].value == "2"
    assert found["kernel.panic"].source == "/etc/sysctl.d/50-a.conf"
    assert "kernel.sysrq" not in found
    assert found["kernel.panic_on_oops"].value == "1"
    tree.write("/etc/sysctl.conf", "# kernel.panic=8\n; kernel.panic=9\nkernel.panic=7")
    assert persisted_sysctls(tree.root())["kernel.panic"].value == "7"


def test_sysctl_names_with_slashes():
    assert settings("net/ipv4/conf/eth0.1/x = 1\nnet.ipv4.y=2") == [
        ("net.ipv4.conf.eth0/1.x", "1"),
        ("net.ipv4.y", "2"),
    ]


def test_boot_arguments_of_drop_ins(tmp_path):
    tree = Tree(tmp_path).write("/etc/default/grub", 'GRUB_CMDLINE_LINUX="a"\nGRUB_CMDLINE_LINUX_DEFAULT="quiet"\n')
    tree.write("/etc/default/grub.d/x.cfg", 'GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT crashkernel=1M"\n')
    [found] = next_boot(tree.root()).defaults
    assert found.arguments == ("a", "quiet", "crashkernel=1M")


@pytest.mark.parametrize("path", ["/boot/firmware/cmdline.txt", "/etc/kernel/cmdline"])
def test_files_that_are_a_command_line(path, tmp_path):
    found = next_boot(Tree(tmp_path).write(path, "console=tty1 crashkernel=256M\n").root())
    [entry] = found.entries + found.defaults
    assert entry.arguments == ("console=tty1", "crashkernel=256M")


def test_zipl(tmp_path):
    text = '[linux]\n  image = /boot/image\n  parameters = "root=/dev/dasda1 crashkernel=256M"\n'
    [entry] = next_boot(Tree(tmp_path).write("/etc/zipl.conf", text).root()).entries
    assert "crashkernel=256M" in entry.arguments


@pytest.mark.parametrize(
    ("value", "memory", "size"),
    [
        ("256M", 4, 256 << 20),
        ("1G-4G:192M,4G-64G:256M,64G-:512M", 2, 192 << 20),
        ("1G-4G:192M,4G-64G:256M,64G-:512M", 4, 256 << 20),
        ("1G-4G:192M,4G-64G:256M,64G-:512M", 100, 512 << 20),
        ("2G-:256M", 1, 0),
        ("512M,high", 4, 512 << 20),
        ("72M,low", 4, 72 << 20),
        ("128M@16M", 4, 128 << 20),
        ("268435456", 4, 256 << 20),
        ("auto", 4, None),
        ("1G-x:2M", 4, None),
    ],
)
def test_crashkernel(value, memory, size):
    assert parse_crashkernel(value, memory * GIB) == size


@pytest.mark.parametrize(
    ("machine", "gib", "release", "expected"),
    [(62, 8, "6.1", "256M"), (62, 128, "6.1", "512M"), (183, 8, "6.1", "320M"), (183, 128, "5.14.aarch64+64k", "704M"),
     (21, 32, "5.14", "1024M"), (22, 8, "5.14", "256M")],
)  # fmt: skip
def test_what_is_advised(machine, gib, release, expected, tmp_path):
    tree = running(Tree(tmp_path), release).write("/etc/os-release", "ID=rhel\nVERSION_ID=9.5")
    tree.write("/bin/sh", elf(BUILD_ID, machine), mode=0o755)
    tree.write("/proc/iomem", f"00000000-{gib * GIB - 1:x} : System RAM\n")
    assert advised(Host(tree.root(commands=False))) == expected


MEMORY = {
    "MemTotal": 16 * GIB,
    "MemFree": 4 * GIB,
    "Buffers": GIB // 2,
    "Cached": 6 * GIB,
    "Shmem": GIB,
    "AnonPages": 3 * GIB,
}


@pytest.mark.parametrize(
    ("level", "gib"), [(0, 16), (1, 16), (16, 12), (2, 12.5), (4, 9.5), (8, 13), (31, 2.5), (30, 2.5)]
)
def test_dump_size(level, gib):
    found = dump_size(MEMORY, level)
    assert found is not None
    assert found.pages == gib * GIB
    assert found.likely < found.cautious < found.pages
    assert dump_size({}, level) is None
    unpacked = dump_size(MEMORY, level, packed=False)
    assert unpacked is not None
    assert unpacked.likely == unpacked.pages


MEM_USAGE = """\
The kernel version is not supported.

TYPE		PAGES			EXCLUDABLE	DESCRIPTION
----------------------------------------------------------------------
ZERO		1000            	yes		Pages filled with zero
NON_PRI_CACHE	2000            	yes		Cache pages without private flag
PRI_CACHE	300             	yes		Cache pages with private flag
USER		4000            	yes		User process pages
FREE		50000           	yes		Free pages
KERN_DATA	10000           	no		Dumpable kernel data

page size:		4096
Total pages on system:	67300
Total size on system:	275660800        Byte
"""


@pytest.mark.parametrize(("level", "pages"), [(31, 10000), (0, 67300), (16, 17300), (4, 65000), (8, 63300)])
def test_counted_size(level, pages):
    found = counted_size(MEM_USAGE, level)
    assert found is not None
    assert found.pages == pages * 4096


def test_what_is_no_table_counts_nothing():
    assert counted_size("", 31) is None
    assert counted_size(MEM_USAGE.replace("page size", "page"), 31) is None
    assert counted_size(MEM_USAGE.replace("FREE", "GONE"), 31) is None


def test_a_leak_makes_the_dump_larger():
    leaking = MEMORY | {"MemFree": GIB}
    before, after = dump_size(MEMORY, 31), dump_size(leaking, 31)
    assert before is not None
    assert after is not None
    assert after.likely > before.likely


def test_build_ids(tmp_path):
    assert build_id(note(BUILD_ID)) == BUILD_ID
    other = (5).to_bytes(4, "little") + (3).to_bytes(4, "little") + (1).to_bytes(4, "little") + b"Xen\0\0\0\0\0abc\0"
    assert build_id(other + note(BUILD_ID)) == BUILD_ID
    assert build_id(b"\xff" * 64) == ""
    assert build_id(note(BUILD_ID)[:20]) in ("", BUILD_ID[:8])
    file = tmp_path / "vmlinux"
    for data, expected in (
        (elf(BUILD_ID), BUILD_ID),
        (elf(BUILD_ID)[:100], ""),
        (b"", ""),
        (b"\x7fELF\x02" + b"\xff" * 80, ""),
    ):
        file.write_bytes(data)
        with file.open("rb") as opened:
            assert file_build_id(opened) == expected


def test_mounts(tmp_path):
    tree = Tree(tmp_path).write(
        "/proc/self/mounts", "/dev/a / ext4 rw 0 0\n/dev/b /var\\040x xfs ro 0 0\n/dev/c /v tmpfs rw 0 0\n"
    )
    tree.mkdir("/var x/y").mkdir("/varnish")
    for path, device in (("/var x/y", "/dev/b"), ("/varnish", "/dev/a"), ("/v", "/dev/c")):
        mount = mount_of(tree.root(), path)
        assert mount is not None
        assert mount.device == device


def test_small_words():
    assert argument(("a=1", "b", "a=2", "x-y=3"), "a") == "2"
    assert argument(("x-y=3",), "x_y") == "3"
    assert argument(("b",), "b") == ""
    assert argument((), "b") is None
    assert [size_text(size) for size in (12, 1536, 256 << 20, 3 * GIB // 2)] == [
        "12 bytes",
        "1.5 KiB",
        "256 MiB",
        "1.5 GiB",
    ]
    assert sorted(["6.1.0-10", "6.1.0-9", "5.10.0-1"], key=version_key) == ["5.10.0-1", "6.1.0-9", "6.1.0-10"]
