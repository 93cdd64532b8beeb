"""Small ELF files for tests: a vmlinux with a build ID, with or without debuginfo."""

import struct


def elf(build_id=None, *, dwarf=True, core=False, bits=64, order="<"):
    """An ELF file with the sections that are looked for."""
    note = struct.pack(order + "III4s", 4, len(build_id), 3, b"GNU\0") + build_id if build_id else b""
    names = b"\0.note.gnu.build-id\0.debug_info\0.shstrtab\0"
    sections = [(0, 0, b""), (1, 7, note), (20 if dwarf else 1, 1, b"dwarf"), (32, 3, names)]
    start, size = (64, 64) if bits == 64 else (52, 40)
    body, headers = b"", b""
    for name, kind, data in sections:
        offset = start + len(body)
        form = "IIQQQQIIQQ" if bits == 64 else "10I"
        headers += struct.pack(order + form, name, kind, 0, 0, offset, len(data), 0, 0, 1, 0)
        body += data
    identity = b"\x7fELF" + bytes((bits // 32, 1 if order == "<" else 2, 1)) + bytes(9)
    form = "HHIQQQIHHHHHH" if bits == 64 else "HHIIIIIHHHHHH"
    table = start + len(body)
    fields = (4 if core else 2, 62, 1, 0, 0, table, 0, start, 0, 0, size, len(sections), 3)
    return identity + struct.pack(order + form, *fields) + body + headers
