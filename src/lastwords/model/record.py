"""A kernel message, freed of everything that the way to the file put around it."""

import msgspec


class Record(msgspec.Struct, gc=False):
    """One line of kernel log text.

    Not frozen, and outside the garbage collector, because a log has millions of them; treat it as a value.

    Attributes:
        line: number of the line in the file, from 1. Of a record that several lines make, the first.
        text: the message without prefix, end of line, colour codes and carriage returns.
        time: seconds since boot (printk's clock, `kernel/printk/printk.c: print_time()`), or None.
        caller: who printed it where CONFIG_PRINTK_CALLER is on: `T123` a task, `C1` a CPU
            (`kernel/printk/printk.c: print_caller()`), else the empty string.
        level: 0 (emergency) to 7 (debug), as in `include/linux/kern_levels.h`, or None.
        wall: wall-clock time as it stands in the file (syslog, journal, `dmesg -T`), or the empty string.
        kernel: False where the prefix says that another program wrote this line (syslog's `systemd[1]:`).
        dropped: messages that printk says it lost just before this one.
    """

    line: int
    text: str
    time: float | None = None
    caller: str = ""
    level: int | None = None
    wall: str = ""
    kernel: bool = True
    dropped: int = 0

    @property
    def stamp(self) -> str:
        """The time as printk writes it, `[    2.895912]`; empty where it is not known."""
        return f"[{self.time:12.6f}]" if self.time is not None else ""

    def raw(self, stamp: str | None = None) -> str:
        """The line as `dmesg --raw` prints it, with the caller: `<4>[    2.895912][   T95] text`.

        Args:
            stamp: in place of its own.
        """
        stamp = self.stamp if stamp is None else stamp
        level = f"<{self.level}>" if self.level is not None else ""
        caller = f"[{self.caller:>6}]" if self.caller and stamp else ""
        return f"{level}{stamp}{caller}{' ' if stamp else ''}{self.text}"
