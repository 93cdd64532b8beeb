"""What the glossary is made of."""

import msgspec


class Term(msgspec.Struct, frozen=True):
    """One term of a crash report.

    Attributes:
        name: as it stands in the report or in the kernel's source.
        short: what it is, in one line.
        long: what it says about a crash, and what to look at next; may be empty.
        aliases: other spellings under which it is looked up.
        see: the kernel's source file or document that defines it.
        related: names of other terms.
    """

    name: str
    short: str
    long: str = ""
    aliases: tuple[str, ...] = ()
    see: str = ""
    related: tuple[str, ...] = ()


class Subject(msgspec.Struct, frozen=True):
    """The terms of one subject.

    Attributes:
        name: one word, to ask for it.
        title: what it is about, in one line.
        terms: in an order to read.
    """

    name: str
    title: str
    terms: tuple[Term, ...]


class Explanation(msgspec.Struct, frozen=True):
    """The answer to one question.

    Attributes:
        term: its name.
        subject: name of the subject that it belongs to, or the empty string for a value that was decoded.
        short: see `Term`; so are `long`, `see` and `related`.
        reading: the values in the question, put into words.
    """

    term: str
    subject: str
    short: str
    long: str = ""
    see: str = ""
    related: tuple[str, ...] = ()
    reading: tuple[str, ...] = ()
