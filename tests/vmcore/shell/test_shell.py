import builtins
import io
import re
import sys

import pytest

from lastwords.vmcore.shell import COMMANDS, CommandError
from lastwords.vmcore.shell.command import ALIASES, Quit, View, command, out
from lastwords.vmcore.shell.shell import ABSENT, Shell
from tests.vmcore.small_dump import BASE


@pytest.fixture
def mine():
    """Commands for one test."""
    before = dict(COMMANDS)
    yield
    COMMANDS.clear()
    COMMANDS.update(before)


# ------------------------------------------------------------------ what is a command, and what is Python


@pytest.mark.parametrize(
    "line",
    ["bt", "bt -a", "p init_task", "list -h 1", "px jiffies", "struct task_struct", "task_struct.pid 1",
     "*task_struct 1", "!true", "? bt", "%help", "set 1", "p == 3 or 4", "irq -s", "task_struct"],
)  # fmt: skip
def test_commands(shell, line):
    assert shell.is_command(line) or line.startswith("p ==")


@pytest.mark.parametrize(
    "line",
    ["p = 3", "p += 1", "list(range(3))", "set([1])", "sys.path", "files[0]", "p, q = 1, 2", "bt: int = 3", "p == 3",
     "print(1)", "x", "for bt in [1]: pass", "if p: pass", "prog['init_task']", "help.__doc__", "p in [1]", "int(3)"],
)  # fmt: skip
def test_python(shell, line):
    assert not shell.is_command(line)


def test_a_variable_of_a_commands_name_can_be_set_and_used(run):
    assert run("p = 5; print(p + 1)") == ("6\n", "")
    assert run("p 1 + 1") == ("1 + 1 = (long)2\n", "")


def test_a_type_name_is_short_for_struct(run):
    assert "comm" in run("task_struct")[0]
    assert 'comm = (char [16])"swapper/0"' in run("task_struct.comm init_task")[0]
    assert 'comm = (char [16])"swapper/0"' in run("* task_struct.comm init_task")[0]


def test_several_in_a_line_commands_and_python(run):
    said, _ = run("p 1; x = 4; print(x); p 2")
    assert said == "1 = (long)1\n4\n2 = (long)2\n"


# ------------------------------------------------------------------ errors


@pytest.mark.parametrize(
    "line",
    ["bt 12345", "bt -Z", "p nothing", "p *(int *)8", "sym nothing", "dis nothing", "struct nothing", "rd nothing",
     "help nothing", "ps", "foreach bt", "foreach nonsense", "log", "kmem -i", "set 99", "set scroll maybe",
     "alias nothing", "sym", "p", "eval", "eval 1 +", "eval init_task", "bt |", "log >", "bt > /nothing/there",
     "p 1 | exit 3", "struct -o", "whatis nothing", "union x", "gdb p 1", "wr 1 2", "nonsense", "nonsense 1 2 3",
     "vtop nothing", "list", "tree", "search", "timer", "runq", "dev", "irq", "files", "vm", "task", "net", "mount",
     "dis -r 10", "sym -m nothing", "p runqueues:99", "bt -c 99", "bt -c x-y", "p " + "(" * 3000],
)  # fmt: skip
def test_every_error_is_one_line(run, line):
    _, complaint = run(line)
    assert re.fullmatch(r"[^\n]+\n", complaint), complaint
    assert "Traceback" not in complaint


def test_a_failed_command_lets_the_others_run(run):
    said, complaint = run("sym nothing; p 1")
    assert said == "1 = (long)1\n"
    assert complaint == "no symbol nothing\n"


def test_what_is_absent_says_what_to_do_instead(run):
    for name, text in ABSENT.items():
        assert run(f"{name} x") == ("", f"{text}\n")


def test_whatever_a_command_raises_is_told(run, mine):
    @command("explode", "for this test")
    def explode(shell, given):
        raise OSError("control\x1b[2J\nlines")

    assert run("explode") == ("", "explode: OSError: control\\x1b[2J lines\n")


def test_an_interrupt_ends_the_command_alone(run, mine):
    @command("wait", "for this test")
    def wait(shell, given):
        raise KeyboardInterrupt

    assert run("wait; p 1") == ("1 = (long)1\n", "interrupted\n")


# ------------------------------------------------------------------ where output goes


def test_output_is_harmless(run, mine):
    @command("evil", "for this test")
    def evil(shell, given):
        out("\x1b[31mred\ttab\u202e")

    assert run("evil") == ("\\x1b[31mred\ttab\\u202e\n", "")
    assert run("print('\\x1b[31m')") == ("\\x1b[31m\n", "")


def test_pipe_and_files(run, tmp_path):
    assert run("help | grep '^bt '") == ("bt       stack traces\n", "")
    assert run("p 1 | cat; p 2 | sed s/2/3/")[0] == "1 = (long)1\n3 = (long)2\n"
    file = tmp_path / "a file"
    run(f"p 1 > '{file}'; p 2 >> '{file}'")
    assert file.read_text() == "1 = (long)1\n2 = (long)2\n"
    run(f"p 3 > '{file}'")
    assert file.read_text() == "3 = (long)3\n"


def test_a_reader_that_has_enough_is_no_error(run):
    assert run("sym -l | head -1")[1] == ""
    assert run("p 1 | grep nothing") == ("", "")
    assert run("p 1 | exit 3")[1] == "exit 3: ended with status 3\n"


def test_a_shells_command(shell, capfd):
    shell.run("!echo outside")
    assert capfd.readouterr().out == "outside\n"


def test_the_pager_reads_what_is_not_redirected(shell, run, tmp_path):
    shell.pager = f"cat > {tmp_path / 'paged'}"
    assert run("p 1 | cat") == ("1 = (long)1\n", "")
    assert run("p 2") == ("", "")
    assert (tmp_path / "paged").read_text() == "2 = (long)2\n"
    run("set scroll off")
    assert run("p 3")[0] == "3 = (long)3\n"


# ------------------------------------------------------------------ Python


def test_python_shows_values_as_drgn_does(run):
    assert run("prog['init_task'].pid") == ("(int)0\n", "")
    assert run("1 + 1") == ("2\n", "")
    assert run("None") == ("", "")
    assert run("prog.type('struct list_head')")[0].startswith("struct list_head {\n")
    assert run("cast('long', prog['init_task'].pid + 3)") == ("(long)3\n", "")
    assert run("_ + 1") == ("(long)4\n", "")
    assert "for_each_task" in run("dir()")[0]
    assert run("drgn.get_default_prog() is prog")[0].endswith("True\n")


def test_tracebacks_show_the_users_frames_only(run):
    said, complaint = run("prog['nothing']")
    assert said == ""
    assert complaint.splitlines() == [
        "Traceback (most recent call last):",
        '  File "<prompt>", line 1, in <module>',
        "_drgn.ObjectNotFoundError: could not find 'nothing'",
    ]
    assert run("(]")[1].endswith("does not match opening parenthesis '('\n")
    assert "ast.py" not in run("x y z = 3")[1]
    assert run("1/0")[1].count("File") == 1


def test_commands_from_python(shell, run):
    assert run("commands('p 1'); commands.p('2')") == ("1 = (long)1\n2 = (long)2\n", "")
    assert run("len(commands.text('help').splitlines()) > 20") == ("True\n", "")
    assert run("commands.text('p 1 | cat')") == ("'1 = (long)1\\n'\n", "")
    assert run("commands.nothing")[1].endswith("AttributeError: no command nothing\n")
    assert run("commands.sym('nothing')")[1].splitlines()[-1].endswith("CommandError: no symbol nothing")
    assert "bt" in dir(shell.variables["commands"])


def test_drgns_own_commands(run):
    assert run("%sh echo x")[1] == ""


# ------------------------------------------------------------------ scripts


def lines(shell, text):
    return shell.run_lines(io.StringIO(text), "<test>")


def test_a_script_of_commands_and_python(shell, capsys):
    assert lines(
        shell,
        "#!/usr/bin/env lastwords\n# a comment\np 1\n\n"
        "for x in range(2):\n    if x:\n        print(x)\n    else:\n        pass\n"
        "p 2\nnames = [\n'a',\n'b',\n]\nnames\ntry:\n    1/0\nexcept ZeroDivisionError:\n    print('caught')\np 3",
    )
    assert capsys.readouterr().out == "1 = (long)1\n1\n2 = (long)2\n['a', 'b']\ncaught\n3 = (long)3\n"


def test_a_script_goes_on_behind_an_error_and_tells(shell, capsys):
    assert not lines(shell, "sym nothing\n1/0\np 1\n")
    said = capsys.readouterr()
    assert said.out == "1 = (long)1\n"
    assert said.err.splitlines()[0] == "no symbol nothing"
    assert not lines(shell, "for x in\n")


def test_quit_ends_a_script(shell):
    for word in ("quit", "q", "exit"):
        with pytest.raises(Quit):
            lines(shell, f"p 1\n{word}\np 2\n")


def test_script_files(shell, tmp_path, capsys):
    script = tmp_path / "script.py"
    script.write_text("import sys\nif __name__ == '__main__':\n    print(prog['init_task'].pid.value_(), __file__)\n")
    assert shell.run_script(script)
    assert capsys.readouterr().out == f"0 {script}\n"
    script.write_text("def f():\n    raise ValueError('x')\nf()\n")
    assert not shell.run_script(script)
    assert capsys.readouterr().err.count("File") == 2
    other = tmp_path / "commands"
    other.write_text("p 1\n")
    assert shell.run_script(other)
    assert capsys.readouterr().out == "1 = (long)1\n"
    with pytest.raises(OSError, match="No such file"):
        shell.run_script(tmp_path / "none")


# ------------------------------------------------------------------ help, aliases, views, what drgn lacks


def test_help_lists_every_command(shell, run):
    said, _ = run("help")
    first = {line.split()[0] for line in said.splitlines() if line.strip()}
    assert first >= set(COMMANDS) | set(shell.drgn_commands)
    for name in (*COMMANDS, *ALIASES, *shell.drgn_commands):
        text, complaint = run(f"help {name}")
        assert text.startswith("usage: ")
        assert complaint == ""


def test_the_commands_that_people_type_are_there(shell):
    wanted = "sys log bt foreach ps set mod files mount net kmem struct union p px rd sym dis list tree dev irq timer"
    for name in (*wanted.split(), "runq", "vm", "task", "whatis", "search", "eval", "help", "quit"):
        assert shell.knows(name), name


def test_aliases(run):
    assert run("px 255") == ("255 = (long)0xff\n", "")
    assert run("pd 0x10") == ("0x10 = (long)16\n", "")
    run("alias two p 2")
    assert run("two") == ("2 = (long)2\n", "")
    run("alias two")
    assert "no such command" in run("two")[1]


def test_views_of_other_rooms(shell, run):
    shell.views["mine"] = View("for this test", "sysctls", lambda value: [f"got {value}"])
    assert run("help mine")[0].startswith("usage: mine")
    said, complaint = run("mine")
    assert said.startswith("got") or "can't be read" in complaint


def test_another_drgn_without_these_commands(shell, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "drgn.commands._crash.common", None)
    without = Shell(shell.kernel, "vmcore", str)
    assert without.drgn_commands == {}
    assert without.run("p 1")
    assert not without.run("vtop 1")
    assert capsys.readouterr().out == "1 = (long)1\n"


def test_commands_are_not_builtins_of_python():
    assert not {name for name in (*COMMANDS, *ALIASES) if hasattr(builtins, name)} - {
        "help",
        "set",
        "eval",
        "quit",
        "exit",
    }


# ------------------------------------------------------------------ single commands


def test_struct_offsets(run):
    assert run("struct task_struct -o")[0].splitlines() == [
        "struct task_struct {",
        "      [0] int pid;",
        "      [8] char comm[16];",
        "}",
        "SIZE: 32",
    ]
    assert run("task_struct.comm -o")[0] == "      [8] char comm[16];\n"
    assert run(f"struct task_struct.comm -o {BASE:x}")[0] == f"  [{BASE + 8:x}] char comm[16];\n"


def test_whatis(run):
    assert run("whatis struct list_head")[0].endswith("SIZE: 16\n")
    assert run("whatis task_struct.comm")[0] == "char comm[16];  /* at 8, 16 bytes */\n"
    assert "struct task_struct init_task;" in run("whatis init_task")[0]


def test_p(run):
    assert run("p init_task.comm")[0] == 'init_task.comm = (char [16])"swapper/0"\n'
    assert run("p linux_banner")[0].startswith('linux_banner = (const char [])"Linux version 6.1')
    assert run("p -x 16")[0] == "16 = (long)0x10\n"
    assert re.fullmatch(r"__end_rodata: at 0x\w+, of a type that is not known; try: .*\n", run("p __end_rodata")[1])


def test_eval(run):
    assert run("eval -b ffff + 1")[0].splitlines() == [
        "hexadecimal: 10000  (64KB)",
        "    decimal: 65536",
        "      octal: 200000",
        f"     binary: {1 << 16:064b}",
        "   bits set: 16",
    ]
    assert "18446744073709551615  (-1)" in run("eval 0 - 1")[0]
    assert f"hexadecimal: {BASE + 0x40:x}" in run("eval schedule")[0]


def test_sym(run):
    assert run("sym schedule")[0] == f"{BASE + 0x40:x} (T) schedule\n"
    assert run(f"sym {BASE + 0x45:x} schedule+5")[0] == f"{BASE + 0x45:x} (T) schedule+5\n" * 2
    assert "schedule" in run("sym -q chedul")[0]
    assert "there are" in run("sym init_tas")[1]


def test_dis(run):
    assert run("dis schedule 3")[0].splitlines() == [
        f"{BASE + 0x40:#x} <schedule>:\tpushq  %rbp",
        f"{BASE + 0x41:#x} <schedule+1>:\tmovq   %rsp, %rbp",
        f"{BASE + 0x44:#x} <schedule+4>:\tnop",
    ]
    assert len(run("dis -r schedule+4")[0].splitlines()) == 3
    assert run("dis schedule+4")[0] == f"{BASE + 0x44:#x} <schedule+4>:\tnop\n"
    assert run("dis -f schedule+4")[0].splitlines()[1] == f"{BASE + 0x45:#x} <schedule+5>:\tretq"


def test_rd_with_an_offset(run):
    assert run("rd -8 linux_banner+6 7")[0].split() == [
        f"{BASE + 0x44806:x}:", "76", "65", "72", "73", "69", "6f", "6e", "version"
    ]  # fmt: skip


def test_sys_shows_what_there_is(run):
    said, complaint = run("sys")
    assert complaint == ""
    assert "RELEASE: 6.1.0-56-cloud-amd64" in said
    assert "types from BTF" in said


def test_errors_as_exceptions_for_python(shell):
    with pytest.raises(CommandError, match="no such command"):
        shell.execute("nothing_such")
