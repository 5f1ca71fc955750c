"""The file of a setting is used, or refused in one line with the setting, the file and the remedy."""

import asyncio
import codecs
import contextlib
import os
import pathlib
import re
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_args

import multidict
import pytest

from apiservice.authn import authenticator
from apiservice.http import errors
from metrics_server.profiles import loading
from metrics_server.server import access, inventory_source, server, setting_files, start_warnings
from metrics_server.settings import mistakes, settings
from metrics_server.upstream import credential_files
from tests.attacks import damaged

URL = "http://127.0.0.1:1"
_TLS = {"prometheus_ca", "prometheus_certificate", "prometheus_key"}
LINE = re.compile(r"--(?P<option>[a-z-]+) \(TRAFFIC_(?P<variable>[A-Z_]+)\): (?P<reason>.+)")
REMEDY = re.compile(
    r"(^|\s)(give|make|create|delete|remove|write|run|set|free|save|leave|decrypt|renew|correct|needs|should)\b",
    re.IGNORECASE,
)
LONGEST = 700


def file_valued() -> list[str]:
    """The settings whose type is a file or a folder, and the two that may contain one."""
    typed = [
        name
        for name, field in settings.Settings.model_fields.items()
        if field.annotation is pathlib.Path or pathlib.Path in get_args(field.annotation)
    ]
    return [*typed, "profile", "cluster"]


WRITTEN = {"state", "kubeconfig"}
"""The server creates these; they are tested below."""
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
    "profile": {**damaged.YAML, **damaged.EMPTY},
    "cluster": damaged.KUBECONFIG,
    "autoscaling_fallback_ca": damaged.AUTHORITIES,
    "autoscaling_fallback_token": damaged.TOKEN,
    "profile_pack": {kind: make for kind, make in damaged.ANY.items() if kind != "a directory"},
}
"""The content of each file; a setting that is not listed must refuse the damage in `ANY`."""
_NO_FILES = {"cluster", "profile", "profile_pack", "tls_certificate", "tls_key"}
"""Settings whose value may be something else than one file, or a file that is used only with another."""
HARMLESS = {
    ("inventory", "a number without an end"),
    ("policy", "a key of many lines"),
}


class Folder:
    """Good files for every setting, one of which can be damaged."""

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
        """The settings with this one, and those that it needs; its own file is still to be created."""
        with_it: dict[str, tuple[str, ...]] = {
            # With an authority, because loading the machine's own takes long.
            "prometheus_certificate": ("prometheus_key", "prometheus_ca"),
            "prometheus_key": ("prometheus_certificate", "prometheus_ca"),
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
    """The lines with which settings are refused; none if they are accepted."""
    try:
        chosen = settings.load(**given)
        if chosen.cluster not in (None, "in-cluster") or chosen.kubeconfig is not None:
            asyncio.run(asyncio.wait_for(server.serve(chosen), 20))
    except mistakes.BadSettings as error:
        return str(error).splitlines()
    return str(setting_files.all_mistakes(chosen, first=mistakes.BadSettings(""))).splitlines()


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


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda state: state.write_text("hello"), "give a directory, or remove the file"),
        (lambda state: state.symlink_to("/dev/full"), "give a directory, or remove the file"),
        (lambda state: state.symlink_to("/proc/none"), "give"),
        (lambda state: state.symlink_to(state), "give a directory, or remove the file"),
        (lambda state: (state / "token").mkdir(parents=True), "give a file"),
        (lambda state: _written(state / "token", b"x"), "is easily guessed: delete it"),
        (lambda state: _written(state / "token", b"\xff\xfe\x00"), "delete it to have a new token made"),
        (lambda state: _written(state / "token", b""), "is empty: delete it"),
        (lambda state: _written(state / "ca.pem", b"hello"), "delete it to have it made"),
        (lambda state: _written(state / "ca.pem", damaged.ENCRYPTED + damaged.PAIR.pem), "delete it"),
        (lambda state: _written(state / "ca.pem", damaged.OTHER.key_pem + damaged.PAIR.pem), "delete it"),
        (lambda state: _written(state / "ca.pem", damaged.PAIR.pem), "delete it to have it made"),
        (lambda state: _written(state / "serving.pem", damaged.PAIR.key_pem), "delete it to have it made"),
        (lambda state: (state / "ca.crt").mkdir(parents=True), "give a file"),
        (lambda state: _linked(state / "token", "/dev/zero"), "give a regular file"),
        (lambda state: _linked(state / "serving.pem", "/dev/zero"), "it made"),
    ],
)
def test_a_state_that_cannot_be_used_is_refused_in_one_sentence(
    tmp_path: pathlib.Path, damage: damaged.Make, why: str
) -> None:
    damage(tmp_path / "state")
    (line,) = served(state=tmp_path / "state")
    check_line(line, setting="state", path=tmp_path / "state")
    assert why in line


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/proc/none/kubeconfig", "give"),
        ("/dev/null", "give a path for a regular file"),
        ("/dev/full", "give a path for a regular file"),
        (".", "give a file, not a directory"),
        ("file/kubeconfig", "give a directory, or remove the file"),
        ("x" * 300, "give a shorter path"),
    ],
)
def test_a_kubeconfig_that_cannot_be_written_is_refused_in_one_sentence(
    tmp_path: pathlib.Path, path: str, why: str
) -> None:
    (tmp_path / "file").write_text("here")
    device = pathlib.Path("/dev/null").stat()
    (line,) = served(state=tmp_path / "state", kubeconfig=tmp_path / path, listen="127.0.0.1:0")
    check_line(line, setting="kubeconfig", path=None)
    assert why in line
    assert pathlib.Path("/dev/null").stat() == device


@pytest.mark.parametrize(
    ("listen", "why"),
    [
        ("127.0.0.1:{taken}", "another program listens there; give another port"),
        ("nowhere.invalid:0", "this name has no address; give another name"),
        ("192.0.2.1:0", "this machine has no such address; give one of its own"),
        ("[2001:db8::1]:0", "give"),
    ],
)
def test_an_address_that_cannot_be_listened_on_is_refused_in_one_sentence(
    tmp_path: pathlib.Path, listen: str, why: str
) -> None:
    with taken_port() as port:
        (line,) = served(state=tmp_path / "state", listen=listen.format(taken=port))
    check_line(line, setting="listen", path=None)
    assert why in line


@pytest.mark.parametrize(
    "listen",
    [
        "[::1",
        "::1]:1",
        "[::1]",
        "[127.0.0.1]:1",
        "[fe80::1%lo]:1",
        "a b:1",
        "a\x00:1",
        "é.example:1",
        "*:1",
        "a:٣",
        "a:" + "9" * 5000,
        "a" * 5000 + ":1",
        "a..b:1",
        "-:1",
        "http://a:1",
    ],
)
def test_what_is_no_address_is_refused_with_an_example(listen: str) -> None:
    with pytest.raises(mistakes.BadSettings) as refusal:
        settings.load(prometheus=URL, listen=listen)
    check_line(str(refusal.value), setting="listen", path=None)


def numbers() -> list[str]:
    return [
        name for name, field in settings.Settings.model_fields.items() if field.annotation in (float, int)
    ]


ODD = [
    "nan",
    "inf",
    "-inf",
    "1e999",
    "-1",
    "soon",
    "0x10",
    "1_0__0",
    "٣s",
    " ",
    "9" * 5000,
    "\udcff",
    "\x1b[31m",
]


@pytest.mark.parametrize("value", ODD, ids=range(len(ODD)))
def test_odd_numbers_are_used_or_refused_each_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    for name in numbers():
        monkeypatch.setenv(f"TRAFFIC_{name.upper()}", value)
    lines: dict[str, str] = {}
    try:
        chosen = settings.load(prometheus=URL)
    except mistakes.BadSettings as refusal:
        lines = {_setting(line): line for line in str(refusal).splitlines()}
        for name, line in lines.items():
            check_line(line, setting=name, path=None)
    else:
        assert all(0 <= float(getattr(chosen, name)) < float("inf") for name in numbers())


ODD_TEXTS = ["\udcff", "x" * 100_000, "\x1b[31m", "a\nb", "%s{0}", "../../etc/passwd", "'\""]


@pytest.mark.parametrize("value", ODD_TEXTS, ids=range(len(ODD_TEXTS)))
def test_odd_texts_are_used_or_refused_in_lines(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path, value: str
) -> None:
    monkeypatch.chdir(tmp_path)
    files = ("prometheus_token", "prometheus_headers", "inventory", "policy", "profile", "state")
    for names in (tuple(settings.Settings.model_fields), files):
        given = {"prometheus": URL} if names is files else {}
        with monkeypatch.context() as environment:
            for name in names:
                environment.setenv(f"TRAFFIC_{name.upper()}", value)
            try:
                chosen = settings.load(**given)
                lines = str(setting_files.all_mistakes(chosen, first=mistakes.BadSettings(""))).splitlines()
            except mistakes.BadSettings as refusal:
                lines = str(refusal).splitlines()
        assert len({_setting(line) for line in lines}) >= 3
        for line in lines:
            assert line.isprintable()
            assert len(line) < LONGEST


def _setting(line: str) -> str:
    found = LINE.fullmatch(line)
    assert found is not None, line
    return found["variable"].lower()


def test_all_files_that_are_wrong_are_told_at_once(folder: Folder) -> None:
    names = ("prometheus_token", "prometheus_headers", "inventory", "policy")
    given = {name: folder.at(name) for name in names} | {"profile": f"{folder.at('profile')}"}
    lines = served(state=folder.path / "state", **given)
    assert {LINE.fullmatch(line)["variable"].lower() for line in lines} >= {*given} - {"policy"}  # type: ignore[index]


@pytest.fixture
def open_folder() -> Iterator[Folder]:
    """A folder that every user may read."""
    with tempfile.TemporaryDirectory() as path:
        pathlib.Path(path).chmod(0o755)
        yield Folder(pathlib.Path(path))


def test_a_file_that_this_user_may_not_read_is_refused_in_one_sentence(open_folder: Folder) -> None:
    # Load first what only a user with all rights can load.
    loading.shipped()
    codecs.lookup("utf-8-sig")
    folder = open_folder
    for name in sorted(set(file_valued()) - WRITTEN - _NO_FILES):
        given = folder.given(name)
        folder.at(name).write_bytes(b"x")
        folder.at(name).chmod(0)
        with nobody():
            lines = refused(**given)
        (line,) = [line for line in lines if line.startswith(f"--{name.replace('_', '-')} ")]
        check_line(line, setting=name, path=folder.at(name))
        assert "Permission denied; " in line
        folder.at(name).unlink()


def test_unknown_variables_are_named_with_the_nearest_setting(tmp_path: pathlib.Path) -> None:
    environment = {
        "TRAFFIC_PROMETEUS": URL,
        "TRAFFIC_STALE": "5",
        "TRAFFIC_WINDOW": "30",
        "TRAFFIC_\x1b[31m": "x",
        "TRAFFIC_DASHBOARD_LISTEN": "x",
        "TRAFFIC_SERVICE_HOST": "10.0.0.1",
        "TRAFFIC_PORT_443_TCP_ADDR": "10.0.0.1",
        "PATH": "/bin",
    }
    lines = list(start_warnings.warnings(settings.load(prometheus=URL, state=tmp_path), environment))
    assert len(lines) == 3
    assert "TRAFFIC_PROMETEUS is not a setting of this server; did you mean TRAFFIC_PROMETHEUS?" in lines[1]
    assert "TRAFFIC_STALE is" in lines[2]
    assert "TRAFFIC_STALE_AFTER?" in lines[2]
    assert all(line.isprintable() for line in lines)


def test_every_setting_that_holds_a_secret_is_warned_of_when_others_may_read_it(folder: Folder) -> None:
    secret = re.compile(r"key|token|password|headers")
    named = {name for name in file_valued() if secret.search(name)}
    assert named == set(start_warnings.SECRETS)
    for name in sorted(named - {"tls_key"}):
        given = folder.given(name) | folder.write(name)
        chosen = settings.load(**given)
        path = folder.at(name)
        for mode, is_open in ((0o640, True), (0o604, True), (0o600, False), (0o400, False)):
            path.chmod(mode)
            said = [line for line in start_warnings.warnings(chosen, {}) if str(path) in line]
            assert bool(said) is is_open
            if is_open:
                assert f"--{name.replace('_', '-')}: " in said[0]
                assert f"chmod 600 {path}" in said[0]


def reloaded() -> dict[str, tuple[str, ...]]:
    """The settings whose files are read again; the others are read only at the start."""
    return {
        name: tuple(KINDS[name])
        for name in KINDS
        if name not in {"policy", *_NO_FILES} or name.startswith("tls_")
    }


@pytest.mark.parametrize("name", [name for name in reloaded() if not name.startswith("tls_")])
def test_a_file_damaged_later_changes_nothing_and_is_told_in_one_sentence(
    folder: Folder, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    chosen = settings.load(**(folder.given(name) | folder.write(name)))
    path = folder.at(name)
    for kind in reloaded()[name]:
        path.write_bytes(folder.good[name])
        current = following(chosen, name)
        before = current()
        caplog.clear()
        path.unlink()
        KINDS[name][kind](path)
        for _ in range(3):
            assert current() is before or current() == before, kind
        said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
        path.unlink(missing_ok=True) if not path.is_dir() else path.rmdir()
        if (name, kind) in HARMLESS and not said:
            continue
        assert len(said) == 1, (kind, said)
        assert f"--{name.replace('_', '-')}" in said[0]
        assert str(path) in said[0]
        assert REMEDY.search(said[0]), (kind, said)
        assert said[0].isprintable()


def following(chosen: settings.Settings, name: str) -> Callable[[], object]:
    """Return the object that uses a part of the settings."""
    if chosen.inventory is not None:
        file = inventory_source.of_file(chosen, chosen.inventory)
        return file.current
    now = (
        credential_files.fallback(chosen)
        if name.startswith("autoscaling")
        else credential_files.current(chosen)
    )
    assert now is not None
    return lambda: ((shown := now()).headers, shown.tls)


async def test_a_replaced_token_is_used_without_a_restart(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock, path = [0.0], tmp_path / "token"
    chosen = settings.load(prometheus=URL, state=tmp_path, kubeconfig=tmp_path / "kubeconfig")
    admits = access.by_token(chosen, clock=lambda: clock[0])
    admits.announce("https://127.0.0.1:1")

    async def is_admitted(token: str) -> bool:
        headers = multidict.CIMultiDictProxy(multidict.CIMultiDict(Authorization=f"Bearer {token}"))
        try:
            user = await admits.authenticator.authenticate(authenticator.Credentials(headers=headers))
        except errors.Unauthorized:
            return False
        return user is not None

    old, new = path.read_text().strip(), "another-token-of-some-length"
    assert await is_admitted(old)
    path.write_text(new)
    clock[0] = 3.0
    assert await is_admitted(new)
    assert not await is_admitted(old)
    assert new in (tmp_path / "kubeconfig").read_text()
    for number, damage in enumerate((b"", b"x", b"\xff\xfe", b"two words of length")):
        caplog.clear()
        path.write_bytes(damage)
        clock[0] += 100.0
        assert await is_admitted(new)
        assert not await is_admitted(damage.decode("latin-1"))
        (said,) = [text for text in caplog.messages if "cannot be used" in text]
        assert said.startswith(f"--state: {path} "), number
        assert "delete it" in said
    path.unlink()
    clock[0] += 100.0
    assert await is_admitted(new)


def served(**given: Any) -> list[str]:
    """The lines with which a server refuses to start; by default because another program listens."""
    with taken_port() as port:
        try:
            chosen = settings.load(**{"prometheus": URL, "listen": f"127.0.0.1:{port}", **given})
            try:
                asyncio.run(asyncio.wait_for(server.serve(chosen), 60))
            except mistakes.BadSettings as error:
                raise setting_files.all_mistakes(chosen, first=error) from error
        except mistakes.BadSettings as error:
            return str(error).splitlines()
    raise AssertionError("it served")


@contextlib.contextmanager
def taken_port() -> Iterator[int]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


@contextlib.contextmanager
def nobody() -> Iterator[None]:
    """Run the block as a user without rights if this one has all."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def _written(path: pathlib.Path, data: bytes) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(data)


def _linked(path: pathlib.Path, to: str) -> None:
    path.parent.mkdir(parents=True)
    path.symlink_to(to)


def test_the_page_says_of_each_file_when_it_is_read_again() -> None:
    page = (pathlib.Path(__file__).parents[2] / "docs" / "standalone.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in page.splitlines()
        if line[:4] == "| `-"
    ]
    when = {option: row[-1].strip("| ") for row in rows for option in re.findall(r"`--([a-z-]+)`", row[0])}
    for name in file_valued():
        said = when[name.replace("_", "-")]
        assert said, name
        assert (said == "at the start") is (name in {"policy", "profile", "cluster"}), name
