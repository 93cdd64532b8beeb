"""What is found by itself: our own modules, and those of other packages."""

import subprocess
import sys
import zipfile

import pytest

from lastwords.plugins import BrokenModule, BrokenPlugin, discover
from tests.installed import install

GROUP = "lastwords.test"


@pytest.fixture
def package(tmp_path, monkeypatch):
    """The name of an empty package, to be filled with modules: its name, and its directory."""
    folder = tmp_path / "own" / "own_package"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(folder.parent)
    yield "own_package", folder
    for name in [name for name in sys.modules if name.partition(".")[0] == "own_package"]:
        del sys.modules[name]


def test_all_modules_of_a_package(package):
    name, folder = package
    for module in ("b", "a"):
        (folder / f"{module}.py").touch()
    assert discover(name) == []
    assert {f"{name}.a", f"{name}.b"} <= sys.modules.keys()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x = 1\nx.y\n", "AttributeError: 'int' object has no attribute 'y' ({file}, line 2)"),
        ("import no_such_thing\n", "ModuleNotFoundError: No module named 'no_such_thing' ({file}, line 1)"),
        ("raise ValueError('two\\nlines')\n", "ValueError: two lines ({file}, line 1)"),
        ("def (:\n", "SyntaxError: invalid syntax (broken.py, line 1)"),
    ],
)
def test_a_module_of_ours_that_is_broken(package, text, told):
    name, folder = package
    (folder / "broken.py").write_text(text)
    with pytest.raises(BrokenModule) as raised:
        discover(name)
    assert str(raised.value) == f"{name}.broken can't be imported: " + told.format(file=folder / "broken.py")
    assert raised.value.__cause__ is not None


def test_the_user_sees_one_line():
    program = (
        "import sys\n"
        "sys.modules['lastwords.diagnosis.rules.boot'] = None\n"
        "sys.argv = ['lastwords', 'rules']\n"
        "from lastwords.__main__ import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert line.startswith("lastwords: lastwords.diagnosis.rules.boot can't be imported: ModuleNotFoundError: ")


def test_other_packages(package, tmp_path, monkeypatch):
    texts = {"good": "LOADED = True", "bad": "1 / 0", "leaving": "import sys; sys.exit('no\\nlicence')"}
    install(monkeypatch, tmp_path / "site", GROUP, **texts)
    assert discover(package[0], GROUP) == [
        BrokenPlugin("bad", "ZeroDivisionError: division by zero"),
        BrokenPlugin("leaving", "SystemExit: no licence"),
    ]
    assert sys.modules["third_party_good"].LOADED


def test_other_packages_in_a_zip_file(package, tmp_path, monkeypatch):
    archive = tmp_path / "site.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("zipped-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: zipped\nVersion: 1.0\n")
        file.writestr("zipped-1.0.dist-info/entry_points.txt", f"[{GROUP}]\nzipped = no_such_module\n")
    monkeypatch.syspath_prepend(archive)
    [broken] = discover(package[0], GROUP)
    assert broken == ("zipped", "ModuleNotFoundError: No module named 'no_such_module'")


def test_a_list_of_entry_points_that_is_none(package, tmp_path, monkeypatch):
    install(monkeypatch, tmp_path / "site", GROUP)
    (tmp_path / "site/third_party-1.0.dist-info/entry_points.txt").write_text(f"[{GROUP}]\nno equals sign\n")
    [broken] = discover(package[0], GROUP)
    assert broken.name == "entry points"


def test_nobody_waits_for_importlib_metadata():
    program = (
        "import sys\n"
        "from lastwords.plugins import discover\n"
        "discover('lastwords.model', 'lastwords.rules')\n"
        "sys.exit('importlib.metadata' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 0
