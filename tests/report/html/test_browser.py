"""The HTML report in Chromium: offline, without a complaint, the verdict on the first screen, dark, printed."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from lastwords.model import Analysis
from lastwords.report.html import render

from ..reports import diagnosed, from_log, with_machine, with_strings
from .browser import DESK, PHONE, PROGRAM, Browser, browser
from .test_page import ATTRIBUTES, EVIL, TAGS

pytestmark = [
    pytest.mark.skipif(PROGRAM is None, reason="no Chromium: scripts/setup-browser"),
    pytest.mark.xdist_group("browser"),
]
SIZES = pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])


@pytest.fixture(scope="module")
def tab() -> Iterator[Browser]:
    with browser() as found:
        yield found


def written(directory: Path, analysis: Analysis) -> Path:
    path = directory / "report.html"
    path.write_text(render(analysis), encoding="utf-8")
    return path


@SIZES
@pytest.mark.parametrize("analysis", [from_log(), with_machine(), Analysis()], ids=["log", "both", "nothing"])
def test_opens_offline_and_without_a_complaint(tab, tmp_path, analysis, size):
    path = written(tmp_path, analysis)
    tab.open(path, size)
    assert tab.complaints() == []
    assert tab.requests() == [path.as_uri()]
    # The style sheet is applied, though the page's policy allows no other one, and nothing is wider than the window.
    assert tab.evaluate("getComputedStyle(document.querySelector('.verdict')).borderTopWidth") == "3px"
    assert tab.evaluate("document.documentElement.scrollWidth") <= size[0]


@SIZES
@pytest.mark.parametrize("part", ["h1", ".pill", ".confidence", ".summary", ".culprit dl"])
def test_the_verdict_is_on_the_first_screen(tab, tmp_path, part, size):
    verdict = with_machine().verdict
    assert verdict is not None
    long = msgspec.structs.replace(verdict, summary=" ".join([verdict.summary] * 4))
    tab.open(written(tmp_path, msgspec.structs.replace(with_machine(), verdict=long)), size)
    box = tab.evaluate(f"document.querySelector('#verdict {part}').getBoundingClientRect().toJSON()")
    assert 0 <= box["top"] < box["bottom"] <= size[1]
    assert 0 <= box["left"] < box["right"] <= size[0]


@SIZES
def test_the_time_line_is_drawn_for_the_window(tab, tmp_path, size):
    tab.open(written(tmp_path, diagnosed()), size)
    shown = "[...document.querySelectorAll('.timeline')].filter(each => each.getClientRects().length)"
    assert tab.evaluate(f"{shown}.length") == 1
    assert tab.evaluate(f"{shown}[0].querySelectorAll('.marker').length") == 5
    # Not shrunk until nobody can read it.
    scale = tab.evaluate(f"{shown}[0].getBoundingClientRect().width / {shown}[0].viewBox.baseVal.width")
    assert 0.85 <= scale <= 1.3


def test_evidence_opens_the_log_at_its_line(tab, tmp_path):
    tab.open(written(tmp_path, diagnosed()))
    line = diagnosed().oopses[0].line
    assert tab.evaluate("document.querySelector('#log details').open") is False
    tab.evaluate(f"document.querySelector('#findings a[href=\"#log0-{line}\"]').click()")
    tab.call("Page.captureScreenshot")  # waits until it is drawn
    assert tab.evaluate("document.querySelector('#log details').open") is True
    assert 0 <= tab.evaluate(f"document.getElementById('log0-{line}').getBoundingClientRect().top") < DESK[1]


def test_dark_and_light_can_be_read(tab, tmp_path):
    path = written(tmp_path, with_machine())
    grounds = set()
    for dark in (False, True):
        tab.open(path, dark=dark)
        for part in ("body", ".pill", ".finding", ".frame.fault", ".warning", ".dim", "a.at", ".command"):
            assert tab.evaluate(_CONTRAST % part) >= 4.5, (part, dark)
        grounds.add(tab.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(grounds) == 2


# The ratio of https://www.w3.org/TR/WCAG21/#dfn-contrast-ratio, of an element's text to what lies behind it.
_CONTRAST = """(() => {
  const numbers = colour => colour.match(/[0-9.]+/g).map(Number);
  const light = colour => numbers(colour).slice(0, 3).map(c => c / 255)
    .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const element = document.querySelector('%s');
  let behind = element;
  while (numbers(getComputedStyle(behind).backgroundColor)[3] === 0) behind = behind.parentElement;
  const [a, b] = [getComputedStyle(element).color, getComputedStyle(behind).backgroundColor].map(light);
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
})()"""


def test_print_shows_the_evidence_and_leaves_out_the_machine(tab, tmp_path):
    tab.open(written(tmp_path, with_machine(500)))
    tab.call("Emulation.setEmulatedMedia", media="print")
    visible = "document.querySelector('%s').checkVisibility()"
    assert tab.evaluate(visible % "#findings .evidence:not([open]) li")
    assert tab.evaluate(visible % "#log .log li")
    assert not tab.evaluate(visible % "#machine pre")
    assert not tab.evaluate(visible % "nav")
    tab.call("Emulation.setEmulatedMedia", media="")
    tab.pdf(tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")


@SIZES
def test_hostile_text_makes_no_element_in_a_real_browser(tab, tmp_path, size):
    evil = "".join(EVIL)
    path = written(tmp_path, with_strings(with_machine(), lambda text: evil + text))
    tab.open(path, size)
    assert tab.complaints() == []
    assert tab.requests() == [path.as_uri()]
    assert set(tab.evaluate("[...document.querySelectorAll('*')].map(each => each.tagName.toLowerCase())")) <= TAGS
    names = (
        "[...document.querySelectorAll('*')].flatMap(each => each.getAttributeNames().map(name => name.toLowerCase()))"
    )
    assert set(tab.evaluate(names)) <= ATTRIBUTES
    assert tab.evaluate("document.documentElement.scrollWidth") <= size[0]


def test_a_large_machine_opens(tab, tmp_path):
    large = msgspec.structs.replace(with_machine(5000, 256))
    tab.open(written(tmp_path, large))
    assert tab.evaluate("document.querySelectorAll('#tasks .group').length") == 60
