"""No kdump: the log survives in pstore (ramoops) and goes to another machine by netconsole, and is enough.

Then capture, killed at random moments, in the same guest. Each test begins where the one before it ended.
"""

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from lastwords.cli.main import COMMANDS, cli
from lastwords.lab import case, kernel
from lastwords.lab.modules import modules
from lastwords.lab.system import Guest

from .conftest import booted

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.xdist_group("guest-without-kdump")]

CASE = "null-field"
RAMOOPS = 0x18000000
NETCONSOLE = """
interface=$(ls /sys/class/net | grep -v lo)
ip link set "$interface" up
ip address add 10.0.2.15/24 dev "$interface"
modprobe netconsole "netconsole=6665@10.0.2.15/$interface,{port}@10.0.2.2/52:55:0a:00:02:02"
"""
# The memory has to be kept free from the boot on; it is not cleared when the machine is reset.
PSTORE = f"""
sed -i 's/console=ttyS0/console=ttyS0 memmap=1M\\\\$0x{RAMOOPS:x}/' /boot/grub/grub.cfg
echo ramoops > /etc/modules-load.d/ramoops.conf
options='mem_address=0x{RAMOOPS:x} mem_size=0x100000 record_size=0x20000 ecc=1'
echo "options ramoops $options" > /etc/modprobe.d/ramoops.conf
printf 'kernel.panic = 2\\nkernel.panic_on_oops = 1\\n' > /etc/sysctl.d/50-test.conf
"""


class Listener:
    """The other machine: takes the datagrams."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(0.2)
        self.port = self.socket.getsockname()[1]

    def text(self) -> bytes:
        received = []
        while True:
            try:
                received.append(self.socket.recv(65536))
            except TimeoutError:
                return b"".join(received)


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    found = Listener()
    yield found
    found.socket.close()


@pytest.fixture(scope="module")
def guest(directory: Path) -> Iterator[Guest]:
    network = ("-netdev", "user,id=net,ipv6=off", "-device", "virtio-net-pci,netdev=net,romfile=")
    with booted(directory, *network, memory_file=directory / "memory") as running:
        yield running


def test_pstore_and_netconsole_make_it_ready_for_a_log(guest, listener):
    guest.run(PSTORE)
    guest.reboot()
    guest.run(NETCONSOLE.format(port=listener.port))
    found = json.loads(guest.run("lastwords doctor --json", check=False).output)
    status = {check["id"]: check["status"] for check in found["checks"]}
    assert found["ready"]
    assert found["leaves"] == "log"
    assert status["pstore"] == status["netconsole"] == "ok"


def test_the_crash_is_heard_on_another_machine(guest, listener, directory):
    (victim,) = modules(case(CASE), kernel("6.1"))
    guest.put("/root/case.ko", victim.read_bytes())
    listener.text()
    guest.start("insmod /root/case.ko && echo 1 > /dev/lab")
    end, heard = time.monotonic() + 300, b""
    while b"Rebooting in" not in heard and time.monotonic() < end:
        heard += listener.text()
    log = directory / "netconsole.log"
    log.write_bytes(heard)
    answer(log)


def test_pstore_has_it_after_the_reboot_and_capture_takes_it(guest, directory):
    guest.wait_for_boot()
    found = guest.run("find /sys/fs/pstore /var/lib/systemd/pstore -type f").output
    assert "dmesg" in found
    path = next(line for line in found.splitlines() if "dmesg" in line and not line.endswith(".enc.z"))
    log = directory / "pstore.log"
    log.write_bytes(guest.get(path))
    answer(log)


@pytest.mark.skipif("capture" not in COMMANDS, reason="there is no capture yet")
def test_capture_and_analyze_in_the_guest(guest):
    done = guest.run("lastwords capture --to /root/case --json", timeout=600, check=False)
    taken = [item for item in json.loads(done.output)["evidence"] if item["state"] == "taken"]
    assert "pstore" in {item["kind"] for item in taken}, done.output
    words = guest.run("lastwords analyze /root/case", timeout=400, check=False).output
    known = case(CASE).answer
    assert known.function in words, words
    assert known.module in words, words


KILLED = """
set -u
broken=0
for round in $(seq 20); do
  setsid lastwords capture --to /root/killed > /root/killed.log 2>&1 &
  sleep "$(printf '%d.%03d' $((RANDOM % 9)) $((RANDOM % 1000)))"
  kill -KILL -- -$! 2> /dev/null
  wait $! 2> /dev/null
  if [ -e /root/killed/case.toml ]; then
    lastwords case verify /root/killed > /root/verify.log 2>&1 || { broken=$((broken + 1)); cat /root/verify.log; }
  fi
done
echo "broken: $broken"
"""


@pytest.mark.skipif("capture" not in COMMANDS, reason="there is no capture yet")
def test_capture_killed_twenty_times_has_nothing_half_taken(guest):
    done = guest.run(KILLED, timeout=1800, check=False)
    assert "broken: 0" in done.output, done.output
    whole = guest.run("lastwords capture --to /root/killed --json", timeout=600, check=False)
    assert {item["state"] for item in json.loads(whole.output)["evidence"]} >= {"taken"}
    assert guest.run("lastwords case verify /root/killed", check=False, timeout=300).status == 0
    assert "pstore" in guest.run("find /root/killed/evidence").output


def answer(log: Path) -> None:
    """The log alone leads to the function and the module."""
    done = CliRunner().invoke(cli, ["analyze", "--json", str(log)])
    assert done.exit_code in (0, 1), done.output
    known = case(CASE).answer
    assert known.title in done.stdout
    assert f'"{known.function}"' in done.stdout
    assert f'"{known.module}"' in done.stdout
