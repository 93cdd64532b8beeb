"""Every command on a kernel that crashed a moment ago, without debuginfo: names and types are the dump's own."""

import re

import pytest

from lastwords.lab import case, kernel
from lastwords.lab import run as crash
from lastwords.report.escape import printable
from lastwords.vmcore.session import sources_of
from lastwords.vmcore.shell import Shell
from lastwords.vmcore.shell.opening import open_shell

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("lab")]

# What to type, and what must be among what it prints.
COMMANDS = [
    ("sys", r"(?s)CPUS: 2\n.*TASKS: \d\d.*NODENAME: .*MEMORY: 2\d\d.*PANIC: \"BUG: kernel NULL .*COMMAND: \"sh\""),
    ("sys -t", r"TAINTED: \w*O"),
    ("log", r"\[ +\d+\.\d+\] Kernel panic - not syncing: Fatal exception"),
    ("log -m", r"(?m)^<\d>\[ +\d+\.\d+\] BUG: kernel NULL pointer dereference"),
    ("log -T", r"\[\w{3} \w{3} .\d \d\d:\d\d:\d\d UTC \d{4}\] Linux version"),
    ("log -t | head -1", r"^Linux version"),
    ("log -c | tail -1", r"\] \[ +T\d+\] ---"),
    ("bt", r'(?s)^PID: \d+ .*COMMAND: "sh"\n.* #0 \[f+.*exception RIP: \w+\+\d+\].*RDI: .*\[null_field\]'),
    ("bt -s", r"panic\+\d+ at f"),
    ("bt -f 1", r"(?m)^ #0 .*\n    [0-9a-f]{16}: [0-9a-f]{16} [0-9a-f]{16}$"),
    ("bt -F 1", r"(?s)schedule.*\[task_struct\]"),
    ("bt -t 1", r"\[[0-9a-f]{16}\] schedule at "),
    ("bt -a", r'(?s)CPU: 0 .*\n\nPID: .*CPU: 1 '),
    ("bt -c 0-1 -n", r"^PID: [1-9]"),
    ("bt -p", r'COMMAND: "sh"'),
    ("bt -g 1", r'COMMAND: "init"'),
    ("foreach bt", r'(?s)"swapper/0".*"kthreadd".*"sh"'),
    ("foreach RU bt", r'"sh"'),
    ("foreach 'kswap.*' bt", r'"kswapd0"'),
    ("foreach sh files", r'COMMAND: "sh"'),
    ("foreach user task -R comm", r'comm = \(char \[16\]\)"init"'),
    ("ps", r"(?m)^> +\d+ +\d+ +\d +[0-9a-f]{16}  RU .*sh$"),
    ("ps -k", r"(?m)\[kthreadd\]$"),
    ("ps -u | grep -c kthreadd", r"^0$"),
    ("ps -S", r"(?m)^  IN: \d+$"),
    ("ps -a", r"ARG: /bin/busybox sh /init"),
    ("ps -l", r"sh"),
    ("ps 1", r"init\n$"),
    ("set 1", r'(?s)COMMAND: "init".*STATE: S'),
    ("set -p", r'COMMAND: "sh"'),
    ("mod", r"null_field +[0-9a-f]{16} +\d+ "),
    ("mod -t", r"null_field +OE"),
    ("files 1", r"0 .*/dev/console"),
    ("mount", r"devtmpfs .* /dev\n"),
    ("net", r" lo "),
    ("kmem -i", r"TOTAL MEM +\d+ "),
    ("kmem -s kmalloc-64", r"kmalloc-64$"),
    ("kmem -s (init_task.mm)", r"."),
    ("kmem (init_task.tasks.next)", r"task_struct"),
    ("kmem -z", r'NAME: "DMA"'),
    ("struct task_struct", r"(?s)struct task_struct \{.*pid_t pid;.*SIZE: \d{4}"),
    ("struct task_struct.pid,comm -o", r"(?m)^ +\[\d+\] char comm\[16\];$"),
    ("struct list_head init_task.tasks", r"\.next = "),
    ("rd init_task.comm 2", r"swapper/0"),
    ("task_struct.comm init_task", r'comm = \(char \[16\]\)"swapper/0"'),
    ("union bpf_attr", r"map_type"),
    ("p init_task.comm", r'"swapper/0"'),
    ("p *(struct list_head *)init_task.tasks.next", r"\.prev = \(struct list_head \*\)init_task"),
    ("p ((struct task_struct *)((char *)init_task.tasks.next - 2192)) != 0", r"= \(int\)1"),
    ("px jiffies_64", r"= \(u64\)0x"),
    ("p runqueues", r"(?s)struct rq runqueues;.*\[1\]: f{4}"),
    ("p runqueues:a", r"(?s)per_cpu\(runqueues, 0\) = .*per_cpu\(runqueues, 1\) = "),
    ("rd linux_banner 4", r"Linux version"),
    ("rd -a linux_banner", r"Linux version 6\.1"),
    ("rd -S init_task 8", r"init_task|[0-9a-f]{16}"),
    ("sym schedule", r"^[0-9a-f]{16} \(T\) schedule\n$"),
    ("sym schedule+5", r"\(T\) schedule\+5"),
    ("sym -m null_field", r"\(t\) lab_\w+ \[null_field\]"),
    ("dis schedule 5", r"(?s)<schedule>:\t.*<schedule\+\d+>:\t"),
    ("dis -r schedule+20", r"(?s)^0x[0-9a-f]+ <schedule>:"),
    ("list -H modules -o module.list -s module.name", r'name = \(char \[56\]\)"null_field"'),
    ("list task_struct.tasks -h init_task -s task_struct.comm", r'"kthreadd"'),
    ("tree -t rb vmap_area_root", r"ffff"),
    ("dev", r"ttyS"),
    ("dev -d", r"GENDISK"),
    ("irq", r'"ttyS0"'),
    ("irq -s", r"ttyS0"),
    ("timer", r"(?s)JIFFIES.*TIMER_BASES\[1\]\[BASE_DEF\]"),
    ("timer -r", r"HRTIMER_CPU_BASE"),
    ("runq", r'(?s)CPU 0 RUNQUEUE.*CURRENT: PID.*"sh"'),
    ("vm 1", r"/bin/busybox"),
    ("task -R comm 1", r'comm = .*"init"'),
    ("whatis task_struct", r"struct thread_info thread_info;"),
    ("whatis init_task", r"struct task_struct init_task;"),
    ("search -c 'Linux version 6.1'", r"Linux version"),
    ("eval schedule", r"hexadecimal: f+"),
    ("vtop linux_banner", r"PHYSICAL"),
    ("swap", r"SWAP_INFO_STRUCT"),
    ("ipcs", r"SHMID_KERNEL"),
    ("sig 1", r"SIG_IGN|SIG_DFL"),
    ("locks", r"lock"),
    ("mem", r"free"),
    ("help", r"(?m)^bt "),
    ("[t.comm.string_() for t in for_each_task(prog)]", r"b'kthreadd'"),
    ("prog.crashed_thread().object.comm", r'"sh"'),
    ("find_task(1).comm", r'"init"'),
    ("len(commands.text('ps').splitlines()) > 20", r"True"),
]  # fmt: skip


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    from lastwords.cli.shell import views

    folder = tmp_path_factory.mktemp("shell")
    crash(case("null-field"), kernel("6.1"), folder / "log", elf=folder / "vmcore")
    return open_shell(sources_of([str(folder / "vmcore")], debuginfo=False), escape=printable, views=views())


@pytest.mark.parametrize(("line", "expected"), COMMANDS, ids=[line for line, _ in COMMANDS])
def test_command(shell: Shell, capsys, line, expected):
    assert shell.run(line), capsys.readouterr().err
    said = capsys.readouterr()
    assert re.search(expected, said.out), said.out[:2000]
    assert said.err == ""
