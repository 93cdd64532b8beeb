"""A whole Debian in a virtual machine, with systemd, GRUB and its own disk: what readies a host is tried in it.

from lastwords.lab.system import Guest, image

with Guest(image(), Path("console.log")) as guest:
    guest.wait_for_boot()
    print(guest.run("systemctl is-system-running").output)
"""

from .guest import Done, Guest
from .image import directory_disk, image, overlay, terminal

__all__ = ["Done", "Guest", "directory_disk", "image", "overlay", "terminal"]
