"""What the shell's completion offers behind a command's name."""

import pytest
from click.shell_completion import ShellComplete

from lastwords.cli.main import cli


def offered(*words):
    found = ShellComplete(cli, {}, "lastwords", "_LASTWORDS_COMPLETE").get_completions(list(words[:-1]), words[-1])
    return [item.value for item in found]


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("expl",), ["explain"]),
        (("explain", "ENOM"), ["ENOMEM"]),
        (("explain", "vmc"), ["vmcore", "vmcoreinfo"]),
        (("explain", "regist"), ["registers"]),
        (("lab", "run", "null-fi"), ["null-field"]),
        (("lab", "run", "no-such"), []),
    ],
)
def test_offered(words, wanted):
    assert set(wanted) <= set(offered(*words))
    assert all(value.lower().startswith(words[-1].lower()) for value in offered(*words))


def test_terms_of_several_words_are_left_out():
    assert not [value for value in offered("explain", "") if " " in value]
