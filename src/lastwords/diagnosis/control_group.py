"""A control group that reached its limit: what set the limit, and where to look at it and to change it.

Who made the group shows in its path: the kubelet (`pkg/kubelet/cm`), systemd, Docker and Podman
have names of their own.
"""

import re
import shlex
from collections.abc import Callable, Iterator
from typing import NamedTuple

from lastwords.glossary.units import size
from lastwords.model import NextStep, OomReport


class _Maker(NamedTuple):
    """Who makes groups of such a path: what the group is of, what sets its limit, and the command that shows it."""

    pattern: re.Pattern[str]
    what: Callable[[re.Match[str]], str]
    limit: str
    command: Callable[[re.Match[str]], str]


_ID = r"[0-9a-f]{8,64}"
_POD = r"pod(?P<uid>[0-9a-f]{8}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{12}|[0-9a-f]{32})"
_CONTAINER = rf"(?:/(?:[\w-]{{1,40}}-)?(?P<container>{_ID})(?:\.scope)?)?"


def _pod(match: re.Match[str]) -> str:
    uid = match["uid"].replace("_", "-")
    container = match["container"]
    return f"the container {container[:13]} of the pod {uid}" if container else f"the pod {uid}"


_MAKERS = (
    _Maker(
        re.compile(rf".{{0,200}}kubepods.{{0,200}}?{_POD}(?:\.slice)?{_CONTAINER}"),
        _pod,
        "resources.limits.memory of the container, or the sum of them for the pod",
        lambda match: (
            "kubectl get pods -A -o custom-columns=NAMESPACE:.metadata.namespace,POD:.metadata.name,UID:.metadata.uid"
            f" | grep {match['uid'].replace('_', '-')}   # then: kubectl describe pod POD -n NAMESPACE"
        ),
    ),
    _Maker(
        re.compile(r".{0,200}kubepods"),
        lambda _: "pods of Kubernetes",
        "resources.limits.memory of the containers, or what the kubelet keeps for all pods",
        lambda _: "kubectl describe node NODE   # what is allocated; then: kubectl describe pod POD",
    ),
    _Maker(
        re.compile(rf".{{0,200}}/(?:docker[/-]|libpod-)(?P<container>{_ID})"),
        lambda match: f"the container {match['container'][:13]}",
        "--memory of docker or podman run",
        lambda match: (
            f"docker inspect -f '{{{{.Name}}}} {{{{.HostConfig.Memory}}}}' {match['container'][:13]}   # or podman"
        ),
    ),
    _Maker(
        re.compile(r".{0,300}/(?P<unit>[\w@.:\\-]{1,128}\.(?:service|slice|scope))(?:/|$)"),
        lambda match: f"systemd's unit {match['unit']}",
        "MemoryMax= of the unit or of a slice above it",
        lambda match: f"systemctl show -p MemoryMax,MemoryHigh,MemoryCurrent,TasksCurrent {shlex.quote(match['unit'])}",
    ),
)


def told(oom: OomReport) -> Iterator[str]:
    """Sentences on a group that reached its limit: usage and limit, and whose group it is."""
    if oom.memcg_limit is not None:
        used = f"It used {size(oom.memcg_usage)} of the" if oom.memcg_usage is not None else "It may use the"
        yield f"{used} {size(oom.memcg_limit)} that its limit allows (memory.max)."
    maker, match = _maker(oom.memcg)
    if maker is not None and match is not None:
        yield f"The group is that of {maker.what(match)}."
    yield "The machine itself need not be short of memory."


def steps(oom: OomReport) -> tuple[NextStep, ...]:
    """What to look at and to change: the group, not the machine."""
    maker, match = _maker(oom.memcg)
    found = []
    if maker is not None and match is not None:
        found.append(
            NextStep(
                text=f"Look at the limit of {maker.what(match)}, which is {maker.limit}: raise it, or find out why "
                "what runs there needs more than it was given.",
                command=maker.command(match),
                value=0.75,
            )
        )
    path = oom.memcg if oom.memcg and oom.memcg.startswith("/") else "/GROUP"
    found.append(
        NextStep(
            text="See what the control group has, may have, and how often it was at its limit (memory.events), while "
            "it is there; memory.stat says which kind of memory grows.",
            command=f"cd {shlex.quote('/sys/fs/cgroup' + path)}"
            " && grep . memory.max memory.current memory.events memory.stat"
            "   # cgroup v1: below /sys/fs/cgroup/memory, memory.limit_in_bytes",
            value=0.65,
        )
    )
    return tuple(found)


def _maker(path: str | None) -> tuple[_Maker | None, re.Match[str] | None]:
    for maker in _MAKERS:
        match = maker.pattern.match((path or "")[:1000])
        if match is not None:
            return maker, match
    return None, None
