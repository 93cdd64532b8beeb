"""The directory of dumps: there, and not for everybody's eyes."""

from collections.abc import Iterator, Sequence

from lastwords.host.dumps import dumps
from lastwords.host.machine import Host
from lastwords.host.setup.plan import Action, Command
from lastwords.host.setup.steps import step
from lastwords.model.readiness import Check

_MOST = 50


@step("dump-target-writable")
def directory(host: Host, checks: Sequence[Check]) -> Iterator[Action]:
    """The directory of dumps, where it is on this machine's root and is missing."""
    settings = host.dump_settings
    if settings is None or settings.kind != "local" or host.root.exists(settings.path):
        return
    yield Command(
        argv=("mkdir", "-p", "-m", "700", settings.path),
        undo=("rmdir", settings.path),
        why="Dumps go there, and hold all that was in memory.",
    )


@step("dump-directory-mode")
def private(host: Host, checks: Sequence[Check]) -> Iterator[Action]:
    """Dumps that everybody can read (kdump-tools makes them so). Not the directory: Ubuntu's apport shares it."""
    settings = host.dump_settings
    if settings is None or settings.kind != "local":
        return
    for dump in dumps(host.root, settings.path)[:_MOST]:
        if dump.mode & 0o004:
            yield Command(
                argv=("chmod", "o-r", dump.path),
                undo=("chmod", "o+r", dump.path),
                why="It holds all that was in memory: keys, passwords, everybody's data.",
            )
