import pytest

from lastwords.vmcore.symbols.packages import debuginfo_packages

# Release, banner, who built it, and a command that must be among those given.
KERNELS = [
    (
        "6.1.0-56-cloud-amd64",
        "Linux version 6.1.0-56-cloud-amd64 (debian-kernel@lists.debian.org) (gcc-12 …) #1 SMP Debian 6.1.192-2 (2026)",
        "Debian",
        "sudo apt install linux-image-6.1.0-56-cloud-amd64-dbg",
    ),
    (
        "5.15.0-91-generic",
        "Linux version 5.15.0-91-generic (buildd@lcy02-amd64-045) (gcc (Ubuntu 11.4.0-1ubuntu1~22.04) 11.4.0, GNU ld "
        "(GNU Binutils for Ubuntu) 2.38) #101-Ubuntu SMP Tue Nov 14 13:30:08 UTC 2023",
        "Ubuntu",
        "sudo apt install linux-image-unsigned-5.15.0-91-generic-dbgsym || "
        "sudo apt install linux-image-5.15.0-91-generic-dbgsym",
    ),
    (
        "6.8.0-1021-azure",
        "Linux version 6.8.0-1021-azure (buildd@lcy02-amd64-083) (x86_64-linux-gnu-gcc-12 (Ubuntu "
        "12.3.0-1ubuntu1~22.04) 12.3.0, …) #25~22.04.1-Ubuntu SMP",
        "Ubuntu",
        'echo "deb http://ddebs.ubuntu.com jammy main restricted universe multiverse\n'
        'deb http://ddebs.ubuntu.com jammy-updates main restricted universe multiverse" | '
        "sudo tee /etc/apt/sources.list.d/ddebs.list",
    ),
    (
        "5.4.0-1103-aws",
        "Linux version 5.4.0-1103-aws (buildd@bos03-amd64-021) (gcc version 9.4.0 (Ubuntu 9.4.0-1)) #111-Ubuntu SMP",
        "Ubuntu",
        "sudo apt install linux-image-unsigned-5.4.0-1103-aws-dbgsym || "
        "sudo apt install linux-image-5.4.0-1103-aws-dbgsym",
    ),
    (
        "6.8.5-301.fc40.x86_64",
        "Linux version 6.8.5-301.fc40.x86_64 (mockbuild@fbf3a6b8d54f4e9b) (gcc (GCC) 14.0.1 20240411)",
        "Fedora",
        "sudo dnf --enablerepo='*debug*' install kernel-debuginfo-6.8.5-301.fc40.x86_64",
    ),
    (
        "5.14.0-362.8.1.el9_3.x86_64",
        "Linux version 5.14.0-362.8.1.el9_3.x86_64 (mockbuild@x86-64-01.build.eng.rdu2.redhat.com) (gcc …)",
        "Red Hat Enterprise Linux",
        "sudo subscription-manager repos --enable rhel-9-for-x86_64-baseos-debug-rpms",
    ),
    (
        "5.14.0-362.8.1.el9_3.x86_64+rt",
        "Linux version 5.14.0-362.8.1.el9_3.x86_64+rt (mockbuild@x86-64-01.build.eng.rdu2.redhat.com) (gcc …)",
        "Red Hat Enterprise Linux",
        "sudo dnf install kernel-rt-debuginfo-5.14.0-362.8.1.el9_3.x86_64",
    ),
    (
        "3.10.0-1160.el7.x86_64",
        "Linux version 3.10.0-1160.el7.x86_64 (mockbuild@x86-vm-26.build.eng.bos.redhat.com) (gcc …)",
        "Red Hat Enterprise Linux 7",
        "sudo yum install kernel-debuginfo-3.10.0-1160.el7.x86_64",
    ),
    (
        "3.10.0-1160.99.1.el7.x86_64",
        "Linux version 3.10.0-1160.99.1.el7.x86_64 (mockbuild@kbuilder.bsys.centos.org) (gcc …)",
        "CentOS 7",
        "sudo yum install http://debuginfo.centos.org/7/x86_64/kernel-debuginfo-common-x86_64-"
        "3.10.0-1160.99.1.el7.x86_64.rpm \\\n  http://debuginfo.centos.org/7/x86_64/"
        "kernel-debuginfo-3.10.0-1160.99.1.el7.x86_64.rpm",
    ),
    (
        "5.14.0-427.el9.x86_64",
        "Linux version 5.14.0-427.el9.x86_64 (mockbuild@x86-05.stream.rdu2.redhat.com) (gcc …)",
        "CentOS",
        "sudo dnf --enablerepo='*debug*' install kernel-debuginfo-5.14.0-427.el9.x86_64",
    ),
    (
        "4.18.0-513.5.1.el8_9.x86_64",
        "Linux version 4.18.0-513.5.1.el8_9.x86_64 (mockbuild@x64-builder02.almalinux.org) (gcc …)",
        "AlmaLinux",
        "sudo dnf --enablerepo='*debug*' install kernel-debuginfo-4.18.0-513.5.1.el8_9.x86_64",
    ),
    (
        "5.14.0-362.13.1.el9_3.x86_64",
        "Linux version 5.14.0-362.13.1.el9_3.x86_64 (mockbuild@iad1-prod-build001.bld.equ.rockylinux.org) (gcc …)",
        "Rocky Linux",
        "sudo dnf --enablerepo='*debug*' install kernel-debuginfo-5.14.0-362.13.1.el9_3.x86_64",
    ),
    (
        "5.15.0-105.125.6.2.1.el8uek.x86_64",
        "Linux version 5.15.0-105.125.6.2.1.el8uek.x86_64 (mockbuild@host-100-100-224-5) (gcc …)",
        "Oracle Linux (UEK)",
        "sudo dnf install https://oss.oracle.com/ol8/debuginfo/kernel-uek-debuginfo-common-"
        "5.15.0-105.125.6.2.1.el8uek.x86_64.rpm \\\n  https://oss.oracle.com/ol8/debuginfo/"
        "kernel-uek-debuginfo-5.15.0-105.125.6.2.1.el8uek.x86_64.rpm",
    ),
    (
        "5.14.21-150500.55.39-default",
        "Linux version 5.14.21-150500.55.39-default (geeko@buildhost) (gcc (SUSE Linux) 7.5.0, GNU ld …)",
        "SUSE",
        "sudo zypper --plus-content debug install 'kernel-default-debuginfo = 5.14.21-150500.55.39.1'",
    ),
    (
        "5.14.21-150500.33.26-azure",
        "Linux version 5.14.21-150500.33.26-azure (geeko@buildhost) (gcc (SUSE Linux) 7.5.0, GNU ld …)",
        "SUSE",
        "sudo zypper --plus-content debug install 'kernel-azure-debuginfo = 5.14.21-150500.33.26.1'",
    ),
    (
        "5.10.186-179.751.amzn2.x86_64",
        "Linux version 5.10.186-179.751.amzn2.x86_64 (mockbuild@ip-10-0-36-124) (gcc10-gcc (GCC) 10.4.1)",
        "Amazon Linux 2",
        "sudo yum --enablerepo='*debuginfo*' install kernel-debuginfo-5.10.186-179.751.amzn2.x86_64",
    ),
    (
        "6.1.61-85.141.amzn2023.x86_64",
        "Linux version 6.1.61-85.141.amzn2023.x86_64 (mockbuild@ip-10-0-34-125) (gcc (GCC) 11.4.1)",
        "Amazon Linux 2023",
        "sudo dnf --enablerepo='*debuginfo*' install kernel-debuginfo-6.1.61-85.141.amzn2023.x86_64",
    ),
    (
        "6.12.37-61.105.amzn2023.x86_64",
        "Linux version 6.12.37-61.105.amzn2023.x86_64 (mockbuild@ip-10-0-34-125) (gcc (GCC) 14.2.1)",
        "Amazon Linux 2023",
        "sudo dnf --enablerepo='*debuginfo*' install kernel6.12-debuginfo-6.12.37-61.105.amzn2023.x86_64",
    ),
    (
        "6.6.35.1-4.azl3",
        "Linux version 6.6.35.1-4.azl3 (mockbuild@AZL3) (gcc (GCC) 13.2.0)",
        "Azure Linux",
        "sudo tdnf install kernel-debuginfo-6.6.35.1-4.azl3",
    ),
]


@pytest.mark.parametrize(("release", "banner", "distribution", "command"), KERNELS)
def test_names_the_builder_and_the_command(release, banner, distribution, command):
    packages = debuginfo_packages(release, banner)
    assert packages.distribution == distribution
    assert command in packages.commands


def test_arch_has_none_to_install():
    packages = debuginfo_packages("6.8.5-arch1-1", "Linux version 6.8.5-arch1-1 (linux@archlinux) (gcc (GCC) 13.2.1)")
    assert packages.distribution == "Arch Linux"
    assert all(command.startswith("#") for command in packages.commands)


def test_a_kernel_of_ones_own_is_not_known():
    assert debuginfo_packages("6.9.0", "Linux version 6.9.0 (joe@workstation) (gcc 13)") == (None, ())
    assert debuginfo_packages("6.9.0-custom+", None) == (None, ())


def test_a_rebuild_of_rhel_that_hides_is_still_one():
    packages = debuginfo_packages("5.14.0-362.el9.x86_64", None)
    assert packages.distribution == "a rebuild of Red Hat Enterprise Linux"


@pytest.mark.parametrize("release", ["6.1.0; rm -rf /", "$(id)", "6.1.0-1-amd64'", "x" * 200, "6.1\n6.2", ""])
def test_nothing_from_a_dump_gets_into_a_shell(release):
    banner = f"Linux version {release} (debian-kernel@lists.debian.org) Debian $(reboot)"
    assert debuginfo_packages(release, banner).commands == ()
    assert not any("$(" in each for each in debuginfo_packages("6.1.0-1-amd64", banner).commands)
