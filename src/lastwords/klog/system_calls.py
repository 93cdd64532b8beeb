"""System calls as the kernel names their entry functions, over the years and architectures.

`include/linux/syscalls.h` and the architectures' `asm/syscall_wrapper.h`.
"""

import re

SYSTEM_CALL = re.compile(
    r"(?:__(?:x64|ia32|arm64|riscv|s390x?|se|do)_(?:compat_)?sys_|(?:compat_|C_)?(?:SyS|SYSC)_|compat_sys_|ksys_)\w+"
    # Until Linux 4.17 they were called just so; and the drawing of consoles and a few others still are.
    r"|sys_(?!imageblit|fillrect|copyarea|dmi_|off_)\w+"
)
