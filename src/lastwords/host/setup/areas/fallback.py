"""What survives where there is no dump: the journal on disk, and pstore's records."""

from collections.abc import Iterator, Sequence

from lastwords.host.machine import Host
from lastwords.host.setup.plan import Action, Command, Edit
from lastwords.host.setup.steps import step
from lastwords.model.readiness import Check

JOURNALD = "/etc/systemd/journald.conf.d/90-lastwords.conf"
_RESTART = ("systemctl", "restart", "systemd-journald.service")


@step("persistent-journal")
def journal(host: Host, checks: Sequence[Check]) -> Iterator[Action]:
    """Storage=persistent in a file of its own."""
    if not host.root.exists(JOURNALD):
        yield Edit(
            path=JOURNALD,
            before=None,
            after="# Written by lastwords doctor --fix\n[Journal]\nStorage=persistent\n",
            why="What led to a crash was logged before it; a journal in memory is gone with it.",
        )
        yield Command(argv=_RESTART, undo=_RESTART, why="It reads its settings when it starts.")


@step("systemd-pstore")
def pstore(host: Host, checks: Sequence[Check]) -> Iterator[Action]:
    """The service that moves records to the disk."""
    name = "systemd-pstore.service"
    if host.unit(name).get("LoadState") not in ("not-found", "masked"):
        yield Command(
            argv=("systemctl", "enable", "--now", name),
            undo=("systemctl", "disable", name),
            why="It moves what pstore kept to /var/lib/systemd/pstore, before it is full.",
        )
