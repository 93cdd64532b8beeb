"""The CPU's registers at a crash: of the sets that a report has, the first of the kernel's."""

from lastwords.klog.decode.location import Location, where
from lastwords.klog.decode.register_lines import LINES, LONGEST, SUMMARY, Line, Values, four_words

_LINKS = frozenset(("lr", "LR", "lr:", "ra", "ra:", "RP(r2):", "[BLINK", "BLK:"))
"""Registers that hold the address that will be returned to."""


class RegisterReader:
    """Collects the registers of one report from its lines.

    The first kernel-mode set wins. A report often has more of them: the user-mode registers at the end of the
    trace (`RIP: 0033:0x7f…`), those of an interrupted context inside it, and all of the first once more after
    "end trace". They are counted, and otherwise ignored.

    Attributes:
        registers: value of each register by its name in lower case: `rax`, `rip`, `cs`, `gs_base`, `x0`, `pstate`,
            `r3`, `nip`, `psw_mask`, `gpr2`, `epc`, `era`.
        location: where the instruction pointer of that set points, or None; `link` the same of its link register.
        architecture: of the register lines, or None as long as none was specific enough.
        sets: number of register sets seen.
        user: the set in `registers` is that of a user-mode context, no other having been found.
    """

    def __init__(self) -> None:
        self.registers: Values = {}
        self.location: Location | None = None
        self.link: Location | None = None
        self.architecture: str | None = None
        self.sets = 0
        self.user = False
        self._seen: set[str] = set()
        self._keeping = True
        self._next_gpr: int | None = None

    def read(self, text: str) -> bool:
        """Take one log line, without its prefix.

        Returns:
            True if it was a register line.
        """
        beginning = text[:20].split(None, 1)
        if not beginning:
            return False
        word = beginning[0]
        line = LINES.get(word)
        if line is None:
            return self._next_gpr is not None and self._continue_gprs(text)
        values = line.read(text[:LONGEST])
        if values is None:
            return False
        if values is SUMMARY:
            if self._keeping and self.location is None:
                self.location = where(text)  # the report's beginning is gone
            return True
        self._next_gpr = None
        if line.architecture and self.architecture is None:
            self.architecture = line.architecture
        # NIP and epc lines exist with a symbol and with an address, `Krnl` with the PSW and with registers, `$` with
        # four registers each: all of them belong to one set.
        self._take(f"{word} {next(iter(values), 'symbol')}", line, values)
        if line.locates and self._keeping and (self.location is None or not self.location.function):
            # Powerpc and loongarch print the address first and the symbol lines later.
            self.location = where(text) or self.location
        if word in _LINKS and self._keeping and (self.link is None or not self.link.function):
            self.link = where(text) or self.link
        if word == "Krnl" or word == "User":
            self._expect_gprs(values)
        return True

    def passed(self) -> None:
        """The crash's own set is gone: those that follow are of other contexts."""
        if not self.sets:
            self.sets, self._keeping = 1, False

    def _take(self, word: str, line: Line, values: Values) -> None:
        if not self.sets:
            self.sets = 1
            self.user = _is_user(values)
        elif not self._seen:
            self.user = _is_user(values)
        elif line.opens or (word in self._seen and not line.repeats):
            self._start_set(line.opens, values)
        if not self._keeping:
            self._seen.add(word)
        elif line.repeats:
            self.registers = {**values, **self.registers}
        else:
            self._seen.add(word)
            self.registers.update(values)

    def _start_set(self, opens: bool, values: Values) -> None:
        self.sets += 1
        self._seen.clear()
        self._keeping = self.user and opens and not _is_user(values)
        if self._keeping:
            self.registers = {}
            self.location = self.link = None
            self.user = False

    def _expect_gprs(self, values: Values) -> None:
        """S390 prints 16 registers in four lines of which only the first has a label."""
        self._next_gpr = 4 if "gpr3" in values else None

    def _continue_gprs(self, text: str) -> bool:
        words = four_words(text[:LONGEST])
        first = self._next_gpr
        self._next_gpr = None
        if words is None or first is None:
            return False
        if self._keeping:
            self.registers.update((f"gpr{first + i}", word) for i, word in enumerate(words))
        self._next_gpr = first + 4 if first < 12 else None
        return True


def _is_user(values: Values) -> bool:
    """The low two bits of x86's code selector are the privilege level; 3 is user mode. s390 says it in words."""
    return (values.get("cs", 0) & 3 == 3 and values.get("cs", 0) < 0xE000) or "user" in values
