"""Guesses from labels what they say about a request: its ends, its outcome, its side. Pure.

The guesses are for a proposal that a person reads and tries, and never for figures that are served.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from metrics_server.model import kinds

Values = Mapping[str, Collection[str]]
"""The values of each label in a sample of series."""

_NAMEABLE = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_CALLEE = re.compile(
    r"^(?:exported_)?(?:.*_)?(destination|dest|dst|target|remote|upstream|callee|server|backend|peer|to)(?:_(.+))?$"
)
_CALLER = re.compile(
    r"^(?:exported_)?(?:.*_)?(source|src|caller|downstream|client|consumer|from|origin)(?:_(.+))?$"
)
_PARTS = (
    ("namespace", ("workload_namespace", "namespace", "namespace_name", "ns", "service_namespace")),
    ("pod", ("pod", "pod_name")),
    ("kind", ("workload_kind", "workload_type", "owner_kind", "kind")),
    ("service", ("service_name", "service", "svc", "canonical_service")),
    ("machine", ("external_workload",)),
    ("workload", ("workload", "workload_name", "application", "app", "app_id", "app_name", "name", "id")),
)
"""The keys of a profile, each with the words after `source_` or `destination_`, the most exact first."""
_KINDS = {
    "deployment": "Deployment", "statefulset": "StatefulSet", "daemonset": "DaemonSet", "cronjob": "CronJob",
    "job": "Job", "replicaset": "ReplicaSet", "replicationcontroller": "ReplicationController",
}  # fmt: skip
_OBJECT = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
_QUALIFIED = re.compile(r".*[.](?:svc|serviceaccount|local|com|net|org|io|example|internal)(?:[.].*)?")
_NAMED = re.compile(
    r"(?:^|_)(?:host|authority|address|cluster_name|cluster|ip|endpoint|fqdn|principal|id|service|name)$"
)
_OF_SCRAPE = frozenset({"__name__", "job", "instance", "le", "quantile"})
_TARGET_NAMESPACE = (
    "namespace",
    "kubernetes_namespace",
    "k8s_namespace_name",
    "exported_namespace",
    "pod_namespace",
)
TARGET_POD = ("pod", "kubernetes_pod_name", "k8s_pod_name", "exported_pod", "pod_name")

_CODE = re.compile(r"[1-5][0-9]{2}")
_CLASS = re.compile(r"[1-5]xx")
_DIGIT = re.compile(r"[1-5]")
_GRPC_CODES = (
    "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
    "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE",
    "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
)  # fmt: skip
"""By their numbers."""
_GRPC_FAILURES = (2, 4, 12, 13, 14, 15)
_SIDES = {
    kinds.Side.CLIENT: frozenset(
        {"outbound", "source", "client", "egress", "sent", "span_kind_client", "out"}
    ),
    kinds.Side.SERVER: frozenset(
        {"inbound", "destination", "server", "ingress", "received", "span_kind_server", "in"}
    ),
}
_GOOD = frozenset({"success", "ok", "succeeded", "pass", "passed"})
_BAD = frozenset({"failure", "failed", "error", "fail", "errors"})
_PATH = re.compile(r"path|route|uri|url|agent|handler|endpoint|method|operation")
"""Labels that say what was asked for, or by which program."""
_PROBE = re.compile(
    r"(?:GET )?/?(?:healthz?|health/.*|livez?|liveness|readyz?|readiness|startupz?|metrics|ping)/?"
    r"|(?:GET )?/stats/prometheus"
    r"|probe|kube-probe.*|Prometheus/.*|grpc[.]health[.]v1[.]Health/?.*",
    re.IGNORECASE,
)
_TRUE = frozenset({"true", "1", "yes"})
_FALSE = frozenset({"false", "0", "no"})


@dataclass(frozen=True, slots=True)
class Rule:
    """An outcome, and the values of the label that have it."""

    label: str
    matches: str
    outcome: str


@dataclass(frozen=True, slots=True)
class End:
    """The labels that name one end of a request, by the key of a profile."""

    labels: Mapping[str, Sequence[str]]
    """Keys: `namespace`, `pod`, `workload`, `kind`, `service`, `machine`."""
    kinds: Mapping[str, str] = field(default_factory=dict)
    """Labels whose value is the name of a workload of this kind."""
    named: str = ""
    """A single label whose value names the end; then the others are empty."""

    @property
    def names(self) -> list[str]:
        """The labels that name it."""
        return (
            [self.named]
            if self.named
            else [*(one for each in self.labels.values() for one in each), *self.kinds]
        )


@dataclass(frozen=True, slots=True)
class SideLabel:
    """A label that says at which end a request was observed, and its value for each side."""

    label: str
    values: Mapping[kinds.Side, str]


def values_of(series: Iterable[Mapping[str, str]]) -> dict[str, set[str]]:
    """Return the values of each label in some series, without labels that no profile can name."""
    found: dict[str, set[str]] = {}
    for labels in series:
        for label, value in labels.items():
            if value and _NAMEABLE.fullmatch(label):
                found.setdefault(label, set()).add(value)
    return found


def end(values: Values, *, callee: bool, taken: Collection[str] = ()) -> End | None:
    """Return the labels that name the callee or the caller; None if none looks like it. `taken`: labels that
    have another meaning.
    """
    pattern = _CALLEE if callee else _CALLER
    labels = sorted(set(values) - _OF_SCRAPE - set(taken) - {*_TARGET_NAMESPACE, *TARGET_POD})
    matched = {label: found[2] or "" for label in labels if (found := pattern.match(label))}
    ranked = sorted((place, label) for label, word in matched.items() if (place := _place(word)) is not None)
    parts: dict[str, list[str]] = {}
    for (number, _), label in ranked:
        key = _PARTS[number][0]
        if all(map(_is_kind if key == "kind" else _is_object, _known(values[label]))):
            parts.setdefault(key, []).append(label)
    of_kinds = {label: _KINDS[word] for label, word in matched.items() if word in _KINDS}
    if of_kinds or {"pod", "workload", "service", "machine"} & set(parts):
        return End(parts, kinds=of_kinds)
    single = [label for label, word in matched.items() if not word or _NAMED.search(word)]
    if callee and not single:
        single = [
            label for label in labels if _NAMED.search(label) and label != "host" and not _CALLER.match(label)
        ]
    # A name with a namespace in it is worth more than a bare one.
    single.sort(key=lambda label: -sum(map(bool, map(_QUALIFIED.fullmatch, values[label]))))
    return End({}, named=single[0]) if single else None


def _place(word: str) -> tuple[int, int] | None:
    """Return which key of a profile a word means, and how exactly: indices in `_PARTS`."""
    for number, (_, words) in enumerate(_PARTS):
        for rank, one in enumerate(words):
            if word == one or word.endswith(f"_{one}"):
                return number, rank
    return None


def _is_object(value: str) -> bool:
    """Return whether a value is the name of an object alone, and not one with its namespace or domain."""
    return bool(_OBJECT.fullmatch(value)) and not _QUALIFIED.fullmatch(value)


def _is_kind(value: str) -> bool:
    """Return whether a value looks like a kind of Kubernetes objects."""
    return value.lower() in _KINDS or bool(re.fullmatch(r"([A-Z][a-z]+)+", value))


def _known(values: Collection[str]) -> Collection[str]:
    """Return the values that name something."""
    return [value for value in values if value.lower() not in ("", "unknown", "none", "-")]


def side_label(values: Values) -> SideLabel | None:
    """Return the label that says at which end a request was observed; None if there is none."""
    for label in sorted(set(values) - _OF_SCRAPE):
        there = {
            side: value for side, known in _SIDES.items() for value in values[label] if value.lower() in known
        }
        if there and len(there) == len(values[label]):
            return SideLabel(label, there)
    return None


def ignored(values: Values) -> dict[str, list[str]]:
    """Return the values of each label that look like probes, scrapes and the like, and not like traffic."""
    found = {
        label: sorted(value for value in known if _PROBE.fullmatch(value))
        for label, known in values.items()
        if label not in _OF_SCRAPE and _PATH.search(label)
    }
    return {label: probes for label, probes in sorted(found.items()) if probes}


def outcome(values: Values) -> list[Rule]:
    """Return the rules for failures and mistakes of callers, without the one for all others."""
    rules: list[Rule] = []
    for label in sorted(set(values) - _OF_SCRAPE, key=lambda one: ("grpc" in one, one)):
        rules += _rules(label, values[label]) if not any(rule.label == label for rule in rules) else []
    return rules


def _rules(label: str, values: Collection[str]) -> list[Rule]:
    known = {value for value in values if value not in ("", "0", "-", "unknown")}
    lower, status = {value.lower() for value in values}, re.search(r"code|status|class|result|outcome", label)
    if known and status and all(_CODE.fullmatch(value) for value in known):
        return [Rule(label, "5..", "failure"), Rule(label, "4..", "client-error")]
    if status and known and all(map(str.isdecimal, known)) and any(map(_CODE.fullmatch, known)):
        # Codes of HTTP and of gRPC in one label.
        return [Rule(label, "5..", "failure"), Rule(label, "4..", "client-error"), *_grpc(label, ())]
    if known and all(_CLASS.fullmatch(value.lower()) for value in known):
        return [Rule(label, "5[xX]{2}", "failure"), Rule(label, "4[xX]{2}", "client-error")]
    if known and "class" in label and all(_DIGIT.fullmatch(value) for value in known):
        return [Rule(label, "5", "failure"), Rule(label, "4", "client-error")]
    if "grpc" in label or (status and known <= set(_GRPC_CODES) and known):
        return _grpc(label, values) if status else []
    if re.search(r"error|fail", label) and lower <= _TRUE | _FALSE:
        return [Rule(label, "|".join(sorted(_TRUE)), "failure")]
    if re.search(r"success|^ok$", label) and lower <= _TRUE | _FALSE:
        return [Rule(label, "|".join(sorted(_FALSE)), "failure")]
    if lower & (_GOOD | _BAD) and lower <= _GOOD | _BAD | {"", "unknown"}:
        bad = sorted({value for value in values if value.lower() in _BAD} or _BAD)
        return [Rule(label, "|".join(bad), "failure")]
    return []


def _grpc(label: str, values: Collection[str]) -> list[Rule]:
    """Return the rules for the status of gRPC, by names or by numbers, as the values are."""
    by_number = not any(value in _GRPC_CODES for value in values)
    names = [str(number) if by_number else name for number, name in enumerate(_GRPC_CODES)]
    failures = [names[number] for number in _GRPC_FAILURES]
    mistakes = [name for name in names[1:] if name not in failures]
    return [Rule(label, "|".join(failures), "failure"), Rule(label, "|".join(mistakes), "client-error")]


def target(values: Values) -> dict[str, Sequence[str]]:
    """Return the labels that name the namespace and the pod of a scrape target, where they are unusual."""
    found = {
        "namespace": [label for label in _TARGET_NAMESPACE if label in values],
        "pod": [label for label in TARGET_POD if label in values],
    }
    usual = {"namespace": "namespace", "pod": "pod"}
    return {key: labels for key, labels in found.items() if labels and labels[0] != usual[key]}
