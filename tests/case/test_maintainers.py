"""Whose code it is, by a kernel source tree."""

# ruff: noqa: E501

import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from lastwords.case.definitions import definition, directory_of
from lastwords.case.maintainers import SourceTree, TreeError, asked, source_tree
from lastwords.cli.main import cli
from lastwords.model import Culprit

MAINTAINERS = """\
List of maintainers
===================

\tM: *Mail* patches to: FullName <address@domain>
\tF: *Files* and directories wildcard patterns.

Maintainers List
----------------

.. note:: Look for the most precise areas first.

RING DRIVER
M:\tRita Ring <rita@ring.example>
M:\tRob Ring <rob@ring.example>
R:\tSomebody Else <else@ring.example>
L:\tring@lists.example (moderated for non-subscribers)
S:\tMaintained
F:\tdrivers/net/ring/
F:\tinclude/linux/ring*.h
X:\tdrivers/net/ring/old/

NETWORKING DRIVERS
M:\tNed Net <ned@net.example>
L:\tnetdev@lists.example
S:\tMaintained
F:\tdrivers/net/
F:\tnet

OLD THINGS
L:\told@lists.example
S:\tOrphan
F:\tdrivers/old/*
F:\tdrivers/net/ring/ring_diag.c

TEGRA
M:\tTess Tegra <tess@tegra.example>
N:\t[^a-z]tegra
N:\t(a+)+$

THE REST
M:\tLinus <linus@rest.example>
L:\tlinux-kernel@lists.example
S:\tBuried alive in reporters
F:\t*
F:\t*/
"""

FILES = {
    "drivers/net/ring/Makefile": "obj-$(CONFIG_RING) += ring-net.o\nring-net-y := main.o \\\n\tdiag.o\n",
    "drivers/net/ring/main.c": "static int ring_fill(struct ring *r);\n\nint\nring_open(struct ring *r)\n{\n\treturn ring_fill(r);\n}\n",
    "drivers/net/ring/diag.c": "static int ring_fill(struct ring *r,\n\t\t     int n)\n{\n}\n\nEXPORT_SYMBOL_GPL(ring_open);\n",
    "drivers/net/ring/ring_diag.c": "",
    "drivers/net/ring/old/ring.c": "",
    "drivers/net/tun.c": "",
    "drivers/net/Makefile": "obj-$(CONFIG_TUN) += tun.o\nobj-y += ring/\n",
    "drivers/old/a.c": "",
    "drivers/old/b/c.c": "",
    "drivers/soc/tegra/fuse.c": "",
    "include/linux/ring_types.h": "",
    "net/core.c": "",
    "mm/slub.c": "",
    "MAINTAINERS": MAINTAINERS,
}


@pytest.fixture
def tree(tmp_path: Path) -> SourceTree:
    for name, text in FILES.items():
        path = tmp_path / "linux" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return source_tree(tmp_path / "linux")


RING = "RING DRIVER: Rita Ring <rita@ring.example>, Rob Ring <rob@ring.example>; ring@lists.example"
NET = "NETWORKING DRIVERS: Ned Net <ned@net.example>; netdev@lists.example"


@pytest.mark.parametrize(
    ("path", "owner"),
    [
        ("drivers/net/ring/main.c", RING),
        ("include/linux/ring_types.h", RING),
        ("drivers/net/tun.c", NET),
        ("net/core.c", NET),
        ("network.c", None),
        ("drivers/net/ring/old/ring.c", NET),
        ("drivers/net/ring/ring_diag.c", "OLD THINGS (Orphan): old@lists.example"),
        ("drivers/old/a.c", "OLD THINGS (Orphan): old@lists.example"),
        ("drivers/old/b/c.c", None),
        ("drivers/soc/tegra/fuse.c", "TEGRA: Tess Tegra <tess@tegra.example>"),
        ("mm/slub.c", None),
    ],
)
def test_who_owns_a_file(tree, path, owner):
    assert tree.owner(path) == owner


@pytest.mark.parametrize(
    ("told", "path"),
    [
        ("drivers/net/tun.c", "drivers/net/tun.c"),
        ("./drivers/net/tun.c", "drivers/net/tun.c"),
        ("/build/linux-6.1.90/drivers/net/ring/../tun.c", "drivers/net/tun.c"),
        ("/home/me/module/tun.c", None),
        ("../../../etc/passwd", None),
        ("a\0b", None),
    ],
)
def test_paths_of_a_kernel_that_was_built_elsewhere(tree, told, path):
    assert tree.file(told) == path


def test_a_module_is_found_by_its_makefile(tree):
    assert directory_of(tree.directory, "ring_net") == "drivers/net/ring"
    assert directory_of(tree.directory, "tun") == "drivers/net"
    assert directory_of(tree.directory, "diag") is None
    assert directory_of(tree.directory, "(.*)") is None


def test_a_definition_is_no_declaration_and_no_call(tree):
    folder = tree.directory / "drivers/net/ring"
    assert definition(folder, "ring_open") == "main.c"
    assert definition(folder, "ring_fill.isra.0") == "diag.c"
    assert definition(folder, "ring_shut") is None


@pytest.mark.parametrize(
    ("culprit", "owner", "why_not"),
    [
        (Culprit(function="tun_get", file="/build/drivers/net/tun.c"), NET, ""),
        (Culprit(function="ring_fill", module="ring_net", origin="in-tree"), RING, ""),
        (Culprit(function="no_such", module="ring_net"), RING, ""),
        (Culprit(function="new_slab"), None, "in which file"),
        (Culprit(function="new_slab", file="mm/slub.c"), None, "does not say whose mm/slub.c is"),
        (Culprit(function="f", module="nvidia", origin="proprietary"), None, "not of the kernel's tree"),
        (Culprit(object="java"), None, ""),
    ],
)
def test_whom_to_ask(tree, culprit, owner, why_not):
    found, reason = asked(tree, culprit)
    assert found == owner
    assert why_not in reason
    assert bool(reason) == bool(why_not)


LOG = """\
[    9.0] BUG: kernel NULL pointer dereference, address: 0000000000000018
[    9.0] CPU: 0 PID: 7 Comm: sh Not tainted 6.1.0 #1
[    9.0] RIP: 0010:ring_fill+0x10/0x40 [ring_net]
[    9.0] Modules linked in: ring_net
[    9.0] Call Trace:
[    9.0]  ring_open+0x10/0x40 [ring_net]
[    9.0] ---[ end trace 0000000000000000 ]---
"""


def test_on_the_command_line(tree, tmp_path):
    log = tmp_path / "crash.log"
    log.write_text(LOG)
    result = CliRunner().invoke(cli, ["analyze", "--tree", str(tree.directory), "--json", str(log)])
    assert result.exit_code == 0, result.output
    assert f'"owner":"{RING}"' in result.stdout


@pytest.mark.parametrize(
    ("contents", "complaint"),
    [
        (None, "no kernel source tree"),
        (b"", "no section"),
        (b"\xff\xfe" * 100, "no section"),
        (b"A\nF:\t" + b"*" * 5000, "no section"),
    ],
    ids=("absent", "empty", "binary", "a line too long"),
)
def test_no_tree(tmp_path, contents, complaint):
    if contents is not None:
        (tmp_path / "MAINTAINERS").write_bytes(contents)
    with pytest.raises(TreeError, match=complaint):
        source_tree(tmp_path)
    log = tmp_path / "crash.log"
    log.write_text(LOG)
    result = CliRunner().invoke(cli, ["analyze", "--tree", str(tmp_path), str(log)])
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert complaint in result.stderr


def test_patterns_of_an_attacker_end(tmp_path):
    stars, classes = "*a" * 150, "[" * 300
    lines = [f"S{n}\nM:\tA\nF:\t{stars}\nF:\t{classes}\nN:\t(a*)*b\nN:\t.*.*.*.*b\nN:\t[z-a]\n" for n in range(200)]
    (tmp_path / "MAINTAINERS").write_text("\n".join(lines))
    tree, began = source_tree(tmp_path), time.monotonic()
    assert tree.owner("a" * 400) is None
    assert time.monotonic() - began < 10
