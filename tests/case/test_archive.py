"""Cases in a tar: nothing lands outside, nothing but files and directories comes out, and what is left out is said."""

import io
import tarfile

import pytest

from lastwords.case import archive
from lastwords.case.archive import is_tar, unpack
from lastwords.case.directory import CaseDirectory
from lastwords.case.errors import CaseError
from lastwords.case.evidence import add_files, check_case
from lastwords.case.opening import bring_in, cases_among, opened_case
from lastwords.case.store import new_case


@pytest.fixture
def case(tmp_path):
    log = tmp_path / "console.log"
    log.write_text("[    1.500000] BUG: kernel NULL pointer dereference, address: 0000000000000018\n")
    found = new_case(tmp_path / "store", title="frozen", host="db7", crashed=1732426680.0)
    add_files(found, [str(log)])
    return found


def packed(case, path, mode="w"):
    with tarfile.open(path, mode) as tar:
        tar.add(case.root, case.root.name)
    return path


@pytest.mark.parametrize(
    ("name", "mode"), [("c.tar", "w"), ("c.tar.gz", "w:gz"), ("c.tar.xz", "w:xz"), ("c.tbz2", "w:bz2")]
)
def test_a_case_comes_back(case, tmp_path, name, mode):
    tar = packed(case, tmp_path / name, mode)
    assert is_tar(tar)
    found, unpacked = bring_in(tar, tmp_path / "elsewhere")
    assert (unpacked.refused, unpacked.damaged) == (0, None)
    assert found.root == tmp_path / "elsewhere" / case.root.name
    assert found.read().title == "frozen"
    assert check_case(found).good
    assert (found.root / "evidence/log/console.log").stat().st_mode & 0o222 == 0
    again, _ = bring_in(tar, tmp_path / "elsewhere")
    assert again.root.name == f"{case.root.name}-2"
    assert sorted(path.name for path in (tmp_path / "elsewhere").iterdir()) == [found.root.name, again.root.name]


def test_a_case_in_a_zstd_tar(case, tmp_path):
    zstandard = pytest.importorskip("zstandard")
    tar = tmp_path / "c.tar.zst"
    tar.write_bytes(zstandard.compress(packed(case, tmp_path / "c.tar").read_bytes()))
    with opened_case(str(tar), tmp_path) as found:
        assert found.read().id == case.root.name
        assert check_case(found).good
        with pytest.raises(CaseError, match="a tar is not written to"):
            found.note("no", "ada")
    assert not found.root.exists()


def member(name, kind=tarfile.REGTYPE, data=b"", link=""):
    info = tarfile.TarInfo(name)
    info.type, info.size, info.linkname, info.mode = kind, len(data), link, 0o4777
    return info, io.BytesIO(data)


def made(path, *members):
    with tarfile.open(path, "w") as tar:
        for info, data in members:
            tar.addfile(info, data)
    return path


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (member("../outside", data=b"x"), "leads out"),
        (member("/tmp/outside", data=b"x"), "leads out"),
        (member("a/../../outside", data=b"x"), "leads out"),
        (member("link", tarfile.SYMTYPE, link="/etc/passwd"), "a symbolic link"),
        (member("hard", tarfile.LNKTYPE, link="../../etc/passwd"), "a link to what is not in the tar"),
        (member("hard", tarfile.LNKTYPE, link="/etc/passwd"), "a link to what is not in the tar"),
        (member("dev", tarfile.CHRTYPE), "neither file nor directory"),
        (member("fifo", tarfile.FIFOTYPE), "neither file nor directory"),
        (member("/".join("a" * 40), data=b"x"), "leads out"),
        (member("good", data=b"y"), "twice in the tar"),
    ],
)
def test_what_is_left_out(tmp_path, bad, reason):
    to = tmp_path / "room" / "to"
    to.mkdir(parents=True)
    tar = made(tmp_path / "evil.tar", member("good", data=b"x"), bad, member("after", data=b"x"))
    found = unpack(tar, to)
    assert found.refused == 1
    assert reason in found.left_out[0]
    assert sorted(str(path.relative_to(tmp_path / "room")) for path in (tmp_path / "room").rglob("*")) == [
        "to",
        "to/after",
        "to/good",
    ]
    assert (to / "good").read_bytes() == b"x"
    assert (to / "good").stat().st_mode & 0o7077 == 0


def test_a_file_in_the_way_of_a_directory(tmp_path):
    with pytest.raises(CaseError, match="can't be unpacked"):
        unpack(made(tmp_path / "t.tar", member("a", data=b"x"), member("a/b", data=b"x")), tmp_path)


def test_second_names_of_a_file(tmp_path):
    to = tmp_path / "to"
    to.mkdir()
    tar = made(tmp_path / "t.tar", member("a", data=b"x"), member("b", tarfile.LNKTYPE, link="a"))
    assert unpack(tar, to).files == 2
    assert (to / "b").read_bytes() == b"x"


def test_more_than_the_disk_has(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "SPARE", 1 << 62)
    with pytest.raises(CaseError, match="set TMPDIR to a larger place"):
        unpack(made(tmp_path / "t.tar", member("a", data=b"x")), tmp_path)


def test_more_members_than_a_case_has(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MOST_MEMBERS", 3)
    to = tmp_path / "to"
    to.mkdir()
    with pytest.raises(CaseError, match="more than 3 members"):
        unpack(made(tmp_path / "t.tar", *(member(f"f{number}") for number in range(4))), to)


def test_a_header_that_would_fill_the_memory(tmp_path):
    info = tarfile.TarInfo("././@PaxHeader")
    info.type, info.size = tarfile.XHDTYPE, 1 << 40
    tar = tmp_path / "t.tar"
    tar.write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    with pytest.raises(CaseError, match="header of more than 1 MiB"):
        unpack(tar, tmp_path)


def test_a_tar_cut_off_gives_what_is_left(case, tmp_path):
    tar = packed(case, tmp_path / "c.tar")
    whole = tar.read_bytes()
    tar.write_bytes(whole[: whole.index(b"BUG: kernel") + 10])
    said: list[str] = []
    with opened_case(str(tar), tmp_path, say=said.append) as found:
        assert not check_case(found).good
    assert "ends early" in said[-1]


def test_zeros_become_holes(tmp_path):
    to = tmp_path / "to"
    to.mkdir()
    unpack(made(tmp_path / "t.tar", member("dump", data=bytes(8 << 20) + b"end" + bytes(3 << 20))), to)
    assert (to / "dump").stat().st_size == (11 << 20) + 3
    assert (to / "dump").read_bytes().strip(b"\0") == b"end"
    assert (to / "dump").stat().st_blocks * 512 < 6 << 20


@pytest.mark.parametrize(
    "content",
    [b"", b"\x1f\x8b not gzip", b"[    1.0] a log\n" * 100, bytes(range(256)) * 16],
    ids=["empty", "gzip", "log", "binary"],
)
def test_what_is_no_tar(tmp_path, content):
    path = tmp_path / "x.tar"
    path.write_bytes(content)
    assert not is_tar(path)
    assert not is_tar(tmp_path)
    assert not is_tar(tmp_path / "missing")


def test_a_tar_without_a_case(tmp_path):
    tar = made(tmp_path / "t.tar", member("readme", data=b"x"))
    with pytest.raises(CaseError, match="no case in this tar"), opened_case(str(tar), tmp_path):
        pass
    with pytest.raises(CaseError, match="no case in this tar"):
        bring_in(tar, tmp_path / "store")
    assert list((tmp_path / "store").iterdir()) == []


def test_the_id_in_a_tar_does_not_lead_out(tmp_path):
    text = b'id = "../../../escaped"\ncreated = 2024-11-24T06:02:11Z\n'
    tar = made(tmp_path / "t.tar", member("c/case.toml", data=text))
    found, _ = bring_in(tar, tmp_path / "store")
    assert found.root.parent == tmp_path / "store"


def test_a_tar_and_a_name_among_the_paths_of_an_analysis(case, tmp_path):
    tar = packed(case, tmp_path / "c.tar")
    store = tmp_path / "store"
    with cases_among(["-", str(tar), "20241124", "no-such"], store) as (paths, names):
        assert (paths[0], paths[2], paths[3]) == ("-", str(case.root), "no-such")
        assert names == {paths[1]: str(tar)}
        assert CaseDirectory(tmp_path.joinpath(paths[1]), "c").read().title == "frozen"
