"""Memory of user space that the kernel used as if it were its own."""

from collections.abc import Iterator

from lastwords.diagnosis.bad_pointer import bad_address, culprit_of
from lastwords.diagnosis.crash import Crash
from lastwords.diagnosis.rule import rule
from lastwords.diagnosis.story import named
from lastwords.model import Finding, NextStep


@rule(
    "user-memory",
    "an address of user space that kernel code followed itself",
    why="What user space hands over is read with get_user() and copy_from_user(), which check it and open the door that "
    "SMAP (x86) and PAN (arm64) keep shut; code that follows such a pointer itself is wrong, whoever sent it.",
    sure="quite sure where a page is mapped there: it is a real address of the process, and no garbage that looks like one",
)
def user_memory(crash: Crash) -> Iterator[Finding]:
    """SMAP, PAN and their like: a page is there, and the kernel may not touch it."""
    oops = crash.oops
    if oops is None or oops.address is None or oops.address.kind != "user" or oops.error_code is None:
        return
    meaning = oops.error_code.meaning
    fetched = any("instruction fetch" in part for part in meaning)  # a jump that went astray: another rule's subject
    guarded = oops.kind == "user-memory-access" or any("does not allow" in part for part in meaning)
    if fetched or not guarded or "from user mode" in meaning:
        return
    who = named(oops.function, oops.module)
    yield Finding(
        id="user-memory",
        title=f"{who} followed a pointer of user space",
        text=f"{who} followed a pointer of user space as if it were the kernel's own, without copy_from_user() or "
        "get_user(); the processor forbids it (SMAP, PAN).",
        confidence=0.78,
        crash_class="logic-bug",
        culprit=culprit_of(crash),
        evidence=(crash.here(), *bad_address(crash)),
        next=(
            NextStep(
                text="Find where the pointer comes from (an ioctl's argument, a buffer of read() or write()) and use "
                "copy_from_user() or copy_to_user() there; sparse finds such mistakes by __user.",
                command="make C=2 M=drivers/...   # in the kernel's source: sparse",
                value=0.75,
            ),
        ),
        weight=0.9,
    )
