"""Logs in a page of a bug tracker, or indented as a whole: the same crash as without."""

import html
from pathlib import Path

import pytest

from lastwords.klog.inputs import Text
from lastwords.klog.scan import scan

LOGS = sorted((Path(__file__).parents[2] / "lab" / "logs" / "6.1").glob("*.log"))[::4]


def _page(text: str) -> str:
    return f'<!DOCTYPE html>\n<html><body>\n<pre class="bz_comment_text">{html.escape(text)}</pre></body></html>\n'


def _raw(text: str) -> str:
    """As the messages stand in a mail whose writer has cut off the time stamps."""
    return "".join(line.partition("] ")[2] if line.startswith("[") else line for line in text.splitlines(keepends=True))


def oopses(text: str) -> list[object]:
    """What matters of each oops in a log."""
    return [
        (o.title, o.function, o.module, o.intact, o.registers, [[f.function for f in t.frames] for t in o.traces])
        for o in scan(Text("log", text.encode())).oopses
    ]


@pytest.mark.parametrize("log", LOGS, ids=lambda path: path.stem)
@pytest.mark.parametrize("cut", [str, _raw], ids=["stamped", "raw"])
def test_the_same_crash(log: Path, cut) -> None:
    text = cut(log.read_text())
    plain = oopses(text)
    assert plain
    assert oopses(_page(text)) == plain
    for indent in ("    ", "\t", " "):
        assert oopses("".join(indent + line for line in text.splitlines(keepends=True))) == plain


def test_words_around_it() -> None:
    text = LOGS[0].read_text()
    indented = "".join(f"    {line}" for line in text.splitlines(keepends=True))
    assert oopses(f"Hello,\n\nthis machine died:\n\n{indented}\nAny ideas?\n") == oopses(text)


def test_entities_in_a_plain_log() -> None:
    """A lock is called `&gt->reset`, which is no entity."""
    text = LOGS[0].read_text()
    line = "[    1.000000] drm: &gt->reset.mutex &lt; &#10; &#55555555; &#xd800;\n"
    assert oopses(line + text) == oopses(text)
