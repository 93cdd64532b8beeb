"""What makes the kernel panic, as sysctls: in force now and after the next boot."""

import re
from collections.abc import Iterator, Sequence

from lastwords.host.machine import Host
from lastwords.host.setup.plan import Action, Command, Edit
from lastwords.host.setup.steps import step
from lastwords.host.sysctls import OUR_FILE as FILE
from lastwords.host.triggers import TRIGGERS
from lastwords.model.readiness import Check

_HEADING = "# Written by lastwords doctor --fix; lastwords doctor --undo takes it back.\n"
_BY_CHECK = {one.id: one for one in TRIGGERS if one.advised}
_SYSRQ_DUMP = 8


@step(*_BY_CHECK, "sysrq")
def triggers(host: Host, checks: Sequence[Check]) -> Iterator[Action]:
    """One file of ours with all of them; what a later file sets otherwise is changed there."""
    settings = dict(_setting(host, check) for check in checks)
    before = _text(host, FILE)
    own = dict(re.findall(r"^([\w.]{1,80}) = (.{1,80})$", before or "", re.M)) | settings
    after = _HEADING + "".join(f"{name} = {value}\n" for name, value in sorted(own.items()))
    yield Edit(path=FILE, before=before, after=after, why="Without them many a crash ends in no dump.")
    yield from _overriding(host, settings)
    for name, value in settings.items():
        running = host.sysctl(name)
        if running is not None and running != value and host.root.runs_commands:
            yield Command(
                argv=("sysctl", "-w", f"{name}={value}"),
                undo=("sysctl", "-w", f"{name}={running}"),
                why="In force now, too.",
            )


def _setting(host: Host, check: Check) -> tuple[str, str]:
    if check.id == "sysrq":
        mask = int(host.sysctl("kernel.sysrq") or "0")
        return "kernel.sysrq", str(mask | _SYSRQ_DUMP)
    return _BY_CHECK[check.id].setting, _BY_CHECK[check.id].advised


def _overriding(host: Host, settings: dict[str, str]) -> Iterator[Edit]:
    """Files of the administrator that are read after ours and set something else."""
    texts: dict[str, str] = {}
    for name, value in settings.items():
        set_by = host.sysctls.get(name)
        if set_by is None or set_by.value == value or not _is_later(set_by.source):
            continue
        text = texts.get(set_by.source) or _text(host, set_by.source) or ""
        pattern = rf"^([ \t]{{0,40}}-?{re.escape(name)}[ \t]{{0,40}}=[ \t]{{0,40}}).{{0,1000}}$"
        texts[set_by.source] = re.sub(pattern, rf"\g<1>{value}", text, flags=re.M)
    for path, after in texts.items():
        yield Edit(path=path, before=_text(host, path), after=after, why=f"It is read after {FILE} and sets another.")


def _is_later(path: str) -> bool:
    if path == "/etc/sysctl.conf":
        return True
    return path.startswith("/etc/") and path.rpartition("/")[2] > FILE.rpartition("/")[2]


def _text(host: Host, path: str) -> str | None:
    try:
        return host.root.read(path).decode(errors="surrogateescape")
    except FileNotFoundError:
        return None
