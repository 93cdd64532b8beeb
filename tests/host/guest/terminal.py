"""The guest of the tests, for people: its serial console on this terminal (scripts/guest)."""

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from lastwords.lab.cache import hold
from lastwords.lab.system import Guest, image, overlay, terminal

from . import payload


def main() -> None:
    """Make the disk, if there is none yet; then boot it, again after each reboot."""
    system = image()
    disk = terminal(system)
    if "--new" in sys.argv or not disk.exists():
        print(
            "making the disk: lastwords is installed in it first, which takes a boot (a minute or two)", file=sys.stderr
        )
        with TemporaryDirectory(prefix="lastwords-lab-") as scratch:
            disk.unlink(missing_ok=True)
            guest = Guest(overlay(system, disk), Path(scratch) / "console", devices=payload.devices())
            with guest:
                guest.wait_for_boot()
                guest.run(payload.MOUNT)
                guest.shut_down()
    hold(disk)
    guest = Guest(disk, Path("/dev/null"), devices=payload.devices())
    while guest.run_on_terminal():
        print("\r\nthe guest reboots; Ctrl-C within 3 s keeps it off", file=sys.stderr)
        try:
            time.sleep(3)
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
