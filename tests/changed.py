"""Run the tests that a change can break, by the graph of imports: `python -m tests.changed [BASE]`.

The change is the difference between the working tree and BASE; without BASE, the commit where this branch
left `main`, and on `main` the last commit. A test module is chosen if it is changed, or imports a changed
module, directly or through others. Besides imports, these are dependencies:

- a module that starts `python -m PACKAGE` depends on that package's `__main__`;
- a test module depends on the `conftest` of its folder and of those above; on tests/conftest.py only if it,
  or such a conftest, has one of its fixtures;
- a file that is not Python belongs to the modules of its folder, and to modules that name it in a string, or
  its folder if none names it.

Imports inside programs that a test writes as text are not seen: only `make test` runs all tests.
"""

from __future__ import annotations

import ast
import dataclasses
import itertools
import subprocess
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import grimp

from tests import stages

ROOTS = ("metrics_server", "apiservice", "dashboard", "demo", "bench", "tests")
_PROJECT = Path(__file__).resolve().parents[1]
_CACHE = ".import_linter_cache"
_ALL = ("pyproject.toml", "tests/conftest.py", "tests/marks.py", "tests/cluster/switch.py", "requirements/")
"""Files, and folders with a slash, on which every test depends."""
_ROOT_CONFTEST = "tests.conftest"


@dataclasses.dataclass(frozen=True, slots=True)
class Module:
    name: str
    file: str
    """Its path in the project."""
    arguments: frozenset[str]
    """The names of all parameters of its functions, and of the fixtures that it requests by name."""
    strings: frozenset[str]
    """The parts of all strings in it, divided at slashes."""
    fixtures: frozenset[str]
    """The fixtures that it defines."""
    runs: frozenset[str]
    """The packages that it starts with `python -m`."""

    @property
    def is_test(self) -> bool:
        return self.name.startswith("tests.") and self.name.rpartition(".")[2].startswith("test_")

    @property
    def is_conftest(self) -> bool:
        return self.name.rpartition(".")[2] == "conftest"


@dataclasses.dataclass(frozen=True, slots=True)
class Chosen:
    tests: Sequence[str]
    """The files of the test modules."""
    unknown: Sequence[str]
    """Changed files that no module imports or names."""


class Imports:
    """Which module depends on which."""

    def __init__(self, modules: Mapping[str, Module], graph: grimp.ImportGraph) -> None:
        self._modules = modules
        self._files = {module.file: module.name for module in modules.values()}
        self._graph = graph
        for module in modules.values():
            for package in module.runs:
                main = f"{package}.__main__"
                if main in graph.modules and module.name in graph.modules:
                    graph.add_import(importer=module.name, imported=main)

    def chosen(self, files: Collection[str]) -> Chosen:
        """Return the tests that depend on any of the files."""
        every = [module for module in self._modules.values() if module.is_test]
        if any(file == one or (one.endswith("/") and file.startswith(one)) for file in files for one in _ALL):
            return Chosen(sorted(module.file for module in every), [])
        changed = {file: self._of(file) for file in files}
        names = self._dependent({name for found in changed.values() for name in found})
        folders = [
            module.name.removesuffix("conftest")
            for module in self._modules.values()
            if module.is_conftest and module.name != _ROOT_CONFTEST and module.name in names
        ]
        if _ROOT_CONFTEST in names:
            names |= {module.name for module in every if self._has_root_fixture(module)}
        tests = [module.file for module in every if module.name in names or _below(module.name, folders)]
        return Chosen(sorted(tests), sorted(file for file, found in changed.items() if not found))

    def _of(self, file: str) -> set[str]:
        """The modules that a changed file is, or belongs to."""
        if file in self._files:
            name = self._files[file]
            if not file.endswith("/__init__.py"):
                return {name}
            return {name} | {one for one in self._modules if one.startswith(f"{name}.")}
        path = Path(file)
        folder = f"{'.'.join(path.parent.parts)}."
        near = {
            name
            for name in self._modules
            if folder != "tests." and name.startswith(folder) and path.suffix != ".py"
        }
        return near | (self._naming(path.name) or near or self._naming(path.parent.name))

    def _naming(self, part: str) -> set[str]:
        return {name for name, module in self._modules.items() if part and part in module.strings}

    def _dependent(self, names: Iterable[str]) -> set[str]:
        found = set(names)
        for name in list(found):
            if name in self._graph.modules:
                found |= self._graph.find_downstream_modules(name)
        return found

    def _has_root_fixture(self, module: Module) -> bool:
        fixtures = self._modules[_ROOT_CONFTEST].fixtures
        above = [
            one
            for one in self._modules.values()
            if one.is_conftest and one.name != _ROOT_CONFTEST and _below(module.name, [one.name[:-8]])
        ]
        return any(fixtures & one.arguments for one in (module, *above))


def imports() -> Imports:
    """Return the imports of the working tree."""
    modules = {module.name: module for module in _modules(_PROJECT)}
    graph = grimp.build_graph(ROOTS[0], *ROOTS[1:], cache_dir=str(_PROJECT / _CACHE))
    return Imports(modules, graph)


def parse(name: str, file: str, source: str) -> Module:
    arguments: set[str] = set()
    strings: set[str] = set()
    fixtures: set[str] = set()
    runs: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.arg(arg=argument):
                arguments.add(argument)
            case ast.Constant(value=str(text)):
                strings.update(text.split("/"))
            case ast.FunctionDef(name=function) | ast.AsyncFunctionDef(name=function):
                if any("fixture" in ast.unparse(decorator) for decorator in node.decorator_list):
                    fixtures.add(function)
            case ast.Tuple(elts=words) | ast.List(elts=words) | ast.Call(args=words):
                runs.update(_started(words))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("usefixtures", "getfixturevalue")):
            arguments.update(str(one.value) for one in node.args if isinstance(one, ast.Constant))
    return Module(name, file, *(frozenset(found) for found in (arguments, strings, fixtures, runs)))


def _started(words: Sequence[ast.expr]) -> Iterator[str]:
    values = [word.value if isinstance(word, ast.Constant) else None for word in words]
    for option, package in itertools.pairwise(values):
        if option == "-m" and isinstance(package, str):
            yield package


def _modules(project: Path) -> Iterator[Module]:
    for root in ROOTS:
        for path in sorted((project / root).rglob("*.py")):
            file = path.relative_to(project)
            parts = file.with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            yield parse(name, str(file), path.read_text())


def _below(name: str, folders: Iterable[str]) -> bool:
    return any(name.startswith(folder) for folder in folders)


def _git(*arguments: str) -> list[str]:
    done = subprocess.run(["git", *arguments], cwd=_PROJECT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"tests.changed: git {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout.splitlines()


def _base() -> str:
    if not _git("branch", "--list", "main"):
        return "HEAD"
    (base,) = _git("merge-base", "HEAD", "main") or ["HEAD"]
    return base


def main(arguments: Sequence[str]) -> int:
    base = arguments[0] if arguments else _base()
    files = {
        *_git("diff", "--name-only", "--no-renames", base),
        *_git("ls-files", "--others", "--exclude-standard"),
    }
    chosen = imports().chosen(files)
    for file in chosen.unknown:
        print(f"no module imports or names {file}: only `make test` says what it changes")
    print(f"changed files since {base}: {len(files)}; test modules that depend on them: {len(chosen.tests)}")
    for file in chosen.tests:
        print(f"  {file}")
    return stages.run(stages.STAGES["test"], chosen.tests) if chosen.tests else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
