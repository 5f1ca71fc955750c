"""Label and field selectors: text → a selector, or a `BadRequest` that says where the error is.

Both parsers are pure. They follow the grammar of Kubernetes' parsers in every detail, because kubectl sends
the text of `-l` and `--field-selector` unchanged. Parsing takes time linear in the length of the text. The
number of conditions is limited, as each object of a list is compared with all of them.
https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
"""

import dataclasses
import enum
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from apiservice.http import errors
from apiservice.request import validation

MOST_CONDITIONS = 100
"""Different requirements of a label selector, or different terms of a field selector. The number of values
in a requirement is not limited.
"""
LONGEST_FIELD_SELECTOR = 4096
"""Characters. Field selectors are parsed before authorization, as they may contain the object's name."""

OBJECT_FIELDS = frozenset({"metadata.name", "metadata.namespace"})
"""The fields by which every resource can be selected."""


class Operator(enum.Enum):
    """The operators of a label selector. `=` and `!=` are parsed as `in` and `notin` with one value."""

    IN = "in"
    NOT_IN = "notin"
    EXISTS = "exists"
    ABSENT = "!"
    GREATER = ">"
    LESS = "<"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One condition on the labels of an object."""

    key: str
    operator: Operator
    values: frozenset[str] = frozenset()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether an object with these labels meets the condition."""
        match self.operator:
            case Operator.IN:
                return self.key in labels and labels[self.key] in self.values
            case Operator.NOT_IN:
                return self.key not in labels or labels[self.key] not in self.values
            case Operator.EXISTS:
                return self.key in labels
            case Operator.ABSENT:
                return self.key not in labels
            case Operator.GREATER | Operator.LESS:
                return self._compares(labels.get(self.key, ""))

    def _compares(self, value: str) -> bool:
        (bound,) = self.values
        if not _is_integer(value):
            return False
        return int(value) > int(bound) if self.operator is Operator.GREATER else int(value) < int(bound)


@dataclasses.dataclass(frozen=True, slots=True)
class LabelSelector:
    """A label selector. All requirements must be met; without any, every object matches."""

    requirements: tuple[Requirement, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "LabelSelector":
        """The selector that the text describes. Raises `BadRequest`."""
        return cls(_LabelParser(text).parse()) if text else EVERY_LABEL

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether an object with these labels is selected."""
        return all(requirement.matches(labels) for requirement in self.requirements)


EVERY_LABEL = LabelSelector()


class _Token(NamedTuple):
    text: str
    position: int
    word: bool


_TOKEN = re.compile(r"(==|!=|[=!(),<>])|([^ \t\r\n=!(),<>]+)")
"""Whitespace is skipped by `search`. A pattern for it would make parsing time quadratic."""
_END = ""
_COMPARISONS = {
    "=": Operator.IN,
    "==": Operator.IN,
    "!=": Operator.NOT_IN,
    ">": Operator.GREATER,
    "<": Operator.LESS,
}
_SETS = {"in": Operator.IN, "notin": Operator.NOT_IN}


class _LabelParser:
    """A recursive descent parser with one method per rule of the grammar."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._reached = 0
        self._current = self._read()

    def parse(self) -> tuple[Requirement, ...]:
        if self._peek().text == _END:
            return ()
        requirements = {self._requirement(): None}
        while self._peek().text != _END:
            self._expect(",", expected="',' or the end")
            requirements[self._requirement()] = None
            if len(requirements) > MOST_CONDITIONS:
                raise self._invalid(f"it has more than {MOST_CONDITIONS} requirements")
        return tuple(requirements)

    def _requirement(self) -> Requirement:
        if self._peek().text == "!":
            self._take()
            return Requirement(key=self._key(), operator=Operator.ABSENT)
        key = self._key()
        operator = self._peek().text
        if operator in {",", _END}:
            return Requirement(key=key, operator=Operator.EXISTS)
        if operator in _SETS:
            self._take()
            return Requirement(key=key, operator=_SETS[operator], values=self._set())
        if operator not in _COMPARISONS:
            raise self._wrong(
                self._peek(), expected="an operator (=, ==, !=, in, notin, <, >), ',' or the end"
            )
        self._take()
        return self._comparison(key, operator=_COMPARISONS[operator])

    def _comparison(self, key: str, *, operator: Operator) -> Requirement:
        token = self._peek()
        value = self._value()
        if operator in {Operator.GREATER, Operator.LESS} and not _is_integer(value):
            raise self._wrong(token, expected="an integer")
        return Requirement(key=key, operator=operator, values=frozenset({value}))

    def _set(self) -> frozenset[str]:
        self._expect("(", expected="'('")
        values = {self._value()}
        while self._peek().text == ",":
            self._take()
            values.add(self._value())
        self._expect(")", expected="',' or ')'")
        return frozenset(values)

    def _key(self) -> str:
        token = self._peek()
        if not token.word:
            raise self._wrong(token, expected="a label key")
        if wrong := validation.wrong_label_key(token.text):
            raise self._invalid(f'label key "{token.text}" at position {token.position}: {wrong}')
        return self._take().text

    def _value(self) -> str:
        """A value may be empty: `a=`, `a in (,b)`."""
        token = self._peek()
        if not token.word:
            if token.text in {",", ")", _END}:
                return ""
            raise self._wrong(token, expected="a label value")
        if wrong := validation.wrong_label_value(token.text):
            raise self._invalid(f'label value "{token.text}" at position {token.position}: {wrong}')
        return self._take().text

    def _peek(self) -> _Token:
        return self._current

    def _take(self) -> _Token:
        taken, self._current = self._current, self._read()
        return taken

    def _read(self) -> _Token:
        found = _TOKEN.search(self._text, self._reached)
        if found is None:
            self._reached = len(self._text)
            return _Token(_END, self._reached + 1, word=False)
        self._reached = found.end()
        return _Token(found[0], found.start() + 1, word=found.lastindex == 2)

    def _expect(self, text: str, *, expected: str) -> None:
        if self._peek().text != text:
            raise self._wrong(self._peek(), expected=expected)
        self._take()

    def _wrong(self, token: _Token, *, expected: str) -> errors.BadRequest:
        found = f"'{token.text}'" if token.text else "the end"
        return self._invalid(f"found {found} at position {token.position}, expected {expected}")

    def _invalid(self, why: str) -> errors.BadRequest:
        return errors.BadRequest(f'unable to parse label selector "{self._text}": {why}')


def _is_integer(text: str) -> bool:
    return re.fullmatch(r"[+-]?[0-9]{1,19}", text) is not None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One condition on a field."""

    field: str
    value: str
    equal: bool = True


@dataclasses.dataclass(frozen=True, slots=True)
class FieldSelector:
    """A field selector. All terms must be met; without any, every object matches."""

    terms: tuple[Term, ...] = ()

    @classmethod
    def parse(cls, text: str, *, allowed: frozenset[str] | None = None) -> "FieldSelector":
        """The selector that the text describes. Raises `BadRequest`.

        `allowed` are the fields allowed in addition to those of every object; `None` allows any field.
        """
        if not text:
            return EVERY_FIELD
        if len(text) > LONGEST_FIELD_SELECTOR:
            raise errors.BadRequest(
                f"the field selector has {len(text)} characters; at most {LONGEST_FIELD_SELECTOR} are allowed"
            )
        parts = filter(None, _UNESCAPED_COMMA.findall(text))
        terms = tuple(dict.fromkeys(_term(part, text=text) for part in parts))
        if len(terms) > MOST_CONDITIONS:
            raise errors.BadRequest(
                f'unable to parse field selector "{text}": it has more than {MOST_CONDITIONS} terms'
            )
        if allowed is not None:
            for term in terms:
                _check_field(term.field, allowed=allowed | OBJECT_FIELDS)
        return cls(terms)

    def matches(self, getter: Callable[[str], str]) -> bool:
        """Whether an object is selected. `getter` returns the text of a field, empty if there is none."""
        return all((getter(term.field) == term.value) is term.equal for term in self.terms)

    def value_of(self, field: str) -> str | None:
        """The value that the selector requires of the field; `None` if it requires none."""
        return next((term.value for term in self.terms if term.equal and term.field == field), None)


EVERY_FIELD = FieldSelector()

_UNESCAPED_COMMA = re.compile(r"((?:\\.|[^,\\]|\\$)+)", re.DOTALL)
_TERM = re.compile(r"((?:\\.|[^\\=!]|!(?!=))*)(!=|==|=)(.*)", re.DOTALL)
_VALUE = re.compile(r"(?:\\[\\,=]|[^\\,=])*", re.DOTALL)


def _term(part: str, *, text: str) -> Term:
    match = _TERM.fullmatch(part)
    if match is None:
        raise errors.BadRequest(
            f'unable to parse field selector "{text}": found no operator in "{part}", expected =, == or !='
        )
    field, operator, value = match.groups()
    if not _VALUE.fullmatch(value):
        raise errors.BadRequest(
            f'unable to parse field selector "{text}": in the value "{value}", '
            r"write '\\' for a backslash, '\,' for a comma and '\=' for an equals sign"
        )
    return Term(field=field, value=re.sub(r"\\(.)", r"\1", value), equal=operator != "!=")


def _check_field(field: str, *, allowed: frozenset[str]) -> None:
    if field not in allowed:
        raise errors.BadRequest(
            f"field label not supported: {field} (supported: {', '.join(sorted(allowed))})"
        )
