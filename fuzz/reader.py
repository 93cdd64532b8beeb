"""Fuzz the log reader: whatever a file holds, scan and read it, put it into JSON and onto the terminal.

    python fuzz/reader.py [libFuzzer options] [corpus directory]

A finding is an exception, a disagreement between scan and read, or a text that takes unreasonably long for its size.
See fuzz/README.md.
"""

import io
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import atheris

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]

with atheris.instrument_imports(include=["lastwords"]):
    from lastwords.klog.catalogue import literals
    from lastwords.klog.inputs import Input
    from lastwords.klog.inputs.archives import unpacked
    from lastwords.klog.read import read
    from lastwords.klog.scan import scan
    from lastwords.model import Analysis, from_json, to_json
    from lastwords.report.terminal import render

from tests.klog.attacks import MUTATIONS, NASTY, SEEDS

SECONDS = 5.0
"""CPU time that a text may take; instrumented code is some ten times slower than the reader is."""
LONGEST = 1 << 16


class Memory(Input):
    """A log that is not in a file."""

    def __init__(self, data: bytes) -> None:
        super().__init__("fuzz")
        self._data = data

    def open(self) -> io.BufferedReader:
        """The data, unpacked if it is packed."""
        return self._in_order(unpacked(io.BufferedReader(io.BytesIO(self._data)), self._damaged))  # type: ignore[arg-type]


def one(data: bytes) -> None:
    """Everything that is done to a log."""
    start = time.process_time()
    scanned = scan(Memory(data))
    found = read(Memory(data))
    if found.log is None:
        raise AssertionError(found.error)
    if [(o.title, o.line) for o in scanned.oopses] != [(o.title, o.line) for o in found.oopses]:
        raise AssertionError("scan and read find different oopses")
    analysis = Analysis(oopses=found.oopses, logs=(found.log,))
    if from_json(to_json(analysis), Analysis) != analysis:
        raise AssertionError("JSON gives back something else")
    out = io.StringIO()
    render(analysis, out, verbose=True)
    unsafe = [c for c in out.getvalue() if c < " " and c not in "\n\t"]
    if unsafe:
        raise AssertionError(f"control characters on the terminal: {unsafe[:9]}")
    if time.process_time() - start > SECONDS:
        raise AssertionError(f"{time.process_time() - start:.1f} s for {len(data)} bytes")


def mutator(data: bytes, max_size: int, seed: int) -> bytes:
    """Half of the time as logs break (lines lost, moved, spliced), else as libFuzzer does it."""
    rng = random.Random(seed)
    if rng.random() < 0.5:
        return atheris.Mutate(data, max_size)
    return rng.choice(MUTATIONS)(rng, data or rng.choice(SEEDS))[:max_size]


def _dictionary() -> str:
    """What reports begin with, as words for libFuzzer."""
    words = [*(word.encode() for word in literals()), *(word for word in NASTY if word)]
    lines = ["".join(f"\\x{byte:02x}" for byte in word) for word in words if len(word) < 64]
    with tempfile.NamedTemporaryFile("w", suffix=".dict", delete=False) as file:
        file.write("".join(f'"{line}"\n' for line in lines))
    return file.name


def run(one: Callable[[bytes], None]) -> None:
    """Give a function mutated logs until stopped, or as long as the options say."""
    with tempfile.TemporaryDirectory() as seeds:
        for number, seed in enumerate(SEEDS):
            Path(seeds, str(number)).write_bytes(seed[:LONGEST])
        options = [f"-dict={_dictionary()}", f"-max_len={LONGEST}", "-timeout=60", "-rss_limit_mb=4096"]
        arguments = [sys.argv[0], *options, *sys.argv[1:]]
        if all(argument.startswith("-") for argument in sys.argv[1:]):
            arguments.append(tempfile.mkdtemp(prefix="lastwords-corpus-"))
        atheris.Setup([*arguments, seeds], one, custom_mutator=mutator)
        atheris.Fuzz()


if __name__ == "__main__":
    run(one)
