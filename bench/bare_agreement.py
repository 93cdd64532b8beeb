"""Compare a dump's stacks and well-known variables without debuginfo to those with it.

    python bench/bare_agreement.py DUMP VMLINUX [MODULES_DIR]

Takes all tasks and all frames but inlined ones. Exits with 1 if fewer than 99.5 % of the function names agree.
"""

import sys
import time
from collections import Counter
from pathlib import Path

import drgn
from drgn.helpers.linux import for_each_task

from lastwords.vmcore.program import Kernel, open_program
from lastwords.vmcore.symbols.globals import GLOBALS
from lastwords.vmcore.symbols.unwind import function_name

WANTED = 0.995


def stacks(kernel: Kernel) -> dict[int, list[tuple[int, str | None]]]:
    """Address and function of each frame, by the task's address."""
    found = {}
    for task in for_each_task(kernel.prog, idle=True):
        try:
            frames = [frame for frame in kernel.frames(task) if not frame.is_inline]
        except ValueError:  # running on a CPU whose registers are not in the dump
            frames = []
        found[task.value_()] = [(frame.pc, function_name(frame)) for frame in frames]
    return found


def variables(bare: Kernel, full: Kernel) -> list[str]:
    """Well-known variables whose types differ."""
    differ = []
    for name in GLOBALS:
        try:
            one = bare.prog.object(name, drgn.FindObjectFlags.VARIABLE)
            other = full.prog.object(name, drgn.FindObjectFlags.VARIABLE)
        except LookupError:
            continue
        if one.address_ != other.address_ and other.address_ is not None:
            differ.append(f"{name} is at {one.address_:#x}, with debuginfo at {other.address_:#x}")
        if one.type_.unaliased_kind() != other.type_.unaliased_kind() or plain(one) != plain(other):
            differ.append(f"{name}: {one.type_.type_name()}, with debuginfo {other.type_.type_name()}")
    return differ


def plain(variable: drgn.Object) -> str:
    """A type without what BTF can't tell: qualifiers and the length of arrays."""
    kind = variable.type_.unaliased()
    while kind.kind == drgn.TypeKind.ARRAY:
        kind = kind.type.unaliased()
    if kind.kind == drgn.TypeKind.POINTER:
        return "pointer"
    return f"{kind.kind} of {drgn.sizeof(kind)}"


def main() -> int:
    """Print the comparison."""
    dump, vmlinux = Path(sys.argv[1]), Path(sys.argv[2])
    modules = Path(sys.argv[3]) if len(sys.argv) > 3 else None
    kernels, found = [], []
    for options in ({"debuginfo": False}, {"vmlinux": vmlinux, "modules_dir": modules}):
        began = time.monotonic()
        kernels.append(open_program(dump, **options))
        opened = time.monotonic()
        found.append(stacks(kernels[-1]))
        print(f"{kernels[-1].symbols.source}: opened in {opened - began:.2f} s, {len(found[-1])} tasks unwound in "
              f"{time.monotonic() - opened:.2f} s")  # fmt: skip
    bare, full = found
    differ: Counter[str] = Counter()
    frames = agree = 0
    for task, with_debuginfo in full.items():
        without = bare.get(task, [])
        for number, (address, name) in enumerate(with_debuginfo):
            frames += 1
            other = without[number] if number < len(without) else (None, None)
            if other == (address, name):
                agree += 1
            else:
                differ[f"{name} ({address:#x}) is {other[1]} ({other[0]})"] += 1
        if len(without) > len(with_debuginfo):
            frames += len(without) - len(with_debuginfo)
            differ[f"{len(without) - len(with_debuginfo)} more frames without debuginfo"] += 1
    print(f"{agree} of {frames} frames agree, {agree / max(frames, 1):.2%}; {len(bare)} and {len(full)} tasks")
    for text, times in differ.most_common(20):
        print(f"  {times} x {text}")
    wrong = variables(*kernels)
    print(f"{len(wrong)} well-known variables differ")
    print("".join(f"  {each}\n" for each in wrong), end="")
    return 0 if frames and agree / frames >= WANTED and len(bare) == len(full) else 1


if __name__ == "__main__":
    sys.exit(main())
