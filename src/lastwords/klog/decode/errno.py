"""Names of the error numbers (`include/uapi/asm-generic/errno*.h`, `include/linux/errno.h`) that ERR_PTR() carries."""

import errno as _errno

MAX_ERRNO = 4095
"""The highest error number that a pointer may carry (`include/linux/err.h`)."""

# Kernel-internal ones, which user space never sees.
_INTERNAL = {
    512: "ERESTARTSYS",
    513: "ERESTARTNOINTR",
    514: "ERESTARTNOHAND",
    515: "ENOIOCTLCMD",
    516: "ERESTART_RESTARTBLOCK",
    517: "EPROBE_DEFER",
    518: "EOPENSTALE",
    519: "ENOPARAM",
    521: "EBADHANDLE",
    522: "ENOTSYNC",
    523: "EBADCOOKIE",
    524: "ENOTSUPP",
    525: "ETOOSMALL",
    526: "ESERVERFAULT",
    527: "EBADTYPE",
    528: "EJUKEBOX",
    529: "EIOCBQUEUED",
    530: "ERECALLCONFLICT",
}
_NAMES = {**_errno.errorcode, 11: "EAGAIN", 35: "EDEADLK", 95: "EOPNOTSUPP", **_INTERNAL}


def name(number: int) -> str:
    """`ENOMEM` for 12; the empty string for numbers that have no name."""
    return _NAMES.get(number, "")
