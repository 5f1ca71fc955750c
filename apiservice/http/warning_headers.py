"""Warnings for the user → `Warning` headers of the answer, which kubectl prints.

Pure. Duplicates are removed, and the total size is limited.
https://www.rfc-editor.org/rfc/rfc7234#section-5.5
"""

from collections.abc import Sequence

_LONGEST = 256
"""Characters of one warning, as in the kube-apiserver."""
_ALL = 4096
"""Bytes of all warnings of an answer, as in the kube-apiserver."""


def headers(texts: Sequence[str]) -> list[tuple[str, str]]:
    """One header (name and value) per text. Texts beyond the total size are left out."""
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
    """The text as a quoted-string, without line breaks and control characters, cut to its greatest length."""
    plain = "".join(character if character.isprintable() else " " for character in text)[:_LONGEST]
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'
