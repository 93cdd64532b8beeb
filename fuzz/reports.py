"""Fuzz the reports: whatever a log holds, all of them are written, and nothing in them is the log's to command.

    python fuzz/reports.py [libFuzzer options] [corpus directory]

A finding is an exception, a control or bidirectional character that reaches the reader, a tag or an attribute in the
HTML page that no template has, or a log that takes unreasonably long. See fuzz/README.md.
"""

import io
import re
import sys
import tempfile
import time
from html.parser import HTMLParser
from pathlib import Path

import atheris

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT), str(ROOT / "fuzz")]

with atheris.instrument_imports(include=["lastwords"]):
    from lastwords.case import analyze, collect
    from lastwords.klog.culprit.names import named
    from lastwords.klog.culprit.never import only_reports, plain
    from lastwords.klog.inputs import find
    from lastwords.klog.read import read
    from lastwords.report import html, markdown, terminal
    from lastwords.report.annotated import annotate
    from lastwords.report.annotated_text import render as render_annotation

from reader import run

SECONDS = 10.0
"""CPU time for all reports of a log; instrumented code is some ten times slower than the reports are."""
UNSAFE = {
    *map(chr, range(32)),
    *map(chr, range(0x7F, 0xA0)),
    *"\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
} - {
    "\n",
    "\t",
}


class _Page(HTMLParser):
    """The tags and attributes of a page, each once."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """One tag."""
        self.seen |= {tag, *(f"{tag} {name}" for name, _ in attrs)}


def _templates() -> set[str]:
    """What the templates write, and the few modules beside them that write tags."""
    page = _Page()
    folder = ROOT / "src/lastwords/report/html"
    for template in (folder / "templates").rglob("*.*"):
        page.feed(template.read_text())
    for module in folder.glob("*.py"):
        page.feed(" ".join(re.findall(r"Markup\('(<.*?>)'\)", module.read_text())))
    return page.seen


TEMPLATES = _templates()


def _safe(text: str, what: str) -> None:
    unsafe = UNSAFE.intersection(text)
    if unsafe:
        raise AssertionError(f"{what}: {sorted(unsafe)[:9]}")


def one(data: bytes) -> None:
    """Every report of a log."""
    start = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "log")
        path.write_bytes(data)
        analysis = analyze(collect([str(path)]))
        (source,) = find([str(path)])
        reading = read(source)
    out = io.StringIO()
    terminal.render(analysis, out, verbose=True)
    for oops in reading.oopses[:3]:
        annotation = annotate(
            oops,
            reading.records,
            number=1,
            total=1,
            machinery=lambda function: only_reports(plain(function)),
            named=lambda function: named(plain(function)).name,
        )
        render_annotation(annotation, out)
    _safe(out.getvalue(), "terminal")
    _safe(markdown.render(analysis), "Markdown")
    text = html.render(analysis)
    _safe(text, "HTML")
    page = _Page()
    page.feed(text)
    if page.seen - TEMPLATES:
        raise AssertionError(f"in the page, but in no template: {sorted(page.seen - TEMPLATES)}")
    if time.process_time() - start > SECONDS:
        raise AssertionError(f"{time.process_time() - start:.1f} s for {len(data)} bytes")


if __name__ == "__main__":
    run(one)
