"""What the lab's kernels can print, held against the catalogue: no panic goes unseen, no chatter raises an alarm.

The texts come from the kernels themselves, so a new kernel with a new wording shows here first.
"""

import re
from collections.abc import Sequence
from functools import cache

import pytest

from lastwords.klog import sieve
from lastwords.klog.inputs import recognise
from lastwords.klog.oopses import find_oopses
from lastwords.lab.kernels import kernel
from lastwords.model import Oops

from .kernel_strings import Format, Image, filled

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("lab")]

# Those of which the image can be unpacked: Debian's older ones for amd64 are packed with LZ4.
PACKED = ("6.12", "backports")
PLAIN = ("6.1-arm64", "6.12-arm64")

# How the kernel begins what it takes for a bug of its own, and what `%s` stands for behind it.
ANNOUNCED = (
    (re.compile(r"BUG: KASAN: %s in"), "use-after-free"),
    (re.compile(r"BUG: KFENCE: .*%s in"), "read"),
    (re.compile(r"(?:rcu: )?INFO: %s .*detected|(?:rcu: )?INFO: rcu\w* .*detected"), "rcu_preempt"),
    (re.compile(r"INFO: task %s:%d blocked%s for more than"), ""),
    (re.compile(r"INFO: task %s:%d blocked for more than"), "kworker/3:1"),
    (re.compile(r"Unable to handle kernel %s at"), "paging request"),
    (re.compile(r"BUG: unable to handle kernel %s at"), "paging request"),
    (re.compile(r"Internal error: %s"), "Oops - BUG"),
    (re.compile(r"Oops: %s"), "general protection fault"),
    (re.compile(r"BUG: workqueue lockup - pool"), ""),
    (re.compile(r"(?:\[ )?BUG: |[Kk]ernel BUG at |PANIC: |(?:traps: )?PANIC: "), "xr_ring_get"),
    (
        re.compile(r"WARNING: (?:possible|suspicious|inconsistent|bad|held|lock|Nested|%s-safe|%s/%d still)"),
        "xr_ring_get",
    ),
    (re.compile(r"Kernel panic - not syncing: "), "xr_ring_get"),
    (re.compile(r"Memory failure: %#lx: (?:unhandlable|recovery action|forcibly)"), "xr_ring_get"),
    (re.compile(r"(?:\w+ ?\w*: )?.*(?:hard LOCKUP on|soft lockup - CPU)"), "xr_ring_get"),
    (re.compile(r"irq %d: nobody cared"), ""),
    (re.compile(r"watchdog%d: pretimeout event"), ""),
)
# Levels notice, info and debug: chatter.
CHATTER = 5
TOLD_AS_INFO = re.compile(r"BERT: Error records from previous boot|Memory failure: ")


@cache
def image(name: str) -> Image:
    return Image(kernel(name).image)


def found(message: str) -> Sequence[Oops]:
    """What a message is taken for, as the kernel's only one of note."""
    text = f"[ 5100.100000] eno1: NIC Link is Up\n[ 5123.000000] {message}\n[ 5190.200000] eno1: NIC Link is Down\n"
    data = text.encode()
    records = recognise(data).records(data)
    return find_oopses(records, sieve.candidates(records))


def announced(form: Format) -> str | None:
    """The format filled in, where it announces a bug; None where it doesn't."""
    words = next((words for pattern, words in ANNOUNCED if pattern.match(form.text)), None)
    return None if words is None else filled(form.text, words).partition("\n")[0]


@pytest.mark.parametrize("name", PACKED)
def test_every_panic_is_one(name):
    formats = sorted({text for text in image(name).panics() if text.strip("\n%s")})
    assert len(formats) > 50
    unseen = []
    for text in formats:
        message = f"Kernel panic - not syncing: {filled(text)}".partition("\n")[0]
        if not any(oops.panic or oops.message == message for oops in found(message)):
            unseen.append(message)
    assert unseen == []


@pytest.mark.parametrize("name", [*PACKED, *PLAIN])
def test_every_bug_is_seen(name):
    messages = sorted({message for form in image(name).printed() if (message := announced(form)) is not None})
    assert len(messages) > 20
    assert [message for message in messages if not found(message)] == []


@pytest.mark.parametrize("name", [*PACKED, *PLAIN])
def test_chatter_is_quiet(name):
    chatter = {form.text for form in image(name).printed() if form.level >= CHATTER}
    assert len(chatter) > 900
    alarms = {text: oopses[0].kind for text in chatter if (oopses := found(filled(text)))}
    assert {text: kind for text, kind in alarms.items() if not TOLD_AS_INFO.match(text)} == {}
