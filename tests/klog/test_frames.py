import pytest

from lastwords.klog.frames import read_arm_pair, read_frame


@pytest.mark.parametrize(
    ("text", "function", "offset", "size", "module", "reliable"),
    [
        (" ext4_iget+0x12/0x340", "ext4_iget", 0x12, 0x340, "", True),
        (" ? ext4_iget+0x12/0x340 [ext4]", "ext4_iget", 0x12, 0x340, "ext4", False),
        (" [<ffffffff8123487f>] ? dup_fd+0x61f/0x4b50", "dup_fd", 0x61F, 0x4B50, "", False),
        (" [<ffffffff8123487f>] [<ffffffff8123487f>] dup_fd+0x61f/0x4b50", "dup_fd", 0x61F, 0x4B50, "", True),
        ("[c00000007a3efa20] [c00000000030a060] update_flag+0x26c/0x280", "update_flag", 0x26C, 0x280, "", True),
        ("[c00000007a3efa20] [c00000000030a060] flag+0x2/0x8 (unreliable)", "flag", 2, 8, "", False),
        ("[c00000007a3efa20] [c00000000030a060] .update_flag+0x26c/0x280", "update_flag", 0x26C, 0x280, "", True),
        ("[c000000fffa6efe0] [c000000001f5f000] .TOC.+0x0/0xa1000", ".TOC.", 0, 0xA1000, "", True),
        ("[CDF95D80] [C01A65A4] rage_ioctl+0x60/0x110", "rage_ioctl", 0x60, 0x110, "", True),
        ("[c00000009a9b7810] c00000000007b578 .queue_work+0xf8/0x1b0", "queue_work", 0xF8, 0x1B0, "", True),
        (" ring_read+0x1/0x2 [ring ...]", "ring_read", 1, 2, "ring", True),
        (" bind.part.0.isra.0+0x1/0x2 [ring 0123456789abcdef0123]", "bind.part.0.isra.0", 1, 2, "ring", True),
        (" <binder::node::Node>::update+0x1/0x2", "<binder::node::Node>::update", 1, 2, "", True),
        ("#1 0x0f in", None, None, None, "", True),
        (" an ordinary line + text", None, None, None, "", True),
    ],
)  # fmt: skip
def test_frames(text, function, offset, size, module, reliable):
    frame = read_frame(text, 7)
    if function is None:
        assert frame is None
        return
    assert frame is not None
    assert (frame.function, frame.offset, frame.size) == (function, offset, size)
    assert (frame.module, frame.reliable, frame.line) == (module, reliable, 7)


def test_source_lines_and_inlined_frames():
    frame = read_frame(" udf_rmdir+0x1/0x2 fs/udf/namei.c:512", 1)
    assert frame is not None
    assert (frame.file, frame.source_line, frame.inline) == ("fs/udf/namei.c", 512, False)
    for text in (" drop_it fs/inode.c:12 [inline]", " [<     inline     >] drop_it fs/inode.c:12"):
        frame = read_frame(text, 1)
        assert frame is not None
        assert (frame.function, frame.file, frame.inline) == ("drop_it", "fs/inode.c", True)


def test_arm_steps():
    step = read_arm_pair("[<8028bd5c>] (dup_fd [ring]) from [<80132060>] (copy_process+0x58c/0x1844 [tree])", 3)
    assert step is not None
    callee, caller = step
    assert (callee.function, callee.module, callee.address) == ("dup_fd", "ring", 0x8028BD5C)
    assert (caller.function, caller.offset, caller.module) == ("copy_process", 0x58C, "tree")
    step = read_arm_pair(" dup_fd [ring] from copy_process+0x58c/0x1844 [tree]", 3)
    assert step is not None
    assert [frame.module for frame in step] == ["ring", "tree"]
    assert read_arm_pair("it came from somewhere", 3) is None
