"""Command lines taken apart as crash does: words, quotes, redirection, a pipe, several commands in one line."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from .command import CommandError

_OPENING, _CLOSING = "([{", ")]}"


@dataclass(frozen=True)
class Line:
    """One command.

    Attributes:
        name: its first word.
        text: what follows, up to the redirection.
        pipe: for a shell to read the output, or None.
        file: to write the output to, or None; `append` to add to it.
    """

    name: str
    text: str
    pipe: str | None = None
    file: str | None = None
    append: bool = False

    @property
    def words(self) -> list[str]:
        """The arguments.

        Raises:
            CommandError: a quote has no end.
        """
        return split_words(self.text)


def split_words(text: str) -> list[str]:
    r"""Words as a shell parts them; quotes and `\` take the meaning from a space."""
    try:
        return shlex.split(text)
    except ValueError as error:
        raise CommandError(f"{text.strip()[:40]}: {str(error).lower()}") from None


def parse(text: str) -> Line:
    """A command with its redirection. Within quotes and parentheses, `|` and `>` are the command's own."""
    text = text.strip()
    name, _, rest = text.partition(" ")
    for place, sign in _signs(rest, "|>"):
        before, after = rest[:place], rest[place + 1 :]
        if sign == "|":
            if not after.strip():
                raise CommandError("no command behind |")
            return Line(name, before.strip(), pipe=after.strip())
        if before.endswith("-") or after.startswith("="):  # `->` and `>=` of an expression
            continue
        append = after.startswith(">")
        target = split_words(after[1:] if append else after)
        if len(target) != 1:
            raise CommandError("one file behind >, please")
        return Line(name, before.strip(), file=target[0], append=append)
    return Line(name, rest.strip())


def split(text: str) -> list[str]:
    """The commands in a line, parted by `;`."""
    parts, start = [], 0
    for place, _ in _signs(text, ";"):
        parts.append(text[start:place])
        start = place + 1
    parts.append(text[start:])
    return [part.strip() for part in parts if part.strip()]


def _signs(text: str, signs: str) -> Iterator[tuple[int, str]]:
    """Where the signs stand, outside of quotes and parentheses."""
    quote, depth, escaped = "", 0, False
    for place, character in enumerate(text):
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        elif quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character in _OPENING:
            depth += 1
        elif character in _CLOSING:
            depth = max(depth - 1, 0)
        elif character in signs and not depth:
            yield place, character
