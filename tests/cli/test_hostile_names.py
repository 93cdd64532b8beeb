"""Names of files and programs that carry escape sequences: no command sends them to the terminal, none fails."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lastwords.cli.main import cli

CRASH = """\
[    1.000000] Linux version 6.1.0{evil} (a@b)
[  100.000000] kobject_add failed for {evil} with -EEXIST
[  100.100000] Kernel panic - not syncing: {evil}
[  100.100001] CPU: 1 PID: 7 Comm: {evil} Not tainted 6.1.0 #1
[  100.100002] Hardware name: {evil}
[  100.100003] Call Trace:
[  100.100004]  dump_stack+0x1/0x2
[  100.100005]  panic+0x1/0x2
[  100.100006]  evil_thing+0x1/0x2 [{evil}]
[  100.100007] ---[ end Kernel panic - not syncing: {evil} ]---
"""
COMMANDS = (["scan"], ["analyze"], ["analyze", "-v"], ["annotate"])


def _harmless(output: str) -> None:
    assert not [character for character in output if character < " " and character not in "\n\t"]
    assert not [character for character in output if "\x7f" <= character <= "\x9f" or character in "\u202e\u2066\u200b"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("names")


# As the reader gets them: what stands in a log is decoded with replacements, so no surrogates.
_EVIL = st.text(
    st.sampled_from("\x1b\x07\x9b\x7f\u202e\u2066\u200b\r\b[]0;2Jm\\x {}%s'\"<>&$`") | st.characters(codec="utf-8"),
    max_size=25,
)


@given(evil=_EVIL)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_text_of_the_log(folder: Path, evil: str) -> None:
    path = folder / "log"
    path.write_text(CRASH.replace("{evil}", evil.replace("\n", "")), encoding="utf-8", newline="")
    for command in COMMANDS:
        result = CliRunner().invoke(cli, [*command, str(path)])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        _harmless(result.output)


@pytest.mark.parametrize("command", [*COMMANDS, ["scan", "--json"], ["analyze", "--json"], ["scan", "-j", "2"]])
@pytest.mark.parametrize("there", [True, False])
def test_names_of_files(tmp_path: Path, command: list[str], there: bool) -> None:
    """Not even UTF-8: in JSON as text that is valid, in errors as one line."""
    name = os.fsencode(tmp_path) + b"/bad\xff\xfe\x1b[2J\x9b\n\xe2\x80\xae.log"
    if there:
        Path(os.fsdecode(name)).write_text(CRASH.replace("{evil}", "x"))
    run = subprocess.run(
        [sys.executable.encode(), b"-m", b"lastwords", *(word.encode() for word in command), name],
        capture_output=True,
        check=False,
    )
    output, errors = run.stdout.decode(), run.stderr.decode()
    _harmless(output if "--json" not in command else "")
    _harmless(errors)
    assert "Traceback" not in errors
    assert run.returncode == (2 if not there else int(command[0] == "scan"))
    if "--json" in command:
        document = json.loads(output)
        assert there != bool(document.get("error") or document.get("errors"))
    if not there and "--json" not in command:
        assert errors.count("\n") == 1
        assert "bad\\xff\\xfe\\x1b[2J" in errors
        assert "No such file" in errors
