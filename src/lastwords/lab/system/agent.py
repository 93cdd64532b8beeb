"""Runs inside the guest, as a service: carries out what comes over a virtio-serial port, one JSON object a line.

A request is `{"id", "script", "input", "timeout", "wait"}`, its answer `{"id", "status", "output", "errors"}`; input
and output are base64. After each boot it says `{"boot": boot_id}` first. Needs nothing but Python and bash.
"""

import base64
import json
import os
import signal
import subprocess
import time
from typing import Any

PORT = "/dev/virtio-ports/lab"
TIMED_OUT = 124
"""Status of a script that did not end in time: as `timeout` has it."""


_STARTED: list["subprocess.Popen[bytes]"] = []
"""What goes on by itself."""


def main() -> None:
    """Serve for ever."""
    while not os.path.exists(PORT):  # noqa: PTH110  (pathlib takes half a second to import under emulation)
        time.sleep(0.1)
    port = os.open(PORT, os.O_RDWR)
    with open("/proc/sys/kernel/random/boot_id") as file:  # noqa: PTH123
        _send(port, {"boot": file.read().strip()})
    begun = b""
    while True:
        data = os.read(port, 65536)
        if not data:  # nobody at the other end
            time.sleep(0.1)
            continue
        *lines, begun = (begun + data).split(b"\n")
        for line in lines:
            if line.strip():
                _serve(port, json.loads(line))


def _serve(port: int, request: dict[str, Any]) -> None:
    pipe = subprocess.PIPE if request["wait"] else subprocess.DEVNULL
    process = subprocess.Popen(
        ["/bin/bash", "-c", request["script"]],
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        start_new_session=True,
        cwd="/",
        env={
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/root",
            "LANG": "C.UTF-8",
        },
    )
    if not request["wait"]:
        _STARTED.append(process)
        _send(port, {"id": request["id"], "status": 0, "output": "", "errors": ""})
        return
    try:
        output, errors = process.communicate(base64.b64decode(request["input"]), request["timeout"])
        status = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, errors = process.communicate()
        status = TIMED_OUT
    _send(port, {"id": request["id"], "status": status, "output": _text(output), "errors": _text(errors)})


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _send(port: int, message: dict[str, Any]) -> None:
    # The line end before it closes what a crash may have cut off.
    data = b"\n" + json.dumps(message).encode() + b"\n"
    while data:
        data = data[os.write(port, data) :]


if __name__ == "__main__":
    main()
