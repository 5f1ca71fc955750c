"""Sentences for the user beside an answer, as `Warning` headers, which kubectl prints.

Pure. Repeated ones are said once, and all of them together stay small enough for any client.
https://www.rfc-editor.org/rfc/rfc7234#section-5.5
"""

from collections.abc import Sequence

_LONGEST = 256
"""Characters of one warning, as in the kube-apiserver."""
_ALL = 4096
"""Bytes of all warnings of an answer, as in the kube-apiserver."""


def headers(texts: Sequence[str]) -> list[tuple[str, str]]:
    if not texts:
        return []
    room, found = _ALL, []
    for text in dict.fromkeys(map(_quoted, texts)):
        room -= len(text.encode())
        if room < 0:
            break
        found.append(("Warning", f"299 - {text}"))
    return found


def _quoted(text: str) -> str:
    """A quoted-string, without anything that would end a header."""
    plain = "".join(character if character.isprintable() else " " for character in text)[:_LONGEST]
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'
