"""File systems that find themselves damaged, go read-only or shut down; and asserts of those from outside the tree.

What the kernel prints when a file system stops is a report of its own, but steps back behind a crash (`yields`): bad
data on a disk is input that the kernel must survive, and where it doesn't, the crash is the news and the file
system's complaint is what came before it. Shutdowns that a user asked for are no entries.
"""

from .entry import Form, Kind

_XFS = r"XFS \([^)]{1,64}\): "
_BTRFS = r"\(device [^)]{1,80}\)"

KINDS = (
    Kind(
        "ext4-error",
        "filesystem",
        (
            # EXT2 since 2.6.37.
            Form("): error: ext2_", r"(?P<fs>EXT2)-fs \([^)]{1,64}\): error: (?P<function>\w+)"),
            Form("-fs error (device ", r"(?P<fs>EXT[234])-fs error \(device [^)]{1,64}\)(?:: | in )(?P<function>\w+)"),
            Form("Aborting journal on device", r"(?:JBD2?: )?Aborting journal on device", "EXT4-fs: aborting journal"),
            Form(
                "Remounting filesystem read-only",
                r"EXT[234]-fs(?: \([^)]{1,64}\))?: Remounting filesystem read-only",
                "EXT4-fs: remounting filesystem read-only",
            ),
            Form(
                "Detected IO errors while flushing",
                r"JBD2?: Detected IO errors while flushing file data",
                "JBD2: I/O errors while flushing file data",
            ),
            Form(
                "Data will be lost",
                r"(?:EXT4-fs \([^)]{1,64}\): )?This should not happen!!",
                "EXT4-fs: data will be lost",
            ),
            Form(
                "potential data loss",
                r"EXT4-fs \([^)]{1,64}\): failed to convert unwritten extents",
                "EXT4-fs: potential data loss",
            ),
        ),
        title="{fs}-fs error in {function}",
        where=("headline",),
        trace="none",
        stamped=True,
        event=True,
        yields=True,
        source="fs/ext4/super.c: __ext4_error(), ext4_handle_error(), fs/jbd2/journal.c",
    ),
    Kind(
        "xfs-shutdown",
        "filesystem",
        (
            Form(
                "of file fs/xfs/",
                rf"(?:{_XFS}Internal error|Filesystem \"?[^:]{{1,64}}: XFS internal error) .{{1,120}}? at line \d+ of file \S+ {{1,4}}"
                r"Caller (?:0x\w+|(?P<function>[\w.]+))",
                "XFS: internal error in {function}",
                "XFS: internal error",
            ),
            Form(
                "Metadata corruption detected",
                rf"{_XFS}Metadata corruption detected at (?P<function>\w+)",
                "XFS: metadata corruption in {function}",
            ),
            Form(
                "Metadata CRC error detected",
                rf"{_XFS}Metadata CRC error detected at (?P<function>\w+)",
                "XFS: metadata CRC error in {function}",
            ),
            Form(
                "Unmount and run xfs_repair",
                rf"{_XFS}Corruption detected\. Unmount and run xfs_repair",
                "XFS: corruption detected",
            ),
            Form(
                "xfs_do_force_shutdown",
                rf"(?:{_XFS})?xfs_do_force_shutdown\((?!0x20?\) called from .*ioctl)0x[0-9a-f]+\) called from",
            ),
            Form(
                "Corruption Alert: Buffer at",
                rf"{_XFS}Corruption Alert: Buffer at daddr 0x[0-9a-f]+ had permanent write failures",
                "XFS: permanent write failures",
            ),
            Form("Shutting down filesystem", rf"{_XFS}(?!User initiated).{{0,200}}Shutting down filesystem"),
            Form("log mount/recovery failed", rf"{_XFS}log mount/recovery failed", "XFS: log recovery failed"),
            Form("metadata I/O error", rf"{_XFS}metadata I/O error", "XFS: metadata I/O error"),
            Form("has been shut down due to", rf"{_XFS}Filesystem has been shut down due to (?!user)"),
        ),
        title="XFS: filesystem shut down",
        where=("headline",),
        trace="none",
        stamped=True,
        event=True,
        yields=True,
        source="fs/xfs/xfs_error.c, fs/xfs/xfs_fsops.c: xfs_do_force_shutdown()",
    ),
    Kind(
        "btrfs-error",
        "filesystem",
        (
            Form(
                "BTRFS critical ",
                rf"BTRFS critical {_BTRFS}: (?P<what>[a-z][a-z _-]{{1,60}})",
                "BTRFS critical: {what}",
            ),
            Form("BTRFS critical: ", r"BTRFS critical: ?(?P<what>[a-z][a-z _-]{1,60})", "BTRFS critical: {what}"),
            Form(
                ": errno=-", rf"BTRFS:? error {_BTRFS} in (?P<function>\w+):\d+: errno=", "BTRFS: error in {function}"
            ),
            # What is about to be written has changed in memory since it was made: bad memory, or a bug.
            Form(
                "write time tree block corruption",
                rf"BTRFS error {_BTRFS}: block=\d+ write time tree block corruption detected",
                "BTRFS: write time tree block corruption",
            ),
            # Mounting ends with it. A tree's other copy may still have been good before that.
            Form(
                " tree root",
                rf"BTRFS:? (?:error|warning) {_BTRFS}: (?:couldn't|failed to) read (?P<what>tree root)",
                "BTRFS: can't read {what}",
            ),
            Form(
                "read chunk root",
                rf"BTRFS:? error {_BTRFS}: failed to read (?P<what>chunk root)",
                "BTRFS: can't read {what}",
            ),
            Form(
                "read chunk tree",
                rf"BTRFS:? error {_BTRFS}: failed to read (?P<what>chunk tree)",
                "BTRFS: can't read {what}",
            ),
            Form("forced readonly", rf"BTRFS:? info {_BTRFS}: forced readonly", "BTRFS: forced readonly"),
        ),
        where=("headline",),
        trace="none",
        stamped=True,
        event=True,
        yields=True,
        source="fs/btrfs/messages.c: __btrfs_handle_fs_error()",
    ),
    Kind(
        "filesystem-error",
        "filesystem",
        (
            Form(
                "Stopped filesystem due to reason",
                r"F2FS-fs \([^)]{1,64}\): Stopped filesystem due to reason",
                "F2FS: stopped filesystem",
            ),
            Form(
                "Filesystem has been set read-only",
                r"(?:ex)?FAT-fs(?: \([^)]{1,64}\))?: Filesystem has been set read-only",
                "FAT: filesystem set read-only",
            ),
            Form(
                "ERROR: (device ",
                r"ERROR: \(device [^)]{1,64}\): remounting filesystem as read-only",
                "JFS: remounting filesystem read-only",
            ),
            Form(
                "ERROR: (device ",
                r"ERROR: \(device [^)]{1,64}\): (?P<function>\w+)",
                "JFS: error in {function}",
                "JFS: error",
            ),
            Form(
                "REISERFS error (",
                r"REISERFS error \(device [^)]{1,64}\): \S+ (?P<function>\w+)",
                "REISERFS: error in {function}",
            ),
            Form(
                "NILFS error (", r"NILFS error \(device [^)]{1,64}\): (?P<function>\w+)", "NILFS: error in {function}"
            ),
            Form(
                "about to withdraw this file system",
                r"GFS2: fsid=\S{1,64}: about to withdraw",
                "GFS2: file system withdrawn",
            ),
            Form(
                "OCFS2: ERROR (", r"OCFS2: ERROR \(device [^)]{1,64}\): (?P<function>\w+)", "OCFS2: error in {function}"
            ),
            Form("UBIFS error (", r"UBIFS error \([^)]{1,64}\): (?P<function>\w+)", "UBIFS: error in {function}"),
            Form("SQUASHFS error: ", r"SQUASHFS error: (?P<what>[\w -]{1,60})", "SQUASHFS: {what}"),
            Form(
                "Remounting filesystem read-only",
                r"(?P<fs>F2FS|NILFS)(?:-fs)?(?: \([^)]{1,64}\))?: Remounting filesystem read-only",
                "{fs}: remounting filesystem read-only",
            ),
            Form(
                "uncorrectable I/O failure",
                r"WARNING: Pool '[^']{1,80}' has encountered an uncorrectable I/O failure",
                "ZFS: pool suspended",
            ),
        ),
        where=("headline",),
        trace="none",
        stamped=True,
        event=True,
        yields=True,
        source="fs/f2fs, fs/fat, fs/jfs, fs/reiserfs, fs/nilfs2, fs/gfs2, fs/ocfs2, fs/ubifs, fs/squashfs",
    ),
    Kind(
        "zfs-panic",
        "filesystem",
        (
            *(Form(f"{word}(", rf"{word}\(.{{1,200}}\) failed") for word in ("VERIFY", "VERIFY0", "VERIFY3")),
            Form("PANIC at ", r"(?:SPL )?PANIC at [\w.-]{1,64}:\d+:(?P<function>\w+)\(\)"),
        ),
        title="ZFS panic in {function}",
        where=("headline", "trace"),
        never=r"spl_panic|spl_dumpstack",
        refines=("zfs-panic",),
        source="OpenZFS, module/os/linux/spl/spl-err.c: spl_panic()",
    ),
    Kind(
        "lustre-lbug",
        "filesystem",
        (
            Form(
                "ASSERTION( ",
                r"LustreError: \d+:\d+:\([\w.-]{1,64}:\d+:(?P<function>\w+)\(\)\) ASSERTION\( ",
            ),
            Form(
                " LBUG",
                r"LustreError: \d+:\d+:\([\w.-]{1,64}:\d+:(?P<function>\w+)\(\)\) LBUG",
            ),
        ),
        title="LBUG in {function}",
        where=("headline",),
        trace="optional",
        refines=("panic",),
        source="Lustre, libcfs/libcfs/debug.c: lbug_with_loc()",
    ),
)
