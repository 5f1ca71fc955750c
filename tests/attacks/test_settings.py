"""Whatever a setting names is used, or refused in one line that says which setting, which file and what to do."""

import asyncio
import contextlib
import os
import pathlib
import re
import socket
from collections.abc import Iterator, Mapping
from typing import Any, get_args

import pytest

from metrics_server import opening, presenting, profile, serving, settings, shapes
from tests.attacks import damaged

_TLS = {"prometheus_ca", "prometheus_certificate", "prometheus_key"}
LINE = re.compile(r"--(?P<option>[a-z-]+) \(TRAFFIC_(?P<variable>[A-Z_]+)\): (?P<reason>.+)")
REMEDY = re.compile(
    r"(^|\s)(give|make|create|delete|remove|write|run|set|free|save|leave|decrypt|renew|correct|needs|should)\b",
    re.IGNORECASE,
)
LONGEST = 700


def file_valued() -> list[str]:
    """The settings that name a file or a folder, by their type; and the two that may."""
    typed = [
        name
        for name, field in settings.Settings.model_fields.items()
        if field.annotation is pathlib.Path or pathlib.Path in get_args(field.annotation)
    ]
    return [*typed, "profile", "cluster"]


WRITTEN = {"state", "kubeconfig"}
"""Made by the server, and tested below."""
KINDS: Mapping[str, Mapping[str, damaged.Make]] = {
    "prometheus_ca": damaged.AUTHORITIES,
    "prometheus_certificate": damaged.CERTIFICATE,
    "prometheus_key": {kind: make for kind, make in damaged.KEY.items() if kind != "another's"},
    "prometheus_token": damaged.TOKEN,
    "prometheus_password": damaged.PASSWORD,
    "prometheus_headers": damaged.HEADERS,
    "tls_certificate": damaged.CERTIFICATE,
    "tls_key": {kind: make for kind, make in damaged.KEY.items() if kind != "another's"},
    "inventory": damaged.INVENTORY,
    "policy": damaged.YAML,
    "profile": damaged.YAML | damaged.EMPTY,
    "cluster": damaged.KUBECONFIG,
    "autoscaling_fallback_ca": damaged.AUTHORITIES,
    "autoscaling_fallback_token": damaged.TOKEN,
}
"""What each file holds; of a setting that is not here it is expected that it refuses what nothing can read."""
HARMLESS = {
    ("inventory", "a number without an end"),
    ("policy", "a key of many lines"),
}


class Folder:
    """Good files for every setting, so that one can be damaged."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        self.good = {
            "prometheus_ca": damaged.AUTHORITY.pem,
            "prometheus_certificate": damaged.PAIR.pem,
            "prometheus_key": damaged.PAIR.key_pem,
            "prometheus_token": b"a-token-of-prometheus\n",
            "prometheus_password": b"a-password\n",
            "prometheus_headers": b"X-Scope-OrgID: shop\n",
            "tls_certificate": damaged.PAIR.pem,
            "tls_key": damaged.PAIR.key_pem,
            "autoscaling_fallback_ca": damaged.AUTHORITY.pem,
            "autoscaling_fallback_token": b"a-token-of-the-pod\n",
            "inventory": b"kind: Namespace\nmetadata: {name: shop}\n",
        }

    def at(self, name: str) -> pathlib.Path:
        return self.path / f"{name}.yaml"

    def write(self, *names: str) -> dict[str, pathlib.Path]:
        for name in names:
            self.at(name).write_bytes(self.good[name])
        return {name: self.at(name) for name in names}

    def given(self, name: str) -> dict[str, Any]:
        """Settings with this one, and those that it needs; its own file is still to be made."""
        with_it: dict[str, tuple[str, ...]] = {
            "prometheus_certificate": ("prometheus_key",),
            "prometheus_key": ("prometheus_certificate",),
            "tls_certificate": ("tls_key",),
            "tls_key": ("tls_certificate",),
            "autoscaling_fallback_ca": ("autoscaling_fallback_token",),
            "autoscaling_fallback_token": ("autoscaling_fallback_ca",),
        }
        others: dict[str, Any] = {}
        if name.startswith("tls_"):
            others = {"cluster": "in-cluster"}
        elif name.startswith("autoscaling_"):
            others = {"autoscaling": True, "autoscaling_fallback": "adapter.monitoring"}
        elif name == "prometheus_password":
            others = {"prometheus_username": "reader"}
        files = self.write(*with_it.get(name, ()))
        value = self.at(name) if name in settings.Settings.model_fields else None
        text = str(value) if name in ("profile", "cluster") else value
        url = "https://127.0.0.1:1" if name in _TLS else "http://127.0.0.1:1"
        return {"prometheus": url, "state": self.path / "state", **others, **files, name: text}


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> Folder:
    return Folder(tmp_path)


def refused(**given: Any) -> list[str]:
    """The lines with which settings are refused; none where they are used."""
    try:
        chosen = settings.load(**given)
        if chosen.cluster not in (None, "in-cluster") or chosen.kubeconfig is not None:
            asyncio.run(asyncio.wait_for(serving.serve(chosen), 20))
    except settings.BadSettings as error:
        return str(error).splitlines()
    return str(opening.mistakes(chosen, first=settings.BadSettings(""))).splitlines()


def cases() -> list[tuple[str, str]]:
    fields = [name for name in file_valued() if name not in WRITTEN]
    return [(name, kind) for name in fields for kind in KINDS.get(name, damaged.ANY)]


def check_line(line: str, *, setting: str, path: pathlib.Path | None) -> None:
    found = LINE.fullmatch(line)
    assert found is not None, line
    assert found["variable"].lower() == found["option"].replace("-", "_")
    assert found["variable"].lower() == setting, line
    if path is not None:
        assert str(path) in line
    assert REMEDY.search(found["reason"]), line
    assert "Traceback (most recent call last)" not in line
    assert line.isprintable(), line
    assert len(line) < LONGEST, line


@pytest.mark.parametrize(("name", "kind"), cases())
@pytest.mark.timeout(60)
def test_a_damaged_file_is_refused_in_one_sentence(folder: Folder, name: str, kind: str) -> None:
    given = folder.given(name)
    KINDS.get(name, damaged.ANY)[kind](folder.at(name))
    lines = refused(**given)
    if (name, kind) in HARMLESS and not lines:
        return
    assert lines, f"{name} takes {kind}"
    for line in lines[:1] if name in ("inventory", "profile", "policy") else lines:
        check_line(line, setting=name, path=folder.at(name))
    assert len(lines) == 1 or name in ("inventory", "profile", "policy")
    assert len(lines) <= 21
