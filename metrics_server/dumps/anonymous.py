"""Replaces the names in the files of a dump, so that it can be shown to others.

What is not needed to try a profile is left out: comments, exemplars, and of Kubernetes objects everything
but names, labels, owners, selectors and addresses.
"""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

from metrics_server.dumps import dump, exposition, replacement
from metrics_server.profiles import loading, schema, strict_yaml

_YAML = (".yaml", ".yml", ".json")
_KEPT_COMMENTS = ("# TYPE ", "# UNIT ", "# SCRAPE", "# EOF")
_NUMBERS = frozenset({"le", "quantile"})
_OBJECTS = frozenset(
    {
        "apiVersion", "kind", "items", "metadata", "name", "namespace", "labels", "ownerReferences",
        "controller", "spec", "nodeName", "selector", "matchLabels", "workloadIPs", "address", "status",
        "podIP",
        "podIPs", "ip", "rules", "backendRefs",
    }
)  # fmt: skip
"""The keys of Kubernetes objects that an inventory reads."""
_TRUTH = frozenset({"tolerance", "received", "edges", "from", "to", "succeeded", "failed"})
_NAMED_BY_USERS = frozenset({"labels", "selector", "matchLabels", "received"})
"""Keys below which the keys are names, too."""
_PLAIN = frozenset({"apiVersion", "kind"})


def files(
    paths: Sequence[Path],
    *,
    to: Path,
    profiles: Iterable[schema.Profile] | None = None,
    key: bytes | None = None,
) -> list[Path]:
    """Write the files, with other names in them, to the new directory `to`; return the written ones.

    `profiles`: those whose words stay; None: the shipped ones. `key`: decides which name replaces which;
    None: a random one. Raises OSError, ValueError: nothing is written then.
    """
    read = tuple(loading.shipped() if profiles is None else profiles)
    names = Names(replacement.Replacements(key or secrets.token_bytes(32), read), read)
    done = []
    for number, path in enumerate(paths, start=1):
        source = strict_yaml.named(path)
        try:
            text = strict_yaml.text(path, most=dump.LARGEST)
        except (OSError, ValueError) as error:
            raise ValueError(f"{source}: cannot be read: {strict_yaml.unreadable(error)}") from error
        is_yaml = path.suffix in _YAML
        other = names.of_yaml(text, source=source) if is_yaml else names.of_exposition(text, source=source)
        # The names of files may be those of pods.
        done.append((to / f"dump-{number}{path.suffix if is_yaml else '.txt'}", other))
    to.mkdir(parents=True)
    for path, text in done:
        path.write_text(text, encoding="utf-8")
    return [path for path, _ in done]


class Names:
    """Replaces names in texts."""

    def __init__(self, words: replacement.Replacements, profiles: Iterable[schema.Profile]) -> None:
        self._words = words
        views = [view for mesh in profiles for view in mesh.views]
        outcomes = {rule.label for view in views for rule in view.outcome if rule.label}
        self._codes = _NUMBERS | outcomes
        """Labels whose values are no names."""

    def of_exposition(self, text: str, *, source: str) -> str:
        """Return an exposition with other names. Raises dump.BadDump, which names the line."""
        done = []
        for number, line in enumerate(text.splitlines(), start=1):
            try:
                if line.startswith(dump.TARGET):
                    labels, honors = dump.target_of(line)
                    done.append(dump.target_line(self._labels(labels), honors=honors))
                elif line.startswith("#"):
                    done += [line] if line.startswith(_KEPT_COMMENTS) else []
                elif line.strip():
                    done.append(exposition.write(self._sample(exposition.read(line))))
            except exposition.BadLine as error:
                raise dump.BadDump(
                    f"{source}: line {number}: {error}; give the text that the proxies or /federate expose"
                ) from error
        return "".join(f"{line}\n" for line in done)

    def of_yaml(self, text: str, *, source: str) -> str:
        """Return an inventory or a truth with other names. Raises ValueError."""
        try:
            found = strict_yaml.read_all(text)
        except strict_yaml.Malformed as error:
            raise ValueError(f"{source}: not YAML: {error}") from error
        return yaml.safe_dump_all([self._value(one, under="") for one in found], sort_keys=False)

    def _sample(self, sample: exposition.Sample) -> exposition.Sample:
        # Exemplars, after a `#`, have the ids of traces.
        rest = sample.rest.partition("#")[0].rstrip()
        return dataclasses.replace(sample, labels=self._labels(sample.labels), rest=rest)

    def _labels(self, labels: Any) -> dict[str, str]:
        return {
            label: value if label in self._codes else self._words.of(value) for label, value in labels.items()
        }

    def _value(self, given: Any, *, under: str) -> Any:
        """Return a value below the key `under`."""
        if isinstance(given, dict):
            named = under in _NAMED_BY_USERS and "matchLabels" not in given
            return {
                self._words.of(str(key)) if named else key: self._value(
                    value, under="" if named else str(key)
                )
                for key, value in given.items()
                if named or key in _OBJECTS or key in _TRUTH
            }
        if isinstance(given, list):
            return [self._value(one, under=under) for one in given]
        return self._words.of(given) if isinstance(given, str) and under not in _PLAIN else given
