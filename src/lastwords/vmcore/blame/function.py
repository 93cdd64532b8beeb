"""The machine code of one function, and which instruction can come before which."""

import re
from bisect import bisect_left, bisect_right
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, Protocol

from .instruction import Act, Flow, Instruction, Line

if TYPE_CHECKING:
    from .architecture import Architecture

CODE_MAX = 256 << 10
"""Bytes of a function that are looked at; the largest of real kernels have half of it."""
_CLONE = re.compile(r"(?:\.(?:isra|constprop|part|cold|llvm|localalias|lto_priv)(?:\.\d+)?)+$", re.ASCII)
_COLD = re.compile(r"\.cold(?:\.\d+)?$", re.ASCII)

_PROLOGUE_MAX = 24

# Functions that don't come back: what stands behind a call of them is not what runs next.
_NO_RETURN_NAMES = """
panic nmi_panic __stack_chk_fail do_exit do_group_exit make_task_dead rewind_stack_do_exit rewind_stack_and_make_dead
fortify_panic __fortify_panic usercopy_abort kthread_exit kthread_complete_and_exit __module_put_and_kthread_exit
machine_halt machine_power_off stop_this_cpu cpu_startup_entry __ubsan_handle_builtin_unreachable
"""
NO_RETURN = frozenset(_NO_RETURN_NAMES.split())


class Symbol(NamedTuple):
    """A symbol: its bytes go from `start` to `end`; `module` is None for the kernel's own; `data`: it is no code."""

    name: str
    start: int
    end: int
    module: str | None = None
    data: bool = False

    @property
    def source_name(self) -> str:
        """The name without what the compiler hung on it."""
        return _CLONE.sub("", self.name)

    @property
    def is_clone(self) -> bool:
        """The compiler made it of a function whose parameters it need not share (GCC's isra and constprop)."""
        return ".isra" in self.name or ".constprop" in self.name or ".part" in self.name


class Dump(Protocol):
    """What blame needs of a dump: memory and the names of functions, and what kind of machine it is of."""

    @property
    def architecture(self) -> "Architecture":
        """What the code is for."""

    def read(self, address: int, size: int) -> bytes | None:
        """Bytes at a virtual address, None where they are not mapped or not in the dump."""

    def symbol(self, address: int) -> Symbol | None:
        """The function or variable that contains an address."""

    def named(self, name: str) -> list[Symbol]:
        """All symbols with this very name."""

    @property
    def current(self) -> int | None:
        """The address of the task that crashed, None if that is not known."""

    @property
    def per_cpu(self) -> int | None:
        """What is added to a per-CPU variable's address on the CPU that crashed; None if that is not known."""


def word(dump: Dump, address: int, size: int = 8) -> int | None:
    """A little-endian number in memory."""
    data = dump.read(address, size)
    return None if data is None else int.from_bytes(data, "little")


class Edge(NamedTuple):
    """A way from one instruction to another: `at` the index of the first, and for a branch whether it was taken."""

    at: int
    taken: bool | None


class Function:
    """A function's instructions, by index, in the order of their addresses.

    The part that the compiler put elsewhere as unlikely (`.cold`) belongs to it.
    """

    def __init__(self, dump: Dump, symbol: Symbol) -> None:
        self.dump = dump
        self.architecture = dump.architecture
        self.symbol = symbol
        self._code: list[tuple[int, bytes]] = []
        self._outline: list[Line] = []
        self._decoded: dict[int, tuple[Instruction, ...]] = {}
        self._add(symbol)
        for cold in self._cold_parts():
            self._add(cold)
        self._outline.sort(key=lambda line: (line.address, line.part))
        self._addresses = [line.address for line in self._outline]
        self._flows = [self.architecture.flow(line) for line in self._outline]

    def _add(self, part: Symbol) -> None:
        size = min(part.end - part.start, CODE_MAX)
        code = self.dump.read(part.start, size) if size > 0 else None
        if code is not None:
            self._code.append((part.start, code))
            self._outline += self.architecture.outline(code, part.start)

    def _cold_parts(self) -> list[Symbol]:
        found: dict[int, Symbol] = {}
        wanted = re.compile(re.escape(self.symbol.name) + r"\.cold(?:\.\d+)?$")
        for line in self._outline:
            flow = self.architecture.flow(line)
            if flow is None or flow.target is None or flow.act is Act.CALL:
                continue
            if self.symbol.start <= flow.target < self.symbol.end:
                continue
            symbol = self.dump.symbol(flow.target)
            if symbol is not None and wanted.fullmatch(symbol.name):
                found[symbol.start] = symbol
        return list(found.values())[:4]

    def __len__(self) -> int:
        return len(self._outline)

    @property
    def entry(self) -> int | None:
        """The index of its first instruction."""
        return self.index(self.symbol.start)

    def index(self, address: int) -> int | None:
        """The instruction that begins at an address; its first part."""
        place = bisect_left(self._addresses, address)
        return place if place < len(self._addresses) and self._addresses[place] == address else None

    def index_ending(self, address: int) -> int | None:
        """The instruction that ends at an address: the call, for a return address."""
        place = bisect_right(self._addresses, address - 1) - 1
        if place >= 0 and self._outline[place].address + self._outline[place].length == address:
            return place
        return None

    def instruction(self, index: int) -> Instruction:
        """An instruction in full; a part of it where it has several."""
        line = self._outline[index]
        known = self._decoded.get(line.address)
        if known is None:
            start, code = next(part for part in self._code if part[0] <= line.address < part[0] + len(part[1]))
            at = line.address - start
            known = self.architecture.decode(code[at : at + line.length], line.address)
            self._decoded[line.address] = known
        return known[min(line.part, len(known) - 1)]

    def parts(self, index: int) -> list[Instruction]:
        """All that the instruction does whose first part is at an index."""
        return [self.instruction(index + part) for part in range(self._outline[index].parts)]

    def offset(self, address: int) -> str:
        """An address as `name+0x12`."""
        for start, code in self._code:
            if start <= address < start + len(code):
                symbol = self.symbol if start == self.symbol.start else self.dump.symbol(start) or self.symbol
                return f"{symbol.name}+{address - start:#x}"
        return f"{self.symbol.name}{address - self.symbol.start:+#x}"

    def before(self, index: int) -> list[Edge]:
        """The instructions after which this one can run."""
        return self._predecessors.get(index, [])

    def exits(self) -> list[int]:
        """The instructions that leave it by a jump: tail calls, and returns through a thunk."""
        return [
            index
            for index, flow in enumerate(self._flows)
            if flow is not None and flow.act in (Act.JUMP, Act.BRANCH) and self._leaves(index, flow)
        ]

    def returns(self) -> list[int]:
        """The instructions that return, by `ret` or by a jump to the thunk that stands for it."""
        found = []
        for index, flow in enumerate(self._flows):
            if flow is None:
                continue
            if flow.act is Act.RETURN:
                found.append(index)
            elif flow.act is Act.JUMP and flow.target and self._leaves(index, flow):
                symbol = self.dump.symbol(flow.target)
                if symbol is not None and self.architecture.is_return_thunk(symbol.name):
                    found.append(index)
        return found

    def is_target(self, index: int) -> bool:
        """Something jumps to this instruction."""
        return any(edge.at != index - 1 for edge in self.before(index))

    def addresses_on_stack(self) -> bool:
        """It takes the address of something on its stack, beyond moving its stack pointer."""
        return self.shared_stack is not None

    def stack_height(self, index: int) -> int | None:
        """The stack pointer at an instruction, from where it was when the function was entered; None if not known."""
        return self._heights.get(index)

    @cached_property
    def shared_stack(self) -> tuple[int, int] | None:
        """The part of its stack that functions it calls may write to, because it takes addresses in there.

        Two offsets from the stack pointer at the entry; None where it takes no address. How large a variable is can't
        be seen, so this goes from the lowest one to the saved registers above it.
        """
        taken: list[int | None] = []
        for index, line in enumerate(self._outline):
            found = self.architecture.stack_address(line)
            if found is None or found.target == self.architecture.stack_pointer:
                continue
            if found.target == self.architecture.frame_pointer and self.architecture.keeps_frame_pointer:
                continue
            by_stack = found.base == self.architecture.stack_pointer
            height = self._heights.get(index) if by_stack else self.frame_pointer_height
            taken.append(None if height is None else height + found.offset)
        if not taken:
            return None
        low = min((each for each in taken if each is not None), default=-CODE_MAX)
        if None in taken:
            low = -CODE_MAX
        above = [each for each in self._saved if each > low]
        # Without a known variable, all is shared but registers that were pushed, which lie on top.
        return low, min(above, default=0) if low > -CODE_MAX or self.architecture.call_pushes else 0

    @cached_property
    def frame_pointer_height(self) -> int | None:
        """Where the frame pointer points once it is set up, from where the stack pointer was at the entry."""
        for index, line in enumerate(self._outline[: _PROLOGUE_MAX * 2]):
            found = self.architecture.stack_address(line)
            if found is not None and found.target == self.architecture.frame_pointer:
                height = self._heights.get(index)
                return (
                    None if height is None or found.base != self.architecture.stack_pointer else height + found.offset
                )
        return None

    @cached_property
    def _saved(self) -> list[int]:
        """Where it saves registers at its beginning."""
        found = []
        entry = self.entry or 0
        for index, line in enumerate(self._outline[entry:][:_PROLOGUE_MAX], entry):
            flow = self._flows[index]
            if flow is not None:
                break
            offset = self.architecture.saved_at(line) if line.part == line.parts - 1 else None
            height = self._heights.get(index)
            after = None if height is None else self.architecture.height_after(height, line)
            if offset is not None and after is not None:
                found.append(after + offset)
        return found

    @cached_property
    def _heights(self) -> dict[int, int]:
        entry = self.entry
        if entry is None:
            return {}
        found, work = {entry: 0}, [entry]
        while work:
            index = work.pop()
            after = self.architecture.height_after(found[index], self._outline[index])
            if after is None:
                continue
            for following in self._followers.get(index, ()):
                if following not in found:
                    found[following] = after
                    work.append(following)
        return found

    @cached_property
    def _followers(self) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        for index, edges in self._predecessors.items():
            for edge in edges:
                found.setdefault(edge.at, []).append(index)
        return found

    def _leaves(self, index: int, flow: Flow) -> bool:
        if flow.target is not None:
            return self.index(flow.target) is None
        # An indirect jump may be a switch as well as a tail call; for that one, the stack is as it was at the entry.
        return self._heights.get(index, 0) == 0

    @cached_property
    def _predecessors(self) -> dict[int, list[Edge]]:
        found: dict[int, list[Edge]] = {}
        indirect = []
        for index, flow in enumerate(self._flows):
            act = flow.act if flow is not None else None
            if flow is not None and act in (Act.JUMP, Act.BRANCH):
                if flow.target is not None and (place := self.index(flow.target)) is not None:
                    found.setdefault(place, []).append(Edge(index, True if act is Act.BRANCH else None))
                if flow.target is None and act is Act.JUMP:
                    indirect.append(index)
            if self._falls_through(index, flow):
                found.setdefault(index + 1, []).append(Edge(index, False if act is Act.BRANCH else None))
        if indirect:
            self._add_switches(found, indirect)
        return found

    def _add_switches(self, found: dict[int, list[Edge]], indirect: list[int]) -> None:
        """What nothing leads to is a case of a switch."""
        for index in range(1, len(self._outline)):
            line = self._outline[index]
            if index not in found and line.part == 0 and line.mnemonic not in ("int3", "nop", "udf", "(bad)"):
                found[index] = [Edge(jump, None) for jump in indirect[:8]]

    def _falls_through(self, index: int, flow: Flow | None) -> bool:
        if index + 1 >= len(self._outline) or (flow and flow.act in (Act.JUMP, Act.RETURN, Act.END)):
            return False
        line, following = self._outline[index], self._outline[index + 1]
        if following.address not in (line.address, line.address + line.length):
            return False
        if flow and flow.act is Act.CALL and flow.target is not None:
            symbol = self.dump.symbol(self.architecture.real_target(self.dump, flow.target))
            return symbol is None or symbol.name not in NO_RETURN
        return True


def function_at(dump: Dump, address: int) -> Function | None:
    """The function that contains an address; for the `.cold` part of one, the whole."""
    symbol = dump.symbol(address)
    if symbol is None or symbol.data:
        return None
    if _COLD.search(symbol.name):
        for whole in dump.named(_COLD.sub("", symbol.name))[:16]:
            function = Function(dump, whole)
            if function.index(address) is not None or function.index_ending(address) is not None:
                return function
    function = Function(dump, symbol)
    return function if len(function) else None
