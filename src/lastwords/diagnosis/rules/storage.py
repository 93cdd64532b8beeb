"""Storage that does not answer, and file systems that give up."""

import re
from collections import Counter
from collections.abc import Iterator

from lastwords.diagnosis.crash import Crash
from lastwords.diagnosis.listed import blocked, dump_next_time, is_hang, known_for
from lastwords.diagnosis.owner import origin_of
from lastwords.diagnosis.rule import rule
from lastwords.diagnosis.signs import device_in, hardware_signs, look_at_disk, of_disks
from lastwords.diagnosis.story import several
from lastwords.diagnosis.waits import waits_for_io
from lastwords.glossary.units import duration
from lastwords.model import CrashClass, Culprit, Fact, Finding, NextStep, Precursor

_OLD = 10.0
"""Seconds after which a disk has not answered a request, whatever the disk."""
_OLD_IN_A_HANG = 2.0
"""The same where tasks are reported as hung."""

_SILENT = re.compile(
    r"(?:nfs|lockd): server (\S{1,255}) not responding|CIFS: VFS: \\\\{0,2}(\S{1,255}) has not responded|"
    r"(?:libceph: |ceph: ).{0,80}(?:socket closed|session lost|hung|connection timed out)"
)
"""net/sunrpc/clnt.c, fs/smb/client/connect.c, net/ceph: a file server that does not answer."""


@rule(
    "storage-silent",
    "tasks that hang behind requests which a device does not answer",
    why="A task that waits for I/O is a victim: what matters is the device, its driver and how long the request has been there.",
    sure="quite sure where the dump has the request and its age",
)
def storage_silent(crash: Crash) -> Iterator[Finding]:
    """Old block requests in flight while tasks hang."""
    io = crash.machine.io if crash.machine else None
    hung = any(oops.kind in ("hung-task", "workqueue-lockup") for oops in crash.reports)
    old = [request for request in io.requests if (request.age or 0) >= (_OLD_IN_A_HANG if hung else _OLD)] if io else []
    if not old or io is None:
        return
    devices = Counter(request.device for request in old)
    device = devices.most_common(1)[0][0]
    oldest = max(request.age or 0 for request in old if request.device == device)
    disk = next((disk for disk in io.disks if disk.name == device), None)
    driver = f" (driver {disk.driver})" if disk and disk.driver else ""
    with_driver = [request for request in old if request.state == "in-flight"]
    where = (
        "the device has them and does not answer"
        if with_driver
        else "they wait in the queue; the driver was never given them"
    )
    yield Finding(
        id="storage-silent",
        title=f"{device}{driver} does not answer",
        text=f"{devices[device]} requests to {device}{driver} have been in flight for up to {duration(oldest)}: {where}.",
        confidence=0.85 if hung else 0.6,
        crash_class=_whose(crash, device, disk.driver if disk else None),
        culprit=Culprit(module=disk.driver if disk else None, object=device),
        evidence=tuple(
            Fact(
                text=f"{request.operation} of {request.bytes} bytes at sector {request.sector} of {request.device}, {request.state}, for {duration(request.age or 0)}",
                address=request.address,
            )
            for request in sorted(old, key=lambda request: -(request.age or 0))[:5]
        ),
        next=(
            NextStep(
                text="Look at the device: cable, path, firmware, the host's or the array's log.",
                command=f"smartctl -x /dev/{device}",
                phase="immediate",
                value=0.8,
            ),
            NextStep(text="See all requests with their age.", command="lastwords io DUMP", value=0.5),
        ),
        weight=0.95 if hung else 0.6,
    )


def _whose(crash: Crash, device: str, driver: str | None) -> CrashClass:
    """Whether the driver, the host or the device is the first suspect."""
    if driver is not None and origin_of(crash, driver) in ("out-of-tree", "proprietary"):
        return "lockup"
    return "hypervisor" if crash.hypervisor and re.match(r"vd[a-z]|xvd", device) else "hardware"


_ASK_STORAGE = "Look at the storage: disks, multipath, the array, the NFS server, the host."
_REMOTE = re.compile(r"(?:nfs|rpc|cifs|smb2|ceph|fuse|v9fs|p9|afs|gfs2|ocfs2|dlm)_|__rpc_|request_wait_answer$")
"""Functions of file systems whose data is on another machine, or in a program."""


@rule(
    "hung-behind-io",
    "hung tasks that wait for I/O, by their traces",
    why="They wait for a disk, an array or a server that does not answer; the kernel itself need not be at fault.",
    sure="possible to probable: the log does not show the requests",
)
def hung_behind_io(crash: Crash) -> Iterator[Finding]:
    """io_schedule() and its like on the traces of hung tasks."""
    if not is_hang(crash) or (crash.machine is not None and crash.machine.io is not None):
        return
    waiting = [report for report in blocked(crash) if waits_for_io(report)]
    if not waiting:
        return
    servers = [precursor for precursor in crash.precursors if _SILENT.search(precursor.text, 0, 400)]
    devices = hardware_signs(crash)
    # What came first is nearest to the cause; what came most often mostly follows from it.
    signs = sorted(servers or list(filter(of_disks, devices)) or devices, key=lambda sign: sign.line)
    remote = any(_REMOTE.match(f.function) for r in waiting for t in r.traces[:1] for f in t.frames[:12] if f.reliable)
    server = bool(servers) or remote
    names = several(list(dict.fromkeys(report.comm or "?" for report in waiting)))
    yield Finding(
        id="hung-behind-io",
        title=f"{names} hung in waiting for I/O",
        text=f"{names} waited for {'a file server' if server else 'I/O'} that did not {'answer' if server else 'come back'}."
        + (f" Before it: “{signs[0].text[:120]}”." if signs else ""),
        confidence=known_for(crash, 0.75 if signs else 0.55),
        # A server that is silent: its own trouble or the network's, not this machine's hardware.
        crash_class="hardware" if signs and not server else "lockup",
        culprit=Culprit(),
        evidence=(
            *(Fact(text=r.message, path=r.path, line=r.line, quote=True) for r in waiting[:4]),
            *(crash.sign(s) for s in signs[:3]),
        ),
        next=(
            _ask_server(servers)
            if server
            else look_at_disk(device_in(sign.text for sign in signs), _ASK_STORAGE, value=0.8),
            *(() if server else (dump_next_time(crash, "A dump shows each request with its age and device."),)),
        ),
        weight=0.85,
    )


def _ask_server(servers: list[Precursor]) -> NextStep:
    """To look at the file server, by its name where the log has it; a name is text of the log, and goes into a command."""
    names = (match[1] or match[2] for sign in servers if (match := _SILENT.search(sign.text, 0, 400)) is not None)
    name = next((name for name in names if name and _HOST.fullmatch(name)), "SERVER")
    return NextStep(
        text="Look at the file server and the network to it; the tasks go on by themselves once it answers.",
        command=f"ping -c 3 {name}; rpcinfo -t {name} nfs; nfsstat -m",
        phase="immediate",
        value=0.9,
    )


_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:-]{0,252}")


_FORCED = re.compile(r"EXT\d-fs|panic forced after error|(?:BTRFS|JBD2|FAT-fs|XFS)\b")
"""Panics of a file system that was told to give up (errors=panic, fs/ext4/super.c)."""


@rule(
    "file-system",
    "a file system that found itself damaged",
    why="It shuts down or panics (errors=panic) rather than make it worse; the cause is below it, or long ago.",
    sure="probable where the device reported errors before; not known else",
)
def file_system(crash: Crash) -> Iterator[Finding]:
    """ext4, XFS, btrfs errors with the device's errors before them."""
    oops = crash.oops
    if oops is None or oops.kind in ("dentry-in-use", "lustre-lbug", "zfs-panic"):
        return
    forced = oops.kind == "panic" and _FORCED.search(oops.panic or oops.message) is not None
    if oops.family != "filesystem" and not forced:
        return
    device = [report for report in crash.before if report.family in ("storage", "hardware")]
    signs = hardware_signs(crash)
    below = bool(device or signs)
    name = device_in([oops.message, *(report.message for report in crash.reports), *(sign.text for sign in signs)])
    evidence = (
        crash.here(),
        *(Fact(text=r.message, path=r.path, line=r.line, quote=True) for r in device[:3]),
        *(crash.sign(sign) for sign in signs[:3]),
    )
    yield Finding(
        id="file-system",
        title="a file system found its structures damaged" + (" after its device had failed" if below else ""),
        text="The file system found its structures damaged"
        + (
            "; its device had reported errors before."
            if below
            else "; the log shows no error of its device, so it may be old damage, memory or a bug."
        ),
        confidence=0.78 if below else 0.3,
        crash_class="hardware" if below else None,
        evidence=evidence,
        next=(
            NextStep(
                text="Save the device before anything is repaired, then check it.",
                command=f"fsck -n {f'/dev/{name}' if name else '/dev/NAME'}   # xfs_repair -n, btrfs check",
                phase="immediate",
                value=0.8,
            ),
            look_at_disk(name, "Look at the disk's own error counters.", value=0.7),
        ),
        weight=0.9,
    )


@rule(
    "virtual-device",
    "a fault in a driver of a virtual device",
    why="What a paravirtual driver chokes on was mostly written by the host.",
    sure="possible: the driver should have survived it all the same",
)
def virtual_device(crash: Crash) -> Iterator[Finding]:
    """Virtio and other paravirtual drivers blamed."""
    oops = crash.oops
    module = oops.module if oops else None
    if oops is None or module is None or not re.match(r"virtio|vmw_|vmxnet|hv_|xen_|netvsc|storvsc|ena$|gve$", module):
        return
    yield Finding(
        id="virtual-device",
        title=f"{module} drives a virtual device: look at the host",
        text=f"{module} drives a virtual device; what it fails on may come from the host.",
        confidence=0.4,
        crash_class="hypervisor",
        culprit=Culprit(module=module, function=oops.function),
        evidence=(crash.here(),),
        next=(
            NextStep(
                text="Look at the hypervisor's log and version, and at other guests of the same host.",
                phase="immediate",
                value=0.6,
            ),
        ),
        weight=0.4,
    )
