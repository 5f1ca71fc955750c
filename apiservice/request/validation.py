"""Kubernetes' syntax rules for label keys, label values and path segments.
https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
"""

import re

_NAME = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*")
_NAME_LENGTH = 63
_SUBDOMAIN_LENGTH = 253

_NAME_RULE = "must be letters, digits, '-', '_' or '.', and begin and end with a letter or digit"


def wrong_label_key(key: str) -> str | None:
    """Why this is not a label key, as a phrase for an error message; `None` if it is one."""
    prefix, slash, name = key.rpartition("/")
    if slash and (len(prefix) > _SUBDOMAIN_LENGTH or not _SUBDOMAIN.fullmatch(prefix)):
        return f"its prefix must be a DNS subdomain of at most {_SUBDOMAIN_LENGTH} characters"
    if len(name) > _NAME_LENGTH:
        return f"its name must be at most {_NAME_LENGTH} characters long"
    if not _NAME.fullmatch(name):
        return f"its name {_NAME_RULE}"
    return None


def wrong_label_value(value: str) -> str | None:
    """Why this is not a label value, as a phrase for an error message; `None` if it is one."""
    if len(value) > _NAME_LENGTH:
        return f"it must be at most {_NAME_LENGTH} characters long"
    if value and not _NAME.fullmatch(value):
        return f"it {_NAME_RULE}"
    return None


def is_path_segment(name: str) -> bool:
    """Whether the name can be one segment of a path."""
    return name not in {".", ".."} and "/" not in name and "%" not in name
