"""C expressions over a dump, as crash's users hand them to gdb: `((struct rq *)0xffff88…)->curr->comm`.

    expression := unary (operator unary)*, by the precedences of C
    unary      := ( & * - + ! ~ sizeof | '(' type ')' ) unary | primary ( .name | ->name | [expression] | :cpus )*
    primary    := number | name | 'character' | '(' expression ')'

drgn's objects do the arithmetic and know the types. A name is a variable, an enumerator, a function or a symbol.
"""

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass

import drgn
from drgn.helpers.linux.percpu import per_cpu

from .command import CommandError

_TOKEN = re.compile(
    r"\s*(?:(?P<number>0[xX][0-9a-fA-F]+|[0-9][0-9a-zA-Z]*)|(?P<name>[A-Za-z_]\w*)|(?P<character>'(?:\\.|[^'\\])')"
    r"|(?P<sign><<|>>|->|<=|>=|==|!=|&&|\|\||[-+*/%&|^~!<>()\[\].:]))"
)
_DEEPEST = 100
# Words that a type begins with and nothing else.
_TYPE_WORDS = ("struct", "union", "enum", "const", "volatile", "unsigned", "signed", "int", "char", "short", "long")

_BINARY: dict[str, tuple[int, Callable[[drgn.Object, drgn.Object], object]]] = {
    "||": (1, lambda left, right: bool(left) or bool(right)),
    "&&": (2, lambda left, right: bool(left) and bool(right)),
    "|": (3, operator.or_),
    "^": (4, operator.xor),
    "&": (5, operator.and_),
    "==": (6, operator.eq),
    "!=": (6, operator.ne),
    "<": (7, operator.lt),
    ">": (7, operator.gt),
    "<=": (7, operator.le),
    ">=": (7, operator.ge),
    "<<": (8, operator.lshift),
    ">>": (8, operator.rshift),
    "+": (9, operator.add),
    "-": (9, operator.sub),
    "*": (10, operator.mul),
    "/": (10, operator.truediv),
    "%": (10, operator.mod),
}
_COMPARING = (6, 7)
_UNARY: dict[str, Callable[[drgn.Object], object]] = {
    "-": operator.neg,
    "+": operator.pos,
    "~": operator.invert,
    "!": lambda value: not value,
    "*": lambda value: value[0],
    "&": lambda value: value.address_of_(),
}
_UNITS = {"k": 10, "m": 20, "g": 30}
_ESCAPES = {"n": "\n", "t": "\t", "0": "\0", "r": "\r"}


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str


def evaluate(prog: drgn.Program, text: str, *, hexadecimal: bool = False) -> drgn.Object:
    """The value of an expression.

    Args:
        prog: what it is about.
        text: the expression.
        hexadecimal: a number without 0x that has letters in it, or 16 digits, is hexadecimal, as crash takes it.

    Raises:
        CommandError: it is no expression.
        LookupError: there is no such name.
        drgn.FaultError: the memory is not in the dump.
    """
    reader = _Expression(prog, _tokens(text), text, hexadecimal)
    value = reader.binary(0)
    reader.end()
    return value


def _tokens(text: str) -> list[_Token]:
    found, at = [], 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise CommandError(f"{text}: not an expression at {text[at:].strip()[:20]}")
        found.append(_Token(match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return found


def _comparable(left: drgn.Object, right: drgn.Object) -> tuple[drgn.Object, drgn.Object]:
    """A pointer and a number, as in `next != 0`, which drgn does not compare."""
    for one, other in ((left, right), (right, left)):
        if one.type_.unaliased().kind == drgn.TypeKind.POINTER and other.type_.unaliased().kind == drgn.TypeKind.INT:
            return drgn.cast("unsigned long", left), drgn.cast("unsigned long", right)
    return left, right


class _Expression:
    def __init__(self, prog: drgn.Program, tokens: list[_Token], text: str, hexadecimal: bool) -> None:
        self._prog, self._tokens, self._text, self._hexadecimal = prog, tokens, text, hexadecimal
        self._at = self._depth = 0

    def _peek(self) -> str:
        return self._tokens[self._at].text if self._at < len(self._tokens) else ""

    def _take(self) -> _Token:
        if self._at >= len(self._tokens):
            raise CommandError(f"{self._text}: the expression ends early")
        self._at += 1
        return self._tokens[self._at - 1]

    def _expect(self, sign: str) -> None:
        if self._peek() != sign:
            raise CommandError(f"{self._text}: {sign} expected, and not {self._peek() or 'the end'}")
        self._at += 1

    def end(self) -> None:
        """Nothing may follow."""
        if self._at < len(self._tokens):
            raise CommandError(f"{self._text}: not an expression at {self._peek()}")

    def _object(self, value: object) -> drgn.Object:
        return value if isinstance(value, drgn.Object) else drgn.Object(self._prog, "int", int(bool(value)))

    def binary(self, least: int) -> drgn.Object:
        """An expression of operators that bind at least as strongly."""
        left = self._unary()
        while (found := _BINARY.get(self._peek())) is not None and found[0] >= least:
            self._take()
            right = self.binary(found[0] + 1)
            if found[0] in _COMPARING:
                left, right = _comparable(left, right)
            left = self._object(found[1](left, right))
        return left

    def _unary(self) -> drgn.Object:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise CommandError("the expression is nested too deeply")
        value = self._prefixed()
        self._depth -= 1
        return value

    def _prefixed(self) -> drgn.Object:
        sign = self._peek()
        if sign in _UNARY:
            self._take()
            return self._object(_UNARY[sign](self._unary()))
        if sign == "sizeof":
            self._take()
            kind = self._type()
            return drgn.Object(self._prog, "unsigned long", drgn.sizeof(kind if kind else self._unary()))
        if sign == "(":
            kind = self._type()
            if kind is not None:
                return drgn.cast(kind, self._unary())
        return self._postfix(self._primary())

    def _type(self) -> drgn.Type | None:
        """A type in parentheses; None, and nothing taken, where these hold something else."""
        words, at = [], self._at + 1
        while at < len(self._tokens) and self._tokens[at].text != ")":
            token = self._tokens[at]
            if token.kind != "name" and token.text != "*":
                return None
            words.append(token.text)
            at += 1
        if self._peek() != "(" or not words or words[0] == "*":
            return None
        name = " ".join(words)
        try:
            found = self._prog.type(name)
        except (LookupError, SyntaxError):
            if words[0] not in _TYPE_WORDS:
                return None
            raise LookupError(f"no type {name}") from None
        self._at = at + 1
        return found

    def _postfix(self, value: drgn.Object) -> drgn.Object:
        while self._peek() in (".", "->", "[", ":"):
            sign = self._take().text
            if sign == "[":
                value = value[self.binary(0).value_()]
                self._expect("]")
            elif sign == ":":
                value = per_cpu(value, int(self._take().text))
            else:
                value = value.member_(self._take().text)
        return value

    def _primary(self) -> drgn.Object:
        token = self._take()
        if token.text == "(":
            value = self.binary(0)
            self._expect(")")
            return value
        if token.kind == "number" or (self._hexadecimal and re.fullmatch(r"[0-9a-fA-F]{8,16}", token.text)):
            return self._number(token.text)
        if token.kind == "character":
            inner = token.text[1:-1]
            return drgn.Object(
                self._prog, "char", ord(_ESCAPES.get(inner[1:], inner[1:]) if inner[0] == "\\" else inner)
            )
        if token.kind == "name":
            return self._named(token.text)
        raise CommandError(f"{self._text}: not an expression at {token.text}")

    def _number(self, text: str) -> drgn.Object:
        """C's numbers, with crash's k, m and g behind; a bare `ffff888…` is an address."""
        match = re.fullmatch(r"(0[xX][0-9a-fA-F]+|[0-9]+)([uUlLkKmMgG]*)", text)
        if match is None or (self._hexadecimal and len(text) == 16):
            if not self._hexadecimal or not re.fullmatch(r"[0-9a-fA-F]+", text):
                raise CommandError(f"{text}: not a number")
            value = int(text, 16)
        else:
            value = int(match[1], 0 if match[1][:2] in ("0x", "0X") else 10)
            value <<= sum(_UNITS.get(letter, 0) for letter in match[2].lower())
        kind = "long" if value < 1 << 63 else "unsigned long"
        return drgn.Object(self._prog, kind, value & (1 << 64) - 1)

    def _named(self, name: str) -> drgn.Object:
        try:
            return self._prog[name]
        except KeyError:
            pass
        if self._hexadecimal and re.fullmatch(r"[0-9a-fA-F]+", name):
            return self._number(name)
        try:
            symbol = self._prog.symbol(name)
        except LookupError:
            raise LookupError(f"{name}: no such variable, constant, function or symbol") from None
        # Its type is not known: what can be told is its address, and its memory as bytes.
        return drgn.Object(self._prog, "unsigned long", symbol.address)
