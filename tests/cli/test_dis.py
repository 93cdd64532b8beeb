"""`lastwords dis`: what a user can get wrong."""

from pathlib import Path

from click.testing import CliRunner

from lastwords.cli.dis import command


def test_no_dump(tmp_path: Path) -> None:
    path = tmp_path / "vmcore"
    path.write_bytes(b"no dump at all" * 100)
    result = CliRunner().invoke(command, [str(path)])
    assert result.exit_code == 2
    assert result.stderr.startswith(f"lastwords: {path}: ")
    assert result.stderr.count("\n") == 1
