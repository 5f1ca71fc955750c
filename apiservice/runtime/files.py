"""Writes files atomically, reads them with a size limit, and explains errors with the file and a remedy.

A written file has its mode before its content. Only regular files are read, so a pipe without end, a device
or a huge file cannot block the program.
"""

import errno
import os
import pathlib
import stat
import tempfile

LARGEST = 4 << 20
"""Bytes of a file with certificates, keys or tokens. A bundle of all public CAs has about 250 KB."""
_SHOWN = 200
"""Characters of a path in messages."""
_READING = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_ACCESS = "make it accessible to the user of this program with chmod or chown"
_SPACE = "free some space or give another path"
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
    errno.EROFS: "give a path that can be written",
    errno.ENAMETOOLONG: "give a shorter path",
    errno.ELOOP: "correct the symbolic links",
}


class BadFile(ValueError):
    """A file whose type, size or content cannot be used. The message begins with its path.

    A file that cannot be opened, read or written is an `OSError`.
    """

    def __init__(self, path: pathlib.Path, reason: str) -> None:
        super().__init__(f"{shown(path)}: {reason}")
        self.filename = str(path)


def read(path: pathlib.Path, *, most: int = LARGEST) -> bytes:
    """The content of a regular file of at most `most` bytes. Raises `OSError` and `BadFile`."""
    # Without O_NONBLOCK, opening a pipe waits until another program writes to it.
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
    """Creates or replaces the file atomically, also its parent directories.

    Raises `OSError` with the path as `filename`, and `BadFile` for a pipe or a device.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        # As root, this program could replace /dev/null for all programs of the machine.
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
    """A warning if other users than the owner can read a secret; `None` if they cannot."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return None
    if not mode & _OTHERS:
        return None
    return f"{shown(path)}: other users than its owner can read it; run `chmod 600 {shown(path)}`"


def explained(error: Exception, *, path: pathlib.Path) -> str:
    """The error and a remedy, in one sentence that begins with the file's path."""
    path = named(error) or path
    why, beginning = reason(error), f"{shown(path)}: "
    return why if why.startswith((beginning, f"{shown(path)} ")) else f"{beginning}{why}"


def named(error: Exception) -> pathlib.Path | None:
    """The path in the error's `filename`; `None` if it has none."""
    name = getattr(error, "filename", None)
    return pathlib.Path(name) if isinstance(name, str) else None


def reason(error: Exception, *, several: bool = False) -> str:
    """The error and a remedy in one line; for other errors than `OSError`, the error's message.

    `several` puts the file's path in front, for messages about several files.
    """
    if not isinstance(error, OSError):
        return " ".join(str(error).split())
    which = f"{shown(error.filename)}: " if several and isinstance(error.filename, str) else ""
    why = error.strerror or " ".join(str(error).split()) or type(error).__name__
    return f"{which}{why}; {_REMEDIES.get(error.errno or 0, 'correct it or give another path')}"


def shown(path: pathlib.Path | str) -> str:
    """The path for a message: on one line, escaped if it is not printable, and shortened if it is long."""
    text = str(path)
    if not text.isprintable():
        text = text.encode("unicode_escape").decode("ascii")
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN // 2]}…{text[-_SHOWN // 4 :]}"
