"""Error numbers, and the pointers that hold one.

Source: `include/uapi/asm-generic/errno-base.h`, `include/uapi/asm-generic/errno.h`, `include/linux/errno.h` (512 and
up: between parts of the kernel), `include/linux/err.h: MAX_ERRNO`. alpha, mips, parisc and sparc number some of the
errors above 34 differently.
"""

from typing import NamedTuple


class Errno(NamedTuple):
    """One error number.

    Attributes:
        number: positive, as in the headers; functions return it negated.
        name: its macro.
        meaning: what it says.
    """

    number: int
    name: str
    meaning: str


MAX_ERRNO = 4095
"""Pointers from -4095 to -1 are errors (`include/linux/err.h`)."""

_TABLE = """
1 EPERM operation not permitted
2 ENOENT no such file, directory or entry
3 ESRCH no such process
4 EINTR interrupted by a signal
5 EIO input/output error
6 ENXIO no such device or address
7 E2BIG argument list too long
8 ENOEXEC not an executable format that the kernel knows
9 EBADF bad file descriptor
10 ECHILD no child process
11 EAGAIN try again (also EWOULDBLOCK: it would block)
12 ENOMEM out of memory
13 EACCES permission denied
14 EFAULT bad user-space address
15 ENOTBLK block device required
16 EBUSY device or resource busy
17 EEXIST it exists already
18 EXDEV link across devices
19 ENODEV no such device
20 ENOTDIR not a directory
21 EISDIR is a directory
22 EINVAL invalid argument
23 ENFILE too many open files in the system
24 EMFILE too many open files in the process
25 ENOTTY no such ioctl for this device
26 ETXTBSY the program file is being executed
27 EFBIG file too large
28 ENOSPC no space left on the device
29 ESPIPE illegal seek
30 EROFS read-only file system
31 EMLINK too many links
32 EPIPE broken pipe
33 EDOM argument outside the function's domain
34 ERANGE result too large to represent
35 EDEADLK it would deadlock
36 ENAMETOOLONG name too long
37 ENOLCK no record lock available
38 ENOSYS not implemented
39 ENOTEMPTY directory not empty
40 ELOOP too many symbolic links
42 ENOMSG no message of that type
43 EIDRM identifier removed
44 ECHRNG channel number out of range
45 EL2NSYNC level 2 not synchronized
46 EL3HLT level 3 halted
47 EL3RST level 3 reset
48 ELNRNG link number out of range
49 EUNATCH protocol driver not attached
50 ENOCSI no CSI structure available
51 EL2HLT level 2 halted
52 EBADE invalid exchange
53 EBADR invalid request descriptor
54 EXFULL exchange full
55 ENOANO no anode
56 EBADRQC invalid request code
57 EBADSLT invalid slot
59 EBFONT bad font file format
60 ENOSTR device is not a stream
61 ENODATA no data available
62 ETIME timer expired
63 ENOSR out of streams resources
64 ENONET machine is not on the network
65 ENOPKG package not installed
66 EREMOTE object is remote
67 ENOLINK link has been severed
68 EADV advertise error
69 ESRMNT srmount error
70 ECOMM communication error on send
71 EPROTO protocol error
72 EMULTIHOP multihop attempted
73 EDOTDOT RFS error
74 EBADMSG bad message (file systems: a checksum failed)
75 EOVERFLOW value too large for its type
76 ENOTUNIQ name not unique on the network
77 EBADFD file descriptor in a bad state
78 EREMCHG remote address changed
79 ELIBACC can't access a needed shared library
80 ELIBBAD accessing a corrupted shared library
81 ELIBSCN .lib section corrupted
82 ELIBMAX too many shared libraries
83 ELIBEXEC can't execute a shared library directly
84 EILSEQ illegal byte sequence
85 ERESTART restart the interrupted system call
86 ESTRPIPE streams pipe error
87 EUSERS too many users
88 ENOTSOCK not a socket
89 EDESTADDRREQ destination address required
90 EMSGSIZE message too long
91 EPROTOTYPE wrong protocol type for the socket
92 ENOPROTOOPT protocol option not available
93 EPROTONOSUPPORT protocol not supported
94 ESOCKTNOSUPPORT socket type not supported
95 EOPNOTSUPP operation not supported
96 EPFNOSUPPORT protocol family not supported
97 EAFNOSUPPORT address family not supported
98 EADDRINUSE address already in use
99 EADDRNOTAVAIL can't assign the requested address
100 ENETDOWN network is down
101 ENETUNREACH network is unreachable
102 ENETRESET connection dropped by a network reset
103 ECONNABORTED connection aborted by software
104 ECONNRESET connection reset by the peer
105 ENOBUFS no buffer space available
106 EISCONN already connected
107 ENOTCONN not connected
108 ESHUTDOWN the endpoint or device has been shut down
109 ETOOMANYREFS too many references
110 ETIMEDOUT timed out
111 ECONNREFUSED connection refused
112 EHOSTDOWN host is down
113 EHOSTUNREACH no route to the host
114 EALREADY already in progress
115 EINPROGRESS now in progress
116 ESTALE stale file handle
117 EUCLEAN structure needs cleaning (file systems: metadata is corrupt)
118 ENOTNAM not a named type file
119 ENAVAIL no semaphores available
120 EISNAM is a named type file
121 EREMOTEIO remote input/output error
122 EDQUOT disk quota exceeded
123 ENOMEDIUM no medium in the drive
124 EMEDIUMTYPE wrong type of medium
125 ECANCELED operation cancelled
126 ENOKEY required key not available
127 EKEYEXPIRED key has expired
128 EKEYREVOKED key has been revoked
129 EKEYREJECTED key was rejected
130 EOWNERDEAD the lock's owner died
131 ENOTRECOVERABLE state not recoverable
132 ERFKILL switched off by RF-kill
133 EHWPOISON the memory page has a hardware error
512 ERESTARTSYS internal: restart the system call, if the signal's handler allows it
513 ERESTARTNOINTR internal: always restart the system call
514 ERESTARTNOHAND internal: restart the system call if there is no handler
515 ENOIOCTLCMD internal: no such ioctl here, others may know it
516 ERESTART_RESTARTBLOCK internal: restart through restart_syscall()
517 EPROBE_DEFER internal: the driver asks to be probed again later
518 EOPENSTALE internal: open found a stale dentry
519 ENOPARAM internal: parameter not supported
521 EBADHANDLE NFS: illegal file handle
522 ENOTSYNC NFS: update synchronization mismatch
523 EBADCOOKIE NFS: stale directory cookie
524 ENOTSUPP internal: operation not supported
525 ETOOSMALL NFS: buffer or request too small
526 ESERVERFAULT NFS: untranslatable error
527 EBADTYPE NFS: type not supported by the server
528 EJUKEBOX NFS: request begun, but won't complete before a timeout
529 EIOCBQUEUED internal: queued, completion will be told later
530 ERECALLCONFLICT NFS: conflict with a recalled state
531 ENOGRACE NFS: the grace period is over
"""

_ALIASES = {"EWOULDBLOCK": "EAGAIN", "EDEADLOCK": "EDEADLK", "EFSCORRUPTED": "EUCLEAN", "EFSBADCRC": "EBADMSG"}


def _read(line: str) -> Errno:
    number, name, meaning = line.split(" ", 2)
    return Errno(int(number), name, meaning)


ERRNOS: tuple[Errno, ...] = tuple(_read(line) for line in _TABLE.strip().splitlines())
BY_NUMBER: dict[int, Errno] = {errno.number: errno for errno in ERRNOS}
BY_NAME: dict[str, Errno] = {errno.name: errno for errno in ERRNOS}
BY_NAME.update({alias: BY_NAME[name] for alias, name in _ALIASES.items()})


def from_pointer(value: int, bits: int = 64) -> int | None:
    """The error number that a pointer holds, or None if it is no ERR_PTR(): IS_ERR_VALUE() and PTR_ERR().

    Args:
        value: the pointer, as an unsigned number.
        bits: the width of a pointer: 64 or 32.

    Example:
        >>> from_pointer(0xFFFFFFFFFFFFFFF4)
        12
    """
    number = (1 << bits) - value
    return number if 1 <= number <= MAX_ERRNO else None
