"""What was secured from a machine that crashed."""

from typing import Literal

from .oops import Struct

EVIDENCE_SCHEMA = "lastwords.evidence/1"
CAPTURE_SCHEMA = "lastwords.capture/1"

EvidenceState = Literal["taken", "absent", "failed", "refused", "skipped"]


class Evidence(Struct, frozen=True, kw_only=True):
    """One thing secured, or why it could not be.

    Attributes:
        id: of the collector and the item: `pstore/dmesg-ramoops-0`, `journal/boot-1`; unique in a case.
        kind: what it is, for who reads it: `dump`, `dmesg`, `pstore`, `journal`, `syslog`, `config`, `packages`, …
        state: `taken`; `absent`: there is none; `failed`: with the reason in `note`; `refused`: no right to read it;
            `skipped`: left where it is on purpose, as what belongs to an earlier crash.
        origin: where it came from: a path on the host, or the command whose output it is.
        path: of the file in the case's `evidence/`; None where nothing was taken.
        taken_at: seconds since the epoch. `modified`: the origin's own time, where it has one.
        size: bytes; `sha256` of the content, hexadecimal.
        seconds: how long it took.
        note: one sentence: why it is missing, or what is special about it.
    """

    id: str
    kind: str
    state: EvidenceState
    origin: str
    path: str | None = None
    taken_at: float | None = None
    modified: float | None = None
    size: int | None = None
    sha256: str | None = None
    seconds: float = 0.0
    note: str = ""


class Capture(Struct, frozen=True, kw_only=True):
    """What one run of `capture` secured.

    Attributes:
        case: the case's directory; its evidence lies in `evidence/` there.
        root: the machine's root directory: `/`, or a tree of one.
        host: the machine's name, where it is known.
        boot_began: when the boot that crashed began, in seconds since the epoch; None where nothing tells.
        boot_source: what told.
        evidence: in the order in which it was taken; what an earlier run had taken stands among it.
        cleared: paths in pstore that were removed, as `--clear-pstore` asks.
        seconds: how long it took.
    """

    case: str
    root: str
    host: str = ""
    boot_began: float | None = None
    boot_source: str = ""
    evidence: tuple[Evidence, ...] = ()
    cleared: tuple[str, ...] = ()
    seconds: float = 0.0
    schema: str = CAPTURE_SCHEMA
