"""The report in Markdown: short, and nobody else's words become markup."""

import re
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from lastwords.model import Analysis, Finding
from lastwords.report.markdown import render
from lastwords.report.markdown_text import block, prose, quoted

from .html.test_page import EVIL
from .reports import diagnosed, from_log, with_machine, with_strings

PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
WANTED = {
    *("heading", "paragraph", "bullet_list", "list_item", "strong"),
    *("inline", "text", "code_inline", "fence", "softbreak", "hr"),
}


def tokens(text: str) -> Iterator[Token]:
    for token in PARSER.parse(text):
        yield token
        yield from token.children or ()


def harmless(text: str) -> None:
    """Only the elements that the report makes itself; nothing in its prose that a tracker would make a link of."""
    for token in tokens(text):
        assert token.type.removesuffix("_open").removesuffix("_close") in WANTED, (token.type, token.content)
        if token.type == "text":
            assert not re.search(r"[@#!%](?=\w)|://|www\.(?=\w)", token.content), token.content
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]", text)


@pytest.mark.parametrize(
    "analysis",
    [from_log(), diagnosed(), with_machine(), msgspec.structs.replace(with_machine(), oopses=(), logs=()), Analysis()],
    ids=["log", "diagnosed", "both", "dump", "nothing"],
)
def test_every_kind_of_analysis(analysis):
    text = render(analysis)
    harmless(text)
    assert text.startswith("# ")
    assert len(text.splitlines()) < 300


def test_says_what_the_diagnosis_says():
    text = render(with_machine())
    oops = diagnosed().oopses[0]
    for expected in (
        f"# `{oops.title}`",
        "**A bug in the code** (quite sure, 86 %)",
        "- source: `storage_mod.c:112`",
        "- object: `struct storage_req.desc`",
        f"- `{oops.message}` (line {oops.line})",
        "can't hold together with: `storage_mod_complete()` used",
        "> storage_mod_complete+0x15 [storage_mod]  storage_mod.c:88  (the fault came here)",
        "- [ ] Go back to the version before: `modprobe storage_mod`",
        "- [ ] Ask whoever builds the module.",
        "the rule `broken-rule` failed",
    ):
        assert expected in text, expected


def test_long_lists_are_cut():
    finding = Finding(id="x" * 9999, title="y" * 9999, confidence=0.5, evidence=diagnosed().findings[0].evidence * 99)
    large = with_machine(5000, 256)
    large = msgspec.structs.replace(
        large,
        findings=(finding,) * 500,
        timeline=large.timeline * 99,
        doing=large.doing * 99,
        changed=large.changed * 99,
        panicked=large.panicked * 99,
        next=large.next * 99,
        oopses=large.oopses * 99,
        errors=("x",) * 999,
        broken=large.broken * 99,
    )
    text = render(large)
    assert len(text.splitlines()) < 300
    assert len(text) < 100_000
    assert "490 more findings" in text


MARKUP = (
    "[link](http://example.org)",
    "![picture](x)",
    "<b>bold</b><!-- -->",
    "@someone #12 !34 GH-1 a@example.org www.example.org https://example.org/x",
    "```\nfence\n```",
    "~~~",
    "`` ` ``",
    "| a | b |\n|---|---|",
    "# heading\n\n- item\n\n> quote\n\n1. one\n\n---",
    "&lt;&#60;",
    "*a* **b** _c_ __d__ ~~e~~ $f$",
    "[ref]: http://example.org",
    "\\",
)


@given(st.lists(st.one_of(st.sampled_from(MARKUP + EVIL), st.text(max_size=30)), min_size=1, max_size=3).map("".join))
@example("\n\n".join(MARKUP + EVIL))
@example("# ")
@example("1) ")
@example("\t\t")
@settings(max_examples=40)
def test_no_text_becomes_markup(evil):
    harmless(render(with_strings(diagnosed(), lambda text: evil + text)))
    harmless(render(with_strings(diagnosed(), lambda _text: evil)))


@given(st.text("`ab \n", max_size=30))
def test_code_holds_what_it_quotes(text):
    inline = [token.content for token in tokens(quoted("x" + text + "x")) if token.type == "code_inline"]
    assert inline == ["x" + text.replace("\n", "\\x0a") + "x"]
    fenced = [token.content for token in tokens("\n".join(block(text.split("\n")))) if token.type == "fence"]
    assert fenced == ["".join(f"{line.rstrip()}\n" for line in text.split("\n"))]


def test_prose_reads_as_it_was():
    rendered = "".join(t.content for t in tokens(prose("a < b, c_d() at 0x1f2e3d: 100 % of *all*")) if not t.children)
    assert rendered == "a < b, c_d() at 0x1f2e3d: 100 % of *all*"
