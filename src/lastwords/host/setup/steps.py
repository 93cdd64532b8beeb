"""The steps of a plan: one function for each subject, bound to the readiness checks that it satisfies."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from lastwords.host.machine import Host
from lastwords.model.oops import Struct
from lastwords.model.readiness import Check
from lastwords.plugins import discover

from .plan import Action, Command, Edit, Plan


class CannotDo(Exception):
    """A step does not know how to do this on that host; the text says what to do by hand."""


class AfterReboot(Exception):
    """All is done; the checks that want the step will see it after a reboot."""


StepFunction = Callable[[Host, Sequence[Check]], Iterable[Action]]
"""Takes the host and the checks that want the step; gives nothing where all is done already."""


class Step(Struct, frozen=True, kw_only=True):
    """A step as it was declared: the ids of its `checks`, and whether it takes a `reboot`."""

    function: StepFunction
    checks: tuple[str, ...]
    reboot: bool


_STEPS: list[Step] = []


def step(*checks: str, reboot: bool = False) -> Callable[[StepFunction], StepFunction]:
    """Declare what is to be done where one of these checks says warn or fail.

    Args:
        checks: their ids.
        reboot: what it does is in force after a reboot only.
    """

    def register(function: StepFunction) -> StepFunction:
        _STEPS.append(Step(function=function, checks=checks, reboot=reboot))
        return function

    return register


def steps() -> Iterator[Step]:
    """All of them, in the order of their modules' names."""
    discover(f"{__package__}.areas")
    yield from _STEPS


def plan(host: Host, checks: Sequence[Check]) -> Plan:
    """What to do about the checks that warn or fail.

    Raises:
        OSError: a file that would be changed can't be read.
    """
    troubled = {check.id: check for check in checks if check.status in ("warn", "fail")}
    actions: list[Action] = []
    left, handled, reboot = [], set(), False
    for one in steps():
        wanted = [troubled[name] for name in one.checks if name in troubled]
        if not wanted:
            continue
        try:
            found = list(one.function(host, wanted))
        except AfterReboot:
            reboot = True
            handled |= {check.id for check in wanted}
            continue
        except CannotDo as error:
            left.append(f"{wanted[0].id}: {error}")
            handled |= {check.id for check in wanted}
            continue
        if found:
            actions += found
            reboot = reboot or one.reboot
            handled |= {check.id for check in wanted}
    left += [f"{check.id}: {check.fix}" for check in troubled.values() if check.fix and check.id not in handled]
    commands = list(dict.fromkeys(action for action in actions if isinstance(action, Command)))
    return Plan(
        installs=tuple(command for command in commands if command.stage == "install"),
        edits=_merged(action for action in actions if isinstance(action, Edit)),
        settles=tuple(command for command in commands if command.stage == "settle"),
        left=tuple(left),
        reboot=reboot,
    )


def _merged(edits: Iterable[Edit]) -> tuple[Edit, ...]:
    """Each file once. Two steps that want different texts of one file would be a mistake of ours."""
    by_path: dict[str, Edit] = {}
    for edit in edits:
        other = by_path.setdefault(edit.path, edit)
        if other.after != edit.after:
            raise AssertionError(f"two steps write {edit.path}")
    return tuple(edit for edit in by_path.values() if edit.before != edit.after)
