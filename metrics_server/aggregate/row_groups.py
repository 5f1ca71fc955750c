"""Puts rows into groups: the rows of a reporter or peer belong to the groups of its resources. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from metrics_server.model import kinds, number_types


def number(
    groups: Sequence[tuple[kinds.Ref, ...]],
) -> tuple[list[kinds.Ref], list[tuple[number_types.GroupNumber, ...]]]:
    """Return the distinct resources in `groups`, and `groups` with their indices in place of them."""
    numbers: dict[kinds.Ref, int] = {}
    numbered = [tuple(numbers.setdefault(ref, len(numbers)) for ref in group) for group in groups]
    return list(numbers), cast("list[tuple[number_types.GroupNumber, ...]]", numbered)


def spread(
    member: number_types.ReporterNumbers | number_types.PeerNumbers,
    groups: Sequence[tuple[number_types.GroupNumber, ...]],
) -> tuple[number_types.RowNumbers, number_types.GroupNumbers]:
    """Return each row once for every group of its member, as (row, group): int64 arrays of one length.

    `member`: int64, one per row: the number of its reporter or peer. `groups`: the groups of each member.
    """
    sizes = np.array([len(group) for group in groups], dtype=np.int64)
    flat = np.array([number for group in groups for number in group], dtype=np.int64)
    begins = np.cumsum(sizes) - sizes
    per_row = sizes[member]
    row = np.repeat(np.arange(len(member)), per_row)
    step = np.arange(len(row)) - np.repeat(np.cumsum(per_row) - per_row, per_row)
    return row, flat[begins[member[row]] + step]
