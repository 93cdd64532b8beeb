"""Which packages a kernel is fetched from."""

import pytest

from lastwords.lab import kernels
from lastwords.lab.suite import Suite

DEPENDS_7 = """linux-image-7.3.4+deb13-cloud-amd64
  Depends: dracut
  Depends: linux-base-7.3.4+deb13-cloud-amd64
  Depends: linux-binary-7.3.4+deb13-cloud-amd64
  Depends: linux-modules-7.3.4+deb13-cloud-amd64
"""
DEPENDS_6 = """linux-image-6.12.117+deb13-cloud-amd64
  Depends: kmod
  Depends: linux-base
  Depends: initramfs-tools
"""


class Release(Suite):
    """A suite without a chroot, that answers apt's questions from a text."""

    def __init__(self, name, answer=""):
        self.name = name
        self.answer = answer

    def run(self, script):
        return self.answer


@pytest.mark.parametrize(
    ("suite", "release", "own"),
    [
        ("bullseye", "5.10.0-46-cloud-amd64", True),
        ("bullseye", "6.1.0-56-cloud-amd64", False),
        ("trixie", "6.12.117+deb13-cloud-amd64", True),
        ("trixie-backports", "6.12.117+deb13-cloud-amd64", False),
        ("trixie-backports", "7.3.4+deb13-cloud-amd64", True),
        ("trixie", "7.3.4+deb13-cloud-amd64", False),
    ],
)
def test_a_release_has_kernels_of_its_own(suite, release, own):
    assert kernels._belongs(release, Release(suite)) is own


def test_the_newest_is_the_newest():
    releases = ["7.2.9+deb13-cloud-amd64", "7.10.1+deb13-cloud-amd64", "7.2.12+deb13-cloud-amd64"]
    assert max(releases, key=kernels._by_version) == "7.10.1+deb13-cloud-amd64"


def test_a_kernel_in_one_package_and_in_several():
    one, several = "6.12.117+deb13-cloud-amd64", "7.3.4+deb13-cloud-amd64"
    assert kernels._image(Release("trixie", DEPENDS_6), one) == [f"linux-image-{one}"]
    assert kernels._image(Release("trixie-backports", DEPENDS_7), several) == [
        f"linux-base-{several}",
        f"linux-binary-{several}",
        f"linux-modules-{several}",
    ]


def test_only_the_kernel_itself_has_an_unsigned_twin():
    assert [kernels._unsigned(name) for name in ("linux-image-6.1", "linux-binary-7.3", "linux-modules-7.3")] == [
        "linux-image-6.1-unsigned",
        "linux-binary-unsigned-7.3",
        "linux-modules-7.3",
    ]
