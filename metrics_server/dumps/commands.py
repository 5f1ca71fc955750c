"""The commands for dumps: `try` and `anonymize`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from metrics_server.dumps import anonymous, dump, trial
from metrics_server.inventory import file_source, objects
from metrics_server.model import faults, validation
from metrics_server.profiles import loading, registry

_FILE = click.Path(path_type=Path)


@click.command("try")
@click.argument("profile")
@click.argument("expositions", nargs=-1, required=True, type=_FILE, metavar="EXPOSITION...")
@click.argument("truth", type=_FILE)
@click.option("--inventory", type=_FILE, help="File with Kubernetes objects, as kubectl get -o yaml prints.")
def try_profile(profile: str, expositions: tuple[Path, ...], truth: Path, inventory: Path | None) -> None:
    """Try a profile (a name or a YAML file) on a dump of a mesh, and compare its figures with the truth.

    Two expositions are two scrapes, and the growth between them counts; of one, all requests do. The formats
    are in docs/meshes.md. The exit code is 1 if a figure differs.
    """
    try:
        mesh, *others = registry.choose(profile)
        if others:
            raise ValueError(f"{profile!r} names several profiles; give one")
        true, scrapes = trial.load(truth), dump.read(expositions)
        known = file_source.File(inventory).latest if inventory is not None else objects.Inventory()
    except (OSError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    try:
        given = trial.figures(mesh, scrapes, known)
    except faults.Unavailable as error:
        raise click.ClickException(f"the dump cannot be read with this profile: {error.message}") from error
    except validation.SENSELESS as error:
        raise click.ClickException(f"the dump cannot be read with this profile: {error}") from error
    for line in trial.missing(mesh, scrapes):
        click.echo(f"note  {line}")
    rows = trial.compare(true, given)
    for line in trial.table(rows):
        click.echo(line)
    wrong = sum(not row.is_right for row in rows)
    click.echo(f"{len(rows) - wrong} of {len(rows)} figures are right")
    sys.exit(1 if wrong else 0)


@click.command("anonymize")
@click.argument("files", nargs=-1, required=True, type=_FILE, metavar="FILE...")
@click.option("--profile", default="", help="Names and files of profiles whose words stay, too.")
@click.option("--to", required=True, type=_FILE, help="New directory for the files with the other names.")
def anonymize(files: tuple[Path, ...], profile: str, to: Path) -> None:
    """Replace the names in dumps, so that they can be shown to others.

    The same name has the same replacement in all files. Names of metrics and labels, numbers, codes and the
    structure of names stay. Look at the result before you send it.
    """
    try:
        own = registry.choose(profile) if profile else ()
        written = anonymous.files(files, to=to, profiles=[*loading.shipped(), *own])
    except (OSError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    for path in written:
        click.echo(f"written: {path}")
