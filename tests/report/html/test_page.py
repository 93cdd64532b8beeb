"""The HTML report holds what it should, links lead somewhere, and no text of others becomes markup."""

import re
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lastwords.case import analyze
from lastwords.model import Analysis, Finding, Verdict
from lastwords.report.html import render
from lastwords.report.words import title

from ..reports import diagnosed, from_log, with_machine, with_strings

TAGS = frozenset(
    (
        *("html", "head", "meta", "title", "style", "body", "header", "nav", "main", "section", "article", "footer"),
        *("div", "span", "p", "h1", "h2", "h3", "dl", "dt", "dd", "ul", "ol", "li", "a", "details", "summary", "pre"),
        *("table", "thead", "tbody", "tr", "th", "td", "code", "q", "abbr", "b", "br"),
        *("svg", "line", "rect", "text", "g", "circle"),
    )
)
ATTRIBUTES = frozenset(
    (
        *("lang", "charset", "http-equiv", "content", "name", "class", "id", "href", "title", "open"),
        *("role", "aria-label", "aria-hidden", "viewbox", "preserveaspectratio", "width", "height", "r", "rx"),
        *("x", "y", "x1", "x2", "y1", "y2", "cx", "cy"),
    )
)


class Page(HTMLParser):
    """Elements, attributes and text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.comments: list[str] = []
        self.words: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_comment(self, data):
        self.comments.append(data)

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def every(self, attribute: str) -> list[str]:
        return [attrs[attribute] for _tag, attrs in self.elements if attribute in attrs]


def harmless(page: str) -> Page:
    """The page, parsed, after a look at what it is made of."""
    found = Page(page)
    for tag, attributes in found.elements:
        assert tag in TAGS, tag
        assert set(attributes) <= ATTRIBUTES, (tag, attributes)
    assert found.comments == []
    assert sum(tag == "style" for tag, _ in found.elements) == 1
    assert all(link.startswith("#") for link in found.every("href"))
    # Whatever loads something names an address with a scheme in an attribute or a style.
    assert not re.search(r"url\(|@import", page.split("</style>")[0])
    assert not re.search(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]", page
    )
    return found


ALL = pytest.mark.parametrize(
    "analysis",
    [from_log(), diagnosed(), with_machine(), msgspec.structs.replace(with_machine(), oopses=(), logs=()), Analysis()],
    ids=["log", "diagnosed", "both", "dump", "nothing"],
)


@ALL
def test_every_link_leads_to_one_place(analysis):
    page = harmless(render(analysis))
    ids = page.every("id")
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in page.every("href")} <= set(ids)


REAL = sorted((Path(__file__).parents[2] / "klog/cases").glob("*/*.log"))[::9]


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_reports_of_real_logs(path):
    analysis = analyze((str(path),))
    page = harmless(render(analysis))
    ids = page.every("id")
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in page.every("href")} <= set(ids)
    for oops in analysis.oopses[:1]:
        assert " ".join(title(oops).split()) in page.text
        assert f"log0-{oops.line}" in ids


def test_says_what_the_diagnosis_says():
    text = harmless(render(with_machine())).text
    told = with_machine()
    assert told.verdict is not None
    for expected in (
        told.verdict.summary,
        "quite sure 86 %",
        "storage_mod.c:112",
        "struct storage_req.desc",
        "out-of-tree",
        *told.verdict.reasons,
        *(step.text for step in told.next),
        *(finding.title for finding in told.findings),
        "Can't hold together with: storage_mod_complete() used storage_req.desc, which was NULL , a-rule-that-said",
        "The rule broken-rule failed",
        "the fault came here",
        "2023-11-14 22:13:20 UTC sel fatal power lost",
        "crash a dump was taken",
        "dump/vmcore taken /var/crash 1.00 GiB",
        "40 times: it calls itself",
    ):
        assert expected in text, expected


def test_evidence_leads_to_the_line_and_to_the_instruction():
    page = render(with_machine())
    oops = diagnosed().oopses[0]
    assert f'href="#log0-{oops.line}">line {oops.line}</a>' in page
    assert 'href="#at-ffffffffc02f2145">0xffffffffc02f2145</a>' in page
    # What the page does not show is named, not linked.
    assert '<span class="at">0xffff888004a2b000</span>' in page


def test_terms_are_explained_where_they_stand_and_at_the_end():
    page = harmless(render(diagnosed()))
    assert any(tag == "abbr" and "NULL" in attributes["title"] for tag, attributes in page.elements)
    assert "Words of this page" in page.text


def test_nothing_found_is_said():
    assert "Nothing could be read." in harmless(render(Analysis())).text
    quiet = msgspec.structs.replace(from_log(), oopses=(), verdict=None)
    text = harmless(render(quiet)).text
    assert "No crash found" in text
    assert f"storage_mod.log {from_log().logs[0].lines} lines, dmesg" in text


def test_a_cause_that_is_not_known_has_no_confidence():
    verdict = Verdict(summary="It is not known.", crash_class="unknown", confidence=0.9)
    text = harmless(render(Analysis(verdict=verdict))).text
    assert "not known" in text
    assert "90 %" not in text


def test_five_thousand_tasks_stay_small():
    page = render(with_machine(5000, 256))
    assert len(page.encode()) < 3_000_000
    text = harmless(page).text
    assert "5,000 tasks" in text
    assert "4,700 more tasks in --json" in text


def test_long_lists_and_strings_stay_small():
    finding = Finding(
        id="x" * 10_000, title="y" * 100_000, confidence=0.5, evidence=diagnosed().findings[0].evidence * 999
    )
    page = render(msgspec.structs.replace(with_machine(), findings=(finding,) * 500))
    assert len(page.encode()) < 3_000_000
    assert "420 more findings" in harmless(page).text


EVIL = (
    '<zz-evil onzz="1">',
    '"><zz-evil onzz=1 ',
    "' onzz='1",
    "</title></style></svg></pre><zz-evil>",
    "<!-- --><![CDATA[<zz-evil>]]>",
    "<script>zz()</script>",
    "&lt;zz-evil&gt;&#60;zz-evil&#62;",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:zz()",
    "\x1b[2J\x00\x85\r\n\u202e\u2066\ufeff\udcff",
    "<" * 40,
)


@given(st.lists(st.one_of(st.sampled_from(EVIL), st.text(max_size=40)), min_size=1, max_size=4).map("".join))
@example("".join(EVIL))
@settings(max_examples=20)
def test_no_text_becomes_markup(evil):
    page = harmless(render(with_strings(with_machine(), lambda text: evil + text)))
    assert not any("zz" in tag or any("zz" in name for name in attributes) for tag, attributes in page.elements)
    assert "49" not in page.text or "49" in evil or "{{" not in evil or "{{ 7 * 7 }}" in page.text


@given(st.text(max_size=60))
@settings(max_examples=15)
def test_text_alone_is_harmless_too(evil):
    harmless(render(with_strings(diagnosed(), lambda _text: evil)))
