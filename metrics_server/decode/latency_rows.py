"""Assigns each bucket, native histogram or quantile to the row whose latency it describes. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from metrics_server.decode import histograms, reporters
from metrics_server.model import validation
from metrics_server.profiles import endpoints, fields, schema
from metrics_server.query import plan


class LatencyRows:
    """Assigns the latency series of one mesh to rows."""

    def __init__(self, mesh: schema.Profile, who: reporters.Identities) -> None:
        self._who = who
        self._is_marked = plan.is_marked(mesh)
        self._timed = [(number, view, view.latency) for number, view in enumerate(mesh.views) if view.latency]
        self._asked = {plan.MARK}.union(
            *(plan.bucket_labels(view, mesh.target) for _, view, _ in self._timed)
        )

    def line(self, labels: Mapping[str, str]) -> histograms.Line | None:
        """Return the line of a series with these labels; None if its view, reporter or peer does not count.

        Raises faults.BackendRefused for labels that the query does not return.
        """
        validation.asked(labels, self._asked)
        for number, view, latency in self._timed:
            if self._is_of(number, view, labels):
                ends = self._who.known_ends(number, labels)
                if ends is None:
                    return None
                row = (histograms.SIDES.index(view.side), *ends)
                if latency.quantile_label is None:
                    return histograms.Line(row, latency.scale)
                return histograms.Line(row, latency.scale, _quantile(labels[latency.quantile_label]))
        return None

    def _is_of(self, number: int, view: schema.SideSeries, labels: Mapping[str, str]) -> bool:
        if self._is_marked:
            return labels.get(plan.MARK) == str(number)
        if isinstance(view.peer, endpoints.NamedEndpoint) and view.peer.label not in labels:
            return False  # `Named` needs its label; the labels of `Labelled` may all be empty
        if view.latency and view.latency.quantile_label and view.latency.quantile_label not in labels:
            return False
        return fields.all_match(view.match, labels)


def _quantile(text: str) -> float | None:
    """Return the quantile, 0 to 1, that a label value such as `0.99` or `P99` names; None if it names
    none.
    """
    lower = text.lower()
    try:
        value = float(lower.removeprefix("p")) / (100 if lower.startswith("p") else 1)
    except ValueError:
        return None
    return round(value, 9) if 0 <= value <= 1 else None
