"""A crash out of a mail, a bug tracker or a web page: quoted, wrapped, encoded, moved in."""

import html
import quopri
from collections.abc import Iterator
from pathlib import Path

import pytest

from lastwords.klog.inputs import decoded

from .crash import EXPECTED, HEADLINE, MESSAGES, TITLE, content, scanned

FORMS = (
    "{stamp} {text}",
    "{text}",
    "Nov 23 10:00:00 db7 kernel: {stamp} {text}",
    "Nov 23 10:00:00 db7 kernel: {text}",
)
QUOTATIONS = ("", "> ", ">> > ", ">", " > ")
INTRODUCTION = """\
On Tue, Nov 24, 2026 at 10:00:00AM +0100, A. User wrote:
Hello, my machine died once more when I copied a file to the disk:

"""


def lines(form: str) -> list[str]:
    return [form.format(stamp=m.stamp, text=m.text) for m in MESSAGES]


def wrapped(line: str, width: int) -> Iterator[str]:
    """As mail programs do it: at the last blank that still fits."""
    while len(line) > width:
        margin = len(line) - len(line.lstrip())
        at = line.rfind(" ", 0, width + 1)
        if at <= margin:
            at = line.find(" ", width)
        if at < 0:
            break
        yield line[:at]
        line = line[at + 1 :]
    yield line


def told(path: Path, text: str) -> dict[str, object]:
    """What the first oops of a text says; of the blanks in it, only that they are there."""
    path.write_text(text)
    first = scanned(path).oopses[0]
    assert HEADLINE.split(" pointer")[0] in text.split("\n")[first.line - 1]
    return {key: " ".join(str(value).split()) for key, value in content(first).items()}


WANTED = {key: " ".join(str(value).split()) for key, value in EXPECTED.items()}


@pytest.mark.parametrize("quotation", QUOTATIONS)
@pytest.mark.parametrize("form", FORMS)
def test_quoted(tmp_path: Path, form: str, quotation: str) -> None:
    text = INTRODUCTION + "".join(f"{quotation}{line}\n" for line in lines(form))
    assert told(tmp_path / "mail", text) == WANTED


@pytest.mark.parametrize("width", [66, 70, 72, 76, 80])
@pytest.mark.parametrize("quotation", QUOTATIONS)
@pytest.mark.parametrize("form", FORMS)
def test_wrapped(tmp_path: Path, form: str, quotation: str, width: int) -> None:
    """Every field comes out as if nobody had broken a line."""
    broken = [part for line in lines(form) for part in wrapped(line, width)]
    text = INTRODUCTION + "".join(f"{quotation}{part}\n" for part in broken)
    assert told(tmp_path / "mail", text) == WANTED


@pytest.mark.parametrize("form", FORMS)
def test_quoted_printable(tmp_path: Path, form: str) -> None:
    """A mail as it lies in an archive: the same bytes come out, and the line numbers are those of the file."""
    text = "\n".join(f"> {line}" for line in lines(form)) + "\n"
    sent = quopri.encodestring(text.encode())
    assert decoded(sent).text == text.encode()
    path = tmp_path / "mail"
    path.write_bytes(sent)
    first = scanned(path).oopses[0]
    assert content(first) == EXPECTED
    assert b"BUG: kernel NULL" in sent.split(b"\n")[first.line - 1]


@pytest.mark.parametrize("charset", ["utf-8", "latin-1"])
def test_hard_blanks(tmp_path: Path, charset: str) -> None:
    """Web mail keeps columns apart with blanks that don't break."""
    text = "".join(line.replace("  ", "\u00a0 ") + "\n" for line in lines("{stamp} {text}"))
    path = tmp_path / "mail"
    path.write_bytes(quopri.encodestring(text.encode(charset)))
    first = scanned(path).oopses[0]
    assert (first.title, first.cpu, len(first.registers)) == (TITLE, 3, len(EXPECTED["registers"]))


@pytest.mark.parametrize(
    "page",
    [
        "<html><body><pre>{text}</pre></body></html>",
        '<div class="comment"><p>It died:</p><pre class="bz_comment_text">\n{text}</pre></div>',
        "It died:<br>{text}".replace("{text}", "{breaks}"),
        '<div dir="ltr">{divs}</div>',
    ],
)
def test_source_of_a_page(tmp_path: Path, page: str) -> None:
    escaped = [html.escape(line) for line in lines("{stamp} {text}")]
    text = page.format(
        text="\n".join(escaped), breaks="<br>".join(escaped), divs="".join(f"<div>{line}</div>" for line in escaped)
    )
    path = tmp_path / "page.html"
    path.write_text(text + "\n")
    first = scanned(path).oopses[0]
    # A page may be a single line, in which boots can't be told apart by lines.
    assert {**content(first), "boot": 1} == EXPECTED
    assert HEADLINE in text.split("\n")[first.line - 1]


def test_a_page_that_only_talks(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text(f"<table><tr><td>titles</td></tr><tr><td>\n{HEADLINE}: 0</td></tr></table><p>a &lt; b</p>\n")
    assert scanned(path).oopses == []


def test_block_of_code(tmp_path: Path) -> None:
    """Markdown and reStructuredText move their blocks in; a report needs to be whole to be told from talk."""
    text = INTRODUCTION + "".join(f"    {line}\n" for line in lines("{text}"))
    assert told(tmp_path / "issue.md", text) == WANTED


def test_history_of_commits_is_talk(tmp_path: Path) -> None:
    """`git log` moves all messages in, and many of them hold whole reports."""
    path = tmp_path / "history"
    report = "".join(f"    {line}\n" for line in lines("{text}"))
    path.write_text(f"commit {'4d2b8a1c7e' * 4}\nAuthor: A. Developer <dev@example.org>\n\n    Fix it\n\n{report}")
    assert scanned(path).oopses == []


@pytest.mark.parametrize(
    "text",
    [
        # Lockdep's rulers end in the sign, too.
        "=" * 62 + "\n" + "=" * 70 + "\n",
        "[    0.000000] " + "=" * 54 + "\n" + "[    1.000000] usb 1-1: x=\n" * 3,
        "a line that ends in =\nand another =\n",
        "a < b &lt; c, but no page\n",
        "",
    ],
)
def test_neither_mail_nor_page(text: str) -> None:
    assert decoded(text.encode()) == (text.encode(), [], False)


def test_program_output_is_not_joined(tmp_path: Path) -> None:
    """What programs print among the kernel's lines is nobody's second half."""
    path = tmp_path / "console"
    others = ["executing program 1:\n", "mmap(&(0x7f0000557000/0x2000)=nil, 0x2000) = 0\n", "ok 12 - unlink\n"]
    path.write_text("".join(f"{line}\n{others[n % 3]}" for n, line in enumerate(lines("{stamp} {text}"))))
    first = scanned(path).oopses[0]
    assert {key: content(first)[key] for key in ("title", "message", "registers", "release")} == {
        key: EXPECTED[key] for key in ("title", "message", "registers", "release")
    }
