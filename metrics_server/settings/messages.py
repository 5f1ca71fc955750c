"""Messages for invalid settings, in one line each: what to give instead.

The messages of pydantic say what it found; an operator needs to know what to write.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_REMEDY = re.compile(
    # At the start of a word, but not in a path such as /run/secrets.
    r"(^|\s)(give|make|create|delete|remove|write|run|set|free|save|leave|decrypt|renew|correct|needs|put"
    r"|should|shipped are|read are|is required)\b",
    re.IGNORECASE,
)
_GIVE = {
    "missing": "is required",
    "float_parsing": "give a number of seconds, such as 30",
    "float_type": "give a number of seconds, such as 30",
    "finite_number": "give a finite number",
    "bool_parsing": "give true or false",
    "bool_type": "give true or false",
    "int_parsing": "give a whole number",
    "path_type": "give a path",
    "string_pattern_mismatch": "give a text like {pattern}",
    "string_type": "give a text",
    "string_unicode": "give a text in UTF-8",
    "greater_than": "give a number greater than {gt:g}",
    "greater_than_equal": "give a number of at least {ge:g}",
    "less_than": "give a number less than {lt:g}",
    "less_than_equal": "give a number of at most {le:g}",
}


def of(fault: Mapping[str, Any]) -> str:
    """Return the message for an error of pydantic (an item of `ValidationError.errors()`)."""
    asked = _GIVE.get(fault["type"])
    if asked is not None:
        return asked.format_map(fault.get("ctx", {}))
    return with_remedy(" ".join(str(fault["msg"]).removeprefix("Value error, ").split()))


def with_remedy(reason: str) -> str:
    """Return the reason; with "correct it" if the reason does not say what to do."""
    return reason if _REMEDY.search(reason) else f"{reason}; correct it"
