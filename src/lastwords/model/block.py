"""Block devices and what they are asked for."""

from .oops import Struct


class Request(Struct, frozen=True, kw_only=True):
    """One block request in flight (`include/linux/blk-mq.h: struct request`).

    Attributes:
        device: `sda`, `vda`, …
        operation: `read`, `write`, `flush`, `discard`, …
        sector: of 512 bytes; `bytes` its length.
        age: seconds since it was made, or None.
        tag: its tag in the hardware queue, None where it has none yet.
        queue: number of the hardware queue.
        state: `queued` (the driver doesn't have it yet), `in-flight`, `complete`.
        timed_out: its driver's timeout has run out.
        address: of the struct.
    """

    device: str
    operation: str
    sector: int
    bytes: int
    age: float | None = None
    tag: int | None = None
    queue: int | None = None
    state: str = ""
    timed_out: bool = False
    address: int | None = None


class Disk(Struct, frozen=True, kw_only=True):
    """One block device: `in_flight` reads and writes, its `size` in bytes, its `driver` and `scheduler` where known."""

    name: str
    size: int | None = None
    in_flight: int | None = None
    driver: str | None = None
    scheduler: str | None = None


class BlockIo(Struct, frozen=True, kw_only=True):
    """Block devices and the requests in flight, the oldest first."""

    disks: tuple[Disk, ...] = ()
    requests: tuple[Request, ...] = ()
