import pytest

from lastwords.host.distribution import distribution, shell_variables

from .trees import DISTRIBUTIONS, Tree

EXPECTED = {
    "debian12": ("debian", "apt-get", "grub", "kdump-tools.service", "apt-get install kdump-tools makedumpfile"),
    "ubuntu2404": ("debian", "apt-get", "grub", "kdump-tools.service", "apt-get install kdump-tools makedumpfile"),
    "rhel9": ("fedora", "dnf", "grubby", "kdump.service", "dnf install kexec-tools"),
    "fedora41": ("fedora", "dnf", "grubby", "kdump.service", "dnf install kdump-utils makedumpfile"),
    "suse15": ("suse", "zypper", "grub", "kdump.service", "zypper install kdump kexec-tools makedumpfile"),
    "arch": ("arch", "pacman", "grub", "kdump.service", "pacman -S kexec-tools makedumpfile"),
}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_distributions(name, tmp_path):
    found = distribution(DISTRIBUTIONS[name](Tree(tmp_path)).root())
    told = (found.family, found.package_manager, found.boot_loader, found.kdump.service, found.install_kdump())
    assert told == EXPECTED[name]


@pytest.mark.parametrize(
    ("text", "family", "package"),
    [
        ("ID=linuxmint\nID_LIKE='ubuntu debian'\nVERSION_ID=22", "debian", "kdump-tools"),
        ("ID=rocky\nID_LIKE='rhel centos fedora'\nVERSION_ID=8.9", "fedora", "kexec-tools"),
        ("ID=almalinux\nID_LIKE='rhel centos fedora'\nVERSION_ID=10.0", "fedora", "kdump-utils"),
        ("ID=amzn\nID_LIKE=fedora\nVERSION_ID=2023", "fedora", "kexec-tools"),
        ("ID=fedora\nVERSION_ID=40", "fedora", "kexec-tools"),
        ("ID=opensuse-tumbleweed\nID_LIKE='opensuse suse'\nVERSION_ID=20241120", "suse", "kdump"),
        ("ID=opensuse-slowroll", "suse", "kdump"),
        ("ID=cachyos\nID_LIKE=arch", "arch", "kexec-tools"),
        ("ID=void", "", "kexec-tools"),
        ("", "", "kexec-tools"),
    ],
)
def test_relatives(text, family, package, tmp_path):
    found = distribution(Tree(tmp_path).write("/usr/lib/os-release", text).root())
    assert found.family == family
    assert found.kdump.packages[0] == package


def test_ostree_and_transactional_systems(tmp_path):
    tree = Tree(tmp_path / "ostree").write("/etc/os-release", "ID=fedora\nVERSION_ID=41").write("/run/ostree-booted")
    found = distribution(tree.program("rpm-ostree", "grubby", "dnf").root())
    assert found.install("kdump-utils") == "rpm-ostree install kdump-utils"
    assert found.set_argument("crashkernel=256M") == "rpm-ostree kargs --append=crashkernel=256M"
    tree = Tree(tmp_path / "micro").write("/etc/os-release", "ID=opensuse-microos\nID_LIKE=suse")
    found = distribution(tree.program("transactional-update", "zypper").root())
    assert found.install("kdump") == "transactional-update pkg install kdump"


@pytest.mark.parametrize(
    ("path", "command"),
    [
        ("/etc/kernel/cmdline", "kernel-install"),
        ("/etc/zipl.conf", "zipl"),
        ("/nothing", "boot loader's configuration"),
    ],
)
def test_other_boot_loaders(path, command, tmp_path):
    found = distribution(Tree(tmp_path).write("/etc/os-release", "ID=debian").write(path).root())
    assert command in found.set_argument("crashkernel=256M")


def test_shell_variables():
    text = '# A=0\nA=\'one two\'\nexport B="x"  # why\nC=unquoted\nA=last\nD="not closed\nbad line\n'
    assert shell_variables(text) == {"A": "last", "B": "x", "C": "unquoted", "D": "not closed"}
