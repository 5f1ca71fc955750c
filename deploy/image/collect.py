"""Collects the file system of the image: the interpreter, the packages of a virtual environment, and what
those link to. Nothing else of the base gets in, so the image has no shell and no package tools.

    python collect.py ENVIRONMENT ROOT

What comes from a Debian package is recorded in ROOT/var/lib/dpkg/status, where scanners look, and keeps the
package's copyright. It runs inside the build, with the standard library alone.
"""

import compileall
import fnmatch
import os
import py_compile
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

_UNNEEDED = Path(__file__).with_name("unneeded.txt")
_DPKG = Path("/var/lib/dpkg")
_ALWAYS = ("base-files", "ca-certificates", "netbase", "tzdata")
"""Packages that nothing links to: the name of the system, authorities, names of ports, time zones."""
_LINKED = re.compile(r"(/\S+) \(0x")
_GENERATED = ("dash/html", "dash_mantine_components", "kubernetes_asyncio/client", "plotly/graph_objs")
"""Packages that a program wrote and no person reads: their byte code without texts is enough."""
_MERGED = ("bin", "lib", "lib64", "sbin")
"""Folders that are links into /usr."""
_USER = "trafficmetrics"
_NUMBER = 65532
_SETTINGS = {
    "etc/passwd": f"root:x:0:0::/root:/nologin\n{_USER}:x:{_NUMBER}:{_NUMBER}::/home/{_USER}:/nologin\n",
    "etc/group": f"root:x:0:\n{_USER}:x:{_NUMBER}:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}


def main(environment: Path, root: Path) -> None:
    """Fill `root`, which must not be there yet."""
    unneeded = _patterns(_UNNEEDED)
    packages = dict(_packages())
    owners = {path: name for name, paths in packages.items() for path in paths}
    wanted = {path for path in _python(environment) if not unneeded(path)}
    wanted |= _linked(wanted)
    kept = {owners[path] for path in wanted if path in owners} | (set(_ALWAYS) & set(packages))
    wanted |= {path for name in kept for path in packages[name] if not unneeded(path)}
    # Some packages' folder of documents is a link to that of another.
    wanted |= {Path("/usr/share/doc", name, "copyright").resolve() for name in kept}
    _lay_out(root)
    for path in sorted(wanted):
        _copy(path, root)
    _record(kept, root)
    _write_authorities(root)
    _compile(root)
    subprocess.run(["ldconfig", "-r", str(root)], check=True)


def _patterns(file: Path) -> Callable[[Path], bool]:
    lines = [line for line in file.read_text().splitlines() if line and not line.startswith("#")]
    expression = re.compile("|".join(fnmatch.translate(line) for line in lines))
    return lambda path: expression.match(str(path)) is not None


def _packages() -> Iterator[tuple[str, set[Path]]]:
    """The files and links of each Debian package, where they really are."""
    for file in (_DPKG / "info").glob("*.list"):
        name = file.name.removesuffix(".list").partition(":")[0]
        yield (
            name,
            {_real(Path(line)) for line in file.read_text().splitlines() if not _is_folder(Path(line))},
        )


def _python(environment: Path) -> Iterator[Path]:
    """The interpreter, by all the names that lead to it, its library, and the environment."""
    name = environment / "bin" / "python"
    while name.is_symlink():
        yield _real(name)
        name = name.parent / name.readlink()
    yield _real(name)
    library = Path(sysconfig.get_path("stdlib"))
    yield from _files(library)
    yield from _files(environment)
    yield from map(_real, library.parent.glob("libpython3*.so*"))


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if not _is_folder(path) and path.suffix != ".pyc":
            yield _real(path)


def _linked(programs: Iterable[Path]) -> set[Path]:
    """The libraries, and the links by whose names they are found."""
    found = set()
    binaries = [str(path) for path in programs if path.is_file() and _is_binary(path)]
    said = subprocess.run(["ldd", *binaries], check=False, capture_output=True, text=True).stdout
    for match in _LINKED.finditer(said):
        found |= {_real(Path(match[1])), Path(match[1]).resolve()}
    return found


def _is_binary(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _real(path: Path) -> Path:
    """A link stays one; the folder it is in does not: /lib is /usr/lib."""
    return path.parent.resolve() / path.name


def _lay_out(root: Path) -> None:
    root.mkdir()
    for name in _MERGED:
        if Path("/", name).is_symlink():
            (root / "usr" / name).mkdir(parents=True, exist_ok=True)
            (root / name).symlink_to(f"usr/{name}")
    for name in ("dev", "etc", "proc", "run", "sys", "home", f"home/{_USER}"):
        (root / name).mkdir()
    for name in ("tmp", "var/tmp"):
        (root / name).mkdir(parents=True)
        (root / name).chmod(0o1777)
    for name, text in _SETTINGS.items():
        (root / name).write_text(text)


def _copy(path: Path, root: Path) -> None:
    if not os.path.lexists(path):
        return
    target = root / path.relative_to("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    if not os.path.lexists(target):
        shutil.copy2(path, target, follow_symlinks=False)


def _record(kept: Iterable[str], root: Path) -> None:
    said: Mapping[str, str] = {
        stanza.partition("\n")[0].removeprefix("Package: "): stanza
        for stanza in (_DPKG / "status").read_text().split("\n\n")
    }
    file = root / (_DPKG / "status").relative_to("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{said[name]}\n\n" for name in sorted(kept)))


def _write_authorities(root: Path) -> None:
    """Those of Debian's package; the build may have been given others, to reach its packages."""
    folder = root / "usr/share/ca-certificates/mozilla"
    file = root / "etc/ssl/certs/ca-certificates.crt"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(authority.read_text() for authority in sorted(folder.glob("*.crt"))))


def _compile(root: Path) -> None:
    """Without times: layers may be written with others than these files have."""
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    for name in _GENERATED:
        for folder in root.glob(f"opt/*/lib/python3*/site-packages/{name}"):
            compileall.compile_dir(
                folder, quiet=1, legacy=True, optimize=2, stripdir=str(root), invalidation_mode=mode
            )
            for source in folder.rglob("*.py"):
                source.unlink()
    if not compileall.compile_dir(root, maxlevels=40, quiet=1, stripdir=str(root), invalidation_mode=mode):
        raise SystemExit("some modules do not compile")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
