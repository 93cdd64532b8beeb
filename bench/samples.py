"""Logs to measure with: those that the repository has, and a huge one made of them."""

import random
from collections.abc import Iterator, Mapping
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
RECORDED = (REPOSITORY / "tests/lab/logs", REPOSITORY / "tests/klog/cases")

# What a healthy server says, over and over.
_HEALTHY = (
    "usb 1-{a}: new high-speed USB device number {b} using xhci_hcd",
    "usb 1-{a}: New USB device found, idVendor=0951, idProduct=1666, bcdDevice= 1.10",
    "EXT4-fs (sda{a}): mounted filesystem with ordered data mode. Quota mode: none.",
    "e1000e 0000:00:1f.6 eno1: NIC Link is Up 1000 Mbps Full Duplex, Flow Control: Rx/Tx",
    "br-{b}: port {a}(veth{b}) entered blocking state",
    "br-{b}: port {a}(veth{b}) entered forwarding state",
    "device veth{b} entered promiscuous mode",
    "IPv6: ADDRCONF(NETDEV_CHANGE): veth{b}: link becomes ready",
    'audit: type=1400 audit(1718000000.{b}:{b}): apparmor="STATUS" operation="profile_replace" profile="unconfined"',
    "[UFW BLOCK] IN=eno1 OUT= MAC=52:54:00:12:34:56 SRC=10.0.0.{a} DST=10.0.0.1 LEN=40 TTL=247 PROTO=TCP SPT={b}",
    "systemd[1]: Started Session {b} of user backup.",
    "nvme nvme0: {a}/0/0 default/read/poll queues",
    "mce: CPU{a}: Thermal monitoring enabled (TM1)",
    "perf: interrupt took too long ({b} > 2500), lowering kernel.perf_event_max_sample_rate to 79750",
    "TCP: request_sock_TCP: Possible SYN flooding on port {b}. Sending cookies.",
    "docker0: port {a}(veth{b}) entered disabled state",
)


def installed(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment in which Python keeps compiled modules, as an installation has them."""
    return {name: value for name, value in environment.items() if name != "PYTHONDONTWRITEBYTECODE"}


def logs(folder: Path | None = None) -> list[bytes]:
    """The logs of a folder, with their answers left out; by default those of the repository."""
    folders = [folder] if folder is not None else [path for path in RECORDED if path.is_dir()]
    paths = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    return [_without_answers(path.read_bytes()) for path in paths if path.suffix in ("", ".log", ".txt")]


def _without_answers(data: bytes) -> bytes:
    """A log without the lines `# title: …` or `TITLE: …` at its head and the report behind its end."""
    lines = data.split(b"\n")
    first = 0
    while first < len(lines) and (lines[first].startswith(b"#") or lines[first].split(b":")[0].isupper()):
        first += 1
    return b"\n".join(lines[first:]).partition(b"\n\nREPORT:\n")[0].lstrip(b"\n") + b"\n"


def write_huge(path: Path, megabytes: int, crashes: list[bytes]) -> None:
    """A log of healthy lines with the crashes spread over it."""
    size, written = megabytes * 1_000_000, 0
    due = [size * (i + 1) // (len(crashes) + 1) for i in range(len(crashes))]
    remaining = list(crashes)
    with path.open("wb") as file:
        for block in _healthy():
            if remaining and written >= due[len(crashes) - len(remaining)]:
                written += file.write(remaining.pop(0))
            written += file.write(block)
            if written >= size and not remaining:
                break


def _healthy() -> Iterator[bytes]:
    """Blocks of healthy lines, about 100 kB each, without end."""
    choice, now = random.Random(1), 5.0
    while True:
        lines = []
        for _ in range(1200):
            now += choice.random() / 4
            line = choice.choice(_HEALTHY).format(a=choice.randrange(1, 9), b=choice.randrange(100, 9999))
            lines.append(f"[{now:12.6f}] {line}\n")
        yield "".join(lines).encode()
