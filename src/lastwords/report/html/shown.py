"""Text on its way into the page.

Jinja escapes markup; what it does not look at is characters that reorder or hide text, and length.
"""

from markupsafe import Markup, escape
from rich.console import Console
from rich.style import Style
from rich.text import Text

from lastwords.report.escape import printable

LONGEST = 2000
"""Characters of one text; of a longer one the rest is left out."""
_COLOURS = ("red", "yellow", "green", "cyan")


def shown(value: object) -> object:
    """What a template's expression puts into the page; Jinja calls it for each, and escapes what it returns."""
    if value is None:
        return ""
    return value if isinstance(value, Markup) else printable(shortened(str(value)))


def shortened(text: str, longest: int = LONGEST) -> str:
    """The text, or its beginning and how much is left out."""
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text) - longest:,} more characters)"


_PLAIN = Console(width=10_000, color_system=None, highlight=False, markup=False, emoji=False)


def styled(line: Text) -> Markup:
    """A line of the terminal's report, its styles as classes."""
    parts = []
    for text, style, _control in line.render(_PLAIN):
        safe = escape(shown(text))
        names = _classes(style)
        parts.append(Markup('<span class="{}">{}</span>').format(names, safe) if names else safe)
    return Markup("").join(parts)


def _classes(style: Style | None) -> str:
    if style is None:
        return ""
    names = [name for name, wanted in (("bold", style.bold), ("dim", style.dim)) if wanted]
    if style.color is not None and style.color.name in _COLOURS:
        names.append(style.color.name)
    return " ".join(names)
