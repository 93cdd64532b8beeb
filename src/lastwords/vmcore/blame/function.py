"""The machine code of one function, and which instruction can come before which."""

import re
from bisect import bisect_right
from functools import cached_property
from typing import NamedTuple, Protocol

from .instruction import Instruction
from .x86 import decode, outline

CODE_MAX = 256 << 10
"""Bytes of a function that are looked at; the largest of real kernels have half of it."""
_CLONE = re.compile(r"(?:\.(?:isra|constprop|part|cold|llvm|localalias|lto_priv)(?:\.\d+)?)+$", re.ASCII)
_STACK_OPERAND = re.compile(r"\[rsp((?: [+-] (?:0x[0-9a-f]{1,8}|\d{1,8}))?)\]", re.ASCII)
_COLD = re.compile(r"\.cold(?:\.\d+)?$", re.ASCII)

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
    """What blame needs of a dump: memory and the names of functions."""

    def read(self, address: int, size: int) -> bytes | None:
        """Bytes at a virtual address, None where they are not mapped or not in the dump."""

    def symbol(self, address: int) -> Symbol | None:
        """The function or variable that contains an address."""

    def named(self, name: str) -> list[Symbol]:
        """All symbols with this very name."""

    @property
    def per_cpu(self) -> int | None:
        """What `gs` points to on the CPU that crashed: its per-CPU variables; None if that is not known."""


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
        self.symbol = symbol
        self._code: list[tuple[int, bytes]] = []
        self._outline: list[tuple[int, int, str, str]] = []
        self._decoded: dict[int, Instruction] = {}
        self._add(symbol)
        for cold in self._cold_parts():
            self._add(cold)
        self._outline.sort()
        self._addresses = [entry[0] for entry in self._outline]

    def _add(self, part: Symbol) -> None:
        size = min(part.end - part.start, CODE_MAX)
        code = self.dump.read(part.start, size) if size > 0 else None
        if code is not None:
            self._code.append((part.start, code))
            self._outline += outline(code, part.start)

    def _cold_parts(self) -> list[Symbol]:
        found: dict[int, Symbol] = {}
        wanted = re.compile(re.escape(self.symbol.name) + r"\.cold(?:\.\d+)?$")
        for _, _, mnemonic, operands in self._outline:
            target = _target(mnemonic, operands)
            if target is None or mnemonic == "call" or self.symbol.start <= target < self.symbol.end:
                continue
            symbol = self.dump.symbol(target)
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
        """The instruction that begins at an address."""
        place = bisect_right(self._addresses, address) - 1
        return place if place >= 0 and self._addresses[place] == address else None

    def index_ending(self, address: int) -> int | None:
        """The instruction that ends at an address: the call, for a return address."""
        place = bisect_right(self._addresses, address - 1) - 1
        if place >= 0 and self._addresses[place] + self._outline[place][1] == address:
            return place
        return None

    def instruction(self, index: int) -> Instruction:
        """An instruction in full."""
        known = self._decoded.get(index)
        if known is None:
            address, length, _, _ = self._outline[index]
            start, code = next(part for part in self._code if part[0] <= address < part[0] + len(part[1]))
            known = self._decoded[index] = decode(code[address - start : address - start + length], address)
        return known

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
            for index, (_, _, mnemonic, operands) in enumerate(self._outline)
            if mnemonic.startswith("j") and self._leaves(_target(mnemonic, operands))
        ]

    def returns(self) -> list[int]:
        """The instructions that return, by `ret` or by a jump to the thunk that stands for it."""
        found = []
        for index, (_, _, mnemonic, operands) in enumerate(self._outline):
            if mnemonic.split()[-1:] == ["ret"]:
                found.append(index)
            elif mnemonic == "jmp" and (target := _target(mnemonic, operands)) and self._leaves(target):
                symbol = self.dump.symbol(target)
                if symbol is not None and is_return_thunk(symbol.name):
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
        be seen, so this goes from the lowest one to the saved registers.
        """
        taken = []
        for index, (_, _, mnemonic, operands) in enumerate(self._outline):
            target, _, source = operands.partition(", ")
            if mnemonic not in ("lea", "mov") or (target in ("rsp", "rbp") and mnemonic == "mov"):
                continue
            height = self._heights.get(index)
            if mnemonic == "mov" and source == "rsp" and target.startswith("r"):
                taken.append(height)
            elif mnemonic == "lea" and target != "rsp" and (match := _STACK_OPERAND.fullmatch(source)):
                taken.append(None if height is None else height + int(match[1].replace(" ", "") or "0", 0))
        if not taken:
            return None
        low = min((each for each in taken if each is not None), default=-CODE_MAX)
        return (-CODE_MAX if None in taken else low), -8 * self._pushes

    @cached_property
    def _pushes(self) -> int:
        """Registers that it saves at its beginning."""
        count = 0
        for _, _, mnemonic, _operands in self._outline[(self.entry or 0) :][:24]:
            if mnemonic == "push":
                count += 1
            elif mnemonic in ("call", "ret") or mnemonic.startswith("j"):
                break
        return count

    @cached_property
    def _heights(self) -> dict[int, int]:
        entry = self.entry
        if entry is None:
            return {}
        found, work = {entry: 0}, [entry]
        while work:
            index = work.pop()
            after = _height_after(found[index], self._outline[index][2], self._outline[index][3])
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

    def _leaves(self, target: int | None) -> bool:
        # An indirect jump may be a switch as well as a tail call; the kernel has the first rarely.
        return target is None or self.index(target) is None

    @cached_property
    def _predecessors(self) -> dict[int, list[Edge]]:
        found: dict[int, list[Edge]] = {}
        indirect = []
        for index, (_address, _, mnemonic, operands) in enumerate(self._outline):
            branch = mnemonic.startswith("j")
            target = _target(mnemonic, operands) if branch else None
            if target is not None and (place := self.index(target)) is not None:
                found.setdefault(place, []).append(Edge(index, None if mnemonic == "jmp" else True))
            if mnemonic.endswith("jmp") and target is None:
                indirect.append(index)
            if self._falls_through(index, mnemonic, operands):
                found.setdefault(index + 1, []).append(Edge(index, False if branch else None))
        if indirect:
            self._add_switches(found, indirect)
        return found

    def _add_switches(self, found: dict[int, list[Edge]], indirect: list[int]) -> None:
        """What nothing leads to is a case of a switch."""
        for index in range(1, len(self._outline)):
            if index not in found and self._outline[index][2] not in ("int3", "nop", "(bad)"):
                found[index] = [Edge(jump, None) for jump in indirect[:8]]

    def _falls_through(self, index: int, mnemonic: str, operands: str) -> bool:
        word = mnemonic.split()[-1] if mnemonic else ""
        if word in ("jmp", "ret", "int3", "(bad)", "iretq", "hlt") or index + 1 >= len(self._outline):
            return False
        address, length, _, _ = self._outline[index]
        if self._outline[index + 1][0] != address + length:
            return False
        if mnemonic == "call" and (target := _target(mnemonic, operands)) is not None:
            symbol = self.dump.symbol(target)
            return symbol is None or symbol.name not in NO_RETURN
        return True


def is_return_thunk(name: str) -> bool:
    """Code that stands for a `ret`: arch/x86/lib/retpoline.S."""
    return name.endswith("return_thunk") or name in ("zen_untrain_ret", "srso_return_thunk", "retbleed_return_thunk")


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


def _height_after(height: int, mnemonic: str, operands: str) -> int | None:
    """How far the stack pointer is from the entry's behind an instruction; None where that can't be told."""
    if mnemonic == "push" or mnemonic == "pushfq":
        return height - 8
    if mnemonic == "pop" or mnemonic == "popfq":
        return height + 8
    if not operands.startswith("rsp, "):
        return None if mnemonic == "leave" else height
    source = operands.removeprefix("rsp, ")
    try:
        if mnemonic in ("add", "sub"):
            number = int(source, 0)
            # capstone prints -0x80 as a number of 64 bits.
            number -= 1 << 64 if number >> 63 else 0
            return height + number if mnemonic == "add" else height - number
        if mnemonic == "lea" and (match := _STACK_OPERAND.fullmatch(source)):
            return height + int(match[1].replace(" ", "") or "0", 0)
    except ValueError:
        return None
    return height if mnemonic in ("cmp", "test") else None


def _target(mnemonic: str, operands: str) -> int | None:
    if operands.startswith("0x"):
        try:
            return int(operands, 16)
        except ValueError:
            return None
    return None
