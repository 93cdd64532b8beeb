"""Disks and controllers that fail for good.

One failed request is no entry: pulled sticks, scratched discs and floppy drives that aren't there make them on every
healthy machine, and so are timeouts that end in a retry (`klog/precursors.py` shows both beside a crash). Entries are a
controller or device that is given up, and data that is lost. A lost device is told before the crash that follows from
it; lost data and degraded arrays step back behind one (`yields`).
"""

from .entry import Form, Kind

_NVME = r"nvme (?:nvme\d+|[0-9a-f:.]+): "
_NVME_TIMEOUT = rf"{_NVME}I/O (?:tag )?\d+ (?:\(\w+\) )?.{{0,40}}QID \d+ timeout, (?:reset|disable) controller"
# `end_request: ` until 3.6, `blk_update_request: ` and `print_req_error: ` after it, nothing since 5.16.
_REQUEST = r"(?:end_request: |blk_update_request: |print_req_error: )?"
_SCSI = r"(?:(?:sd|sr|st|scsi) \S{1,24}: )?(?:\[\w+\] )?"

KINDS = (
    Kind(
        "nvme-failure",
        "storage",
        (
            Form("controller is down; will reset", rf"{_NVME}controller is down; will reset"),
            Form(
                "after probe failure",
                rf"{_NVME}Removing after probe failure",
                "nvme: device removed after probe failure",
            ),
            Form(
                "after reset failure",
                rf"{_NVME}Disabling device after reset failure",
                "nvme: device disabled after reset failure",
            ),
            Form("Device not ready; aborting", rf"{_NVME}Device not ready; aborting", "nvme: device not ready"),
            Form("timeout, reset controller", _NVME_TIMEOUT, "nvme: I/O timeout, reset controller"),
            Form("timeout, disable controller", _NVME_TIMEOUT, "nvme: I/O timeout, disable controller"),
        ),
        title="nvme: controller is down",
        where=(),
        trace="none",
        stamped=True,
        event=True,
        source="drivers/nvme/host/pci.c: nvme_warn_reset(), nvme_timeout(), nvme_reset_work()",
    ),
    Kind(
        "scsi-offline",
        "storage",
        (
            Form("rejecting I/O to offline device", rf"{_SCSI}rejecting I/O to offline device"),
            Form("Device offlined", rf"{_SCSI}Device offlined"),
        ),
        title="SCSI device offlined",
        where=(),
        trace="none",
        stamped=True,
        event=True,
        source="drivers/scsi/scsi_error.c: scsi_eh_offline_sdevs(), drivers/scsi/scsi_lib.c",
    ),
    Kind(
        "ata-disabled",
        "storage",
        (
            Form(".00: disable", r"ata\d+\.00: disabled?(?: device)?$"),
            Form(".01: disable", r"ata\d+\.01: disabled?(?: device)?$"),
        ),
        title="ATA device disabled",
        where=(),
        trace="none",
        stamped=True,
        event=True,
        source="drivers/ata/libata-core.c: ata_dev_disable()",
    ),
    Kind(
        "controller-fault",
        "storage",
        (
            Form(
                "FW in FAULT state",
                r"megaraid_sas \S+: (?:Found )?FW in FAULT state",
                "megaraid_sas: FW in FAULT state",
            ),
            Form(": fault_state(", r"mpt[23]sas_cm\d+: fault_state\(0x[0-9a-f]+\)!", "mpt3sas: fault_state"),
            Form(
                "host is non-operational",
                r"mpt[23]sas_cm\d+: .{0,60}host is non-operational",
                "mpt3sas: SAS host is non-operational",
            ),
            Form(
                "ontroller lockup detected",
                r"hpsa \S+: [Cc]ontroller lockup detected",
                "hpsa: controller lockup detected",
            ),
            Form(
                "ontroller lockup detected",
                r"(?:Kernel panic - not syncing: FATAL: Smart Family |smartpqi \S+: )[Cc]ontroller lockup detected",
                "smartpqi: controller lockup detected",
            ),
            Form("Host adapter dead", r"(?:aacraid: |AAC: )?Host adapter (?:is )?dead", "aacraid: Host adapter dead"),
        ),
        where=(),
        trace="none",
        stamped=True,
        event=True,
        source="drivers/scsi/megaraid, mpt3sas, hpsa.c, aacraid",
    ),
    Kind(
        "medium-error",
        "storage",
        # Optical discs and floppies have these without anything being wrong with the machine.
        (Form("critical medium error", rf"{_REQUEST}critical medium error, dev (?!sr\d|fd\d)"),),
        title="critical medium error",
        where=(),
        trace="none",
        stamped=True,
        event=True,
        yields=True,
        source="block/blk-core.c: blk_status_to_str(), block/blk-mq.c: blk_print_req_error()",
    ),
    Kind(
        "lost-write",
        "storage",
        (
            Form(
                "page write",
                r"Buffer I/O error on dev(?:ice)? [^,]{1,32}, logical block \d+, lost (?:a?sync )?page write",
            ),
            Form("lost page write", r"lost page write due to I/O error on "),
        ),
        title="Buffer I/O error: lost page write",
        where=(),
        trace="none",
        stamped=True,
        event=True,
        yields=True,
        source="fs/buffer.c: buffer_io_error()",
    ),
    Kind(
        "raid-failure",
        "storage",
        (
            Form(
                "Disk failure on",
                r"(?:md/)?(?:raid|linear|multipath)\w{0,32}:(?:\S{1,32}:)? Disk failure on ",
                "md: disk failure",
            ),
            Form("Cannot continue operation", r"md/raid\d*:\S+: Cannot continue operation", "md: array failed"),
            Form(
                "unrecoverable I/O",
                r"(?:md/)?raid\d*:(?:\S+:)? .{0,40}unrecoverable I/O",
                "md: unrecoverable I/O error",
            ),
        ),
        where=(),
        trace="none",
        stamped=True,
        event=True,
        yields=True,
        source="drivers/md/raid1.c, raid10.c, raid5.c: raid5_error()",
    ),
    Kind(
        "device-mapper-failure",
        "storage",
        (
            Form(
                "switching pool to",
                r"device-mapper: thin: \S+: switching pool to (?P<what>(?:out-of-(?:meta)?data-space|read-only|failed?)) ",
                "device-mapper: thin pool {what}",
            ),
            Form(
                "switching cache to",
                r"device-mapper: cache: \S+: switching cache to (?P<what>read-only|fail) ",
                "device-mapper: cache {what}",
            ),
            Form(
                "is corrupted",
                r"device-mapper: verity: \S+: (?:meta)?data block \d+ is corrupted",
                "device-mapper: verity: block is corrupted",
            ),
            Form(
                "Checksum failed at sector",
                r"device-mapper: (?:integrity|crypt): .{0,64}Checksum failed at sector",
                "device-mapper: integrity: checksum failed",
            ),
            Form(
                "Invalidating snapshot",
                r"device-mapper: snapshots: Invalidating snapshot",
                "device-mapper: snapshot invalidated",
            ),
        ),
        where=(),
        trace="none",
        stamped=True,
        event=True,
        yields=True,
        source="drivers/md/dm-thin.c: notify_of_pool_mode_change(), dm-verity-target.c, dm-snap.c",
    ),
)
