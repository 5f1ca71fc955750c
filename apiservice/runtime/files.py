"""Files that are written whole or not at all, read within bounds, and named in words when they fail.

What is written is as private as it was meant to be from its first byte on. What is read is a file of a size
that its kind may have: a pipe that never ends, a device and a file of a gigabyte hold up nobody.
"""

import errno
import os
import pathlib
import stat
import tempfile

LARGEST = 4 << 20
"""Bytes of certificates, keys and tokens. All public authorities together have a quarter of a megabyte."""
_SHOWN = 200
"""Characters of a path that are shown."""
_READING = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_ACCESS = "make it accessible to the user of this program with chmod or chown"
_SPACE = "free some space or give another place"
_REMEDIES = {
    errno.ENOENT: "create it or give another path",
    errno.EACCES: _ACCESS,
    errno.EPERM: _ACCESS,
    errno.EISDIR: "give a file, not a directory",
    errno.ENOTDIR: "give a path below a directory",
    errno.EEXIST: "give a directory, or remove the file in its place",
    errno.ENOSPC: _SPACE,
    errno.EDQUOT: _SPACE,
    errno.EFBIG: _SPACE,
    errno.EROFS: "give a place that can be written",
    errno.ENAMETOOLONG: "give a shorter path",
    errno.ELOOP: "correct the symbolic links",
}


class BadFile(ValueError):
    """A file that cannot be used for what it is, as `OSError` is for one that cannot be reached. The message
    names the file.
    """

    def __init__(self, path: pathlib.Path, reason: str) -> None:
        super().__init__(f"{shown(path)}: {reason}")
        self.filename = str(path)


def read(path: pathlib.Path, *, most: int = LARGEST) -> bytes:
    """The content of a regular file of at most so many bytes. Raises `OSError` and `BadFile`."""
    # Without O_NONBLOCK the opening of a pipe waits for somebody who writes.
    handle = os.open(path, _READING)
    try:
        status = os.fstat(handle)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(status.st_mode):
            raise BadFile(path, "it is a pipe or a device; give a regular file")
        with os.fdopen(handle, "rb", closefd=False) as file:
            content = b"" if status.st_size > most else file.read(most + 1)
    finally:
        os.close(handle)
    if max(status.st_size, len(content)) > most:
        raise BadFile(path, f"it has more than {most} bytes; give a smaller file")
    return content


def write(path: pathlib.Path, *, content: bytes, mode: int) -> None:
    """Replaces the file in one step; what is no file is not replaced. Raises `OSError` that names the path,
    and `BadFile`.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        # Root would replace /dev/null for every program of the machine.
        raise BadFile(path, "it is a pipe or a device; give a path for a regular file")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        # mkstemp creates with mode 0600.
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}."[:100])
    except OSError as error:
        error.filename = str(path)
        raise
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        os.unlink(temporary)
        if isinstance(error, OSError):
            error.filename = str(path)
        raise


def exposed(path: pathlib.Path) -> str | None:
    """What to do about a secret that others than its owner may read; `None` where nobody else may."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return None
    if not mode & _OTHERS:
        return None
    return f"{shown(path)}: others than its owner may read it; run `chmod 600 {shown(path)}`"


def explained(error: Exception, *, path: pathlib.Path) -> str:
    """What went wrong with a file and what to do, in one sentence that begins with the file."""
    path = named(error) or path
    said, beginning = reason(error), f"{shown(path)}: "
    return said if said.startswith((beginning, f"{shown(path)} ")) else f"{beginning}{said}"


def named(error: Exception) -> pathlib.Path | None:
    """The file that an error names."""
    name = getattr(error, "filename", None)
    return pathlib.Path(name) if isinstance(name, str) else None


def reason(error: Exception, *, several: bool = False) -> str:
    """What went wrong and what to do, in one line; of a `ValueError` its own words. `several`: the line names
    the file that is meant.
    """
    if not isinstance(error, OSError):
        return " ".join(str(error).split())
    which = f"{shown(error.filename)}: " if several and isinstance(error.filename, str) else ""
    said = error.strerror or " ".join(str(error).split()) or type(error).__name__
    return f"{which}{said}; {_REMEDIES.get(error.errno or 0, 'correct it or give another path')}"


def shown(path: pathlib.Path | str) -> str:
    """A path as one line of moderate length."""
    text = str(path)
    if not text.isprintable():
        text = text.encode("unicode_escape").decode("ascii")
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN // 2]}…{text[-_SHOWN // 4 :]}"
