"""What several rules look for: complaints of devices before a crash, tasks that wait for I/O."""

import re

from lastwords.model import Oops, Precursor

from .crash import Crash

_FILE_SYSTEM = re.compile(r"(?:EXT\d-fs|XFS|BTRFS|FAT-fs|F2FS-fs|JBD2|Aborting journal|REISERFS|GFS2|OCFS2|ZFS)\b")
"""Complaints of file systems: what they found damaged need not come from the device."""

_WAITS = re.compile(
    r"io_schedule|blk_|submit_bio|wait_on_page|folio_wait|__wait_on_buffer|wait_on_bit_io|bit_wait_io|jbd2_log_wait|xlog_"
    r"|xfs_buf_iowait|nfs_|rpc_wait|cifs_|ceph_"
)


def hardware_signs(crash: Crash) -> list[Precursor]:
    """Messages before the crash that speak of devices or memory."""
    signs = [precursor for precursor in crash.precursors if precursor.reason == "hardware"]
    return [sign for sign in signs if not _FILE_SYSTEM.match(sign.text)]


def waits_for_io(report: Oops) -> bool:
    """It is a hung task whose trace leads into waiting for I/O."""
    return report.kind == "hung-task" and any(
        _WAITS.match(frame.function) for trace in report.traces[:1] for frame in trace.frames[:8] if frame.reliable
    )
