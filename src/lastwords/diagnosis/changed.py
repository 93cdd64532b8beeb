"""What had changed, as far as the evidence at hand tells."""

import re
from collections.abc import Iterator

from lastwords.model import Answer

from .crash import Crash
from .owner import letters_of
from .story import several

_SOON = 600.0
"""Seconds after boot within which a crash points at what is new since the last boot."""
_BUILT = re.compile(r"\((20\d\d-\d\d-\d\d)\)|[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d [\d:]{8} (?:[A-Z]{1,5} )?(20\d\d)")
_FOREIGN = (
    ("F", "were force-loaded"),
    ("P", "are proprietary"),
    ("O", "come from outside the kernel's tree"),
    ("C", "are from staging"),
    ("E", "are not signed"),
)


def changed(crash: Crash) -> tuple[Answer, ...]:
    """Answers by topic: boot, kernel, modules, livepatches."""
    return tuple(_answers(crash))


def _answers(crash: Crash) -> Iterator[Answer]:
    asked = any(oops.kind == "sysrq-crash" for oops in crash.reports)  # when, somebody chose
    if crash.time is not None and crash.time < _SOON and not (asked or crash.is_alive):
        text = "It crashed soon after boot: what is new since the boot before is the first suspect."
        yield Answer(text=text, topic="boot")
    if (built := _built(crash)) is not None:
        yield Answer(text=f"The kernel was built on {built}.", topic="kernel")
    yield from _modules(crash)
    taints = {taint.letter for oops in crash.reports for taint in oops.taints}
    taints |= set((crash.machine.taints or "") if crash.machine else "")
    if "K" in taints:
        yield Answer(text="The running kernel had been livepatched.", topic="livepatch")
    unloaded = (crash.machine.unloaded_modules or ()) if crash.machine else ()
    names = [module.name for module in unloaded]
    names = names or [m.name for oops in crash.reports for m in oops.modules if m.last_unloaded]
    if names:
        yield Answer(text=f"Unloaded since boot: {several(list(dict.fromkeys(names)))}.", topic="modules")


def _built(crash: Crash) -> str | None:
    banners = [crash.machine.version if crash.machine else None, crash.oops.build if crash.oops else None]
    banners += [crash.boot.banner] if crash.boot else []
    for banner in filter(None, banners):
        if match := _BUILT.search(banner):
            return match[1] or match[0]
    return None


def _modules(crash: Crash) -> Iterator[Answer]:
    names = [m.name for m in (crash.machine.modules or ())] if crash.machine else []
    names += [linked.name for oops in crash.reports for linked in oops.modules if not linked.last_unloaded]
    letters = {name: letters_of(crash, name) or "" for name in dict.fromkeys(names)}
    for letter, what in _FOREIGN:
        mine = [name for name, taints in letters.items() if letter in taints]
        if letter == "E":
            mine = [name for name in mine if "O" not in letters[name]]
        if mine:
            verb = {"were": "was", "are": "is", "come": "comes"}[what.split()[0]]
            said = what if len(mine) > 1 else f"{verb} {what.split(' ', 1)[1]}"
            yield Answer(text=f"{several(mine)} {said}.", topic="modules")
