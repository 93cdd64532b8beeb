"""What an analysis makes of files that are no log, and of dumps beside each other."""

import os

from lastwords.case import analyze


def test_binary_data_is_no_log(tmp_path):
    path = tmp_path / "vmcore"
    path.write_bytes(bytes(8192) + os.urandom(1 << 16))
    found = analyze([str(path)])
    assert found.logs == ()
    assert found.errors[0].startswith(f"{path}: binary data, not a log")


def test_a_log_with_a_hole_is_a_log(tmp_path):
    path = tmp_path / "kern.log"
    path.write_bytes(b"Nov 24 05:38:11 host kernel: [    1.000000] all is well\n" + bytes(8192))
    found = analyze([str(path)])
    assert (len(found.logs), found.errors) == (1, ())
