"""What blame asked of a real dump, kept as JSON: tests ask again, without the dump."""

import json
from pathlib import Path
from typing import Any

from lastwords.model import Blame
from lastwords.vmcore.blame.architecture import named
from lastwords.vmcore.blame.callers import Frame
from lastwords.vmcore.blame.fault import Fault
from lastwords.vmcore.blame.follow import Followed
from lastwords.vmcore.blame.function import Dump, Symbol
from lastwords.vmcore.blame.sense import sense
from lastwords.vmcore.blame.told import Found, told

from .fakes import NoNames

FOLDER = Path(__file__).parent / "recordings"


class Recorder:
    """A dump that remembers each question and its answer."""

    def __init__(self, dump: Dump) -> None:
        self.dump = dump
        self.architecture = dump.architecture
        self.per_cpu = dump.per_cpu
        self.current = dump.current
        self.reads: dict[str, str | None] = {}
        self.symbols: dict[str, list[Any] | None] = {}
        self.names: dict[str, list[list[Any]]] = {}

    def read(self, address: int, size: int) -> bytes | None:
        found = self.dump.read(address, size)
        self.reads[f"{address:x}+{size:x}"] = None if found is None else found.hex()
        return found

    def symbol(self, address: int) -> Symbol | None:
        found = self.dump.symbol(address)
        self.symbols[f"{address:x}"] = None if found is None else list(found)
        return found

    def named(self, name: str) -> list[Symbol]:
        found = self.dump.named(name)
        self.names[name] = [list(each) for each in found]
        return found

    def save(self, path: Path, fault: Fault) -> None:
        frames = [[frame.pc, frame.sp, frame.interrupted, frame.registers] for frame in fault.frames]
        content = {
            "architecture": self.architecture.name,
            "kind": fault.kind,
            "registers": fault.registers,
            "frames": frames,
            "per_cpu": self.per_cpu,
            "current": self.current,
            "reads": self.reads,
            "symbols": self.symbols,
            "names": self.names,
        }
        path.write_text(json.dumps(content, indent=0, sort_keys=True) + "\n")


class Recorded:
    """The dump of a recording. A question that was not asked then has no answer."""

    def __init__(self, name: str) -> None:
        content = json.loads((FOLDER / f"{name}.json").read_text())
        self._content = content
        self.architecture = named(content.get("architecture", "x86-64"))
        self.per_cpu: int | None = content["per_cpu"]
        self.current: int | None = content.get("current")
        frames = [Frame(*frame) for frame in content["frames"]]
        self.fault = Fault(content["kind"], content["registers"], frames, [])

    def read(self, address: int, size: int) -> bytes | None:
        found = self._content["reads"].get(f"{address:x}+{size:x}")
        return None if found is None else bytes.fromhex(found)

    def symbol(self, address: int) -> Symbol | None:
        found = self._content["symbols"].get(f"{address:x}")
        return None if found is None else Symbol(*found)

    def named(self, name: str) -> list[Symbol]:
        return [Symbol(*each) for each in self._content["names"].get(name, [])]


def told_bare(dump: Dump, fault: Fault, followed: Followed) -> Blame:
    """The result where no types are known."""
    return told(
        Found(
            dump=dump,
            fault=fault,
            followed=followed,
            types=NoNames(),
            sense=sense(followed.bad.value, dump, lambda address: None),
            memory=(),
            source_line=lambda address: None,
        )
    )
