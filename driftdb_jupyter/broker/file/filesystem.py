"""Facts about the file system that the journal lies on."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterable

__all__ = [
    "FileWatch",
    "about_folder",
    "is_remote",
    "make_private",
    "no_file",
    "open_private",
    "sync_folder",
]

_REMOTE = re.compile(
    r"nfs\d?|cifs|smb\w*|ncpfs|afs|9p|ceph|lustre|gpfs|beegfs|glusterfs"
    r"|fuse\.(sshfs|s3fs|glusterfs|ceph\S*|gcsfuse|blobfuse\d?|rclone)"
)


def is_remote(path: str, *, mounts: str = "/proc/mounts") -> bool:
    """Return True if a file (or its future folder) is on one; False where nobody can say.

    ``mounts``: the file in which the system lists what is mounted.
    """
    try:
        with open(mounts, encoding="utf-8", errors="surrogateescape") as lines:
            mounted = [line.split(" ")[1:3] for line in lines]
    except (OSError, ValueError):
        return False
    path = os.path.realpath(path)
    best, kind = "", ""
    for entry in mounted:
        if len(entry) < 2:
            continue
        place = _unescaped(entry[0])
        inside = path == place or path.startswith(place.rstrip("/") + "/")
        if inside and len(place) >= len(best):
            best, kind = place, entry[1]
    return _REMOTE.fullmatch(kind) is not None


def about_folder(folder: str) -> list[str]:
    """Describe what is unsafe about a folder whose files are for their owner alone."""
    notices = []
    if os.path.islink(folder):
        notices.append(f"{folder} is a symbolic link; the files are in {_target(folder)}")
    if os.name == "posix" and os.stat(folder).st_mode & stat.S_IWOTH:
        notices.append(
            f"everybody on this machine may write to {folder}, and so replace its files:"
            f" take that right away (chmod o-w {folder})"
        )
    return notices


def _target(path: str) -> str:
    return os.path.realpath(path)


def no_file(paths: Iterable[str]) -> str | None:
    """Describe the first of these paths that exists and is no ordinary file.

    ``None`` if there is none.
    """
    for path in paths:
        try:
            mode = os.lstat(path).st_mode
        except FileNotFoundError:
            continue
        if stat.S_ISLNK(mode):
            return f"{path} is a symbolic link (to {_target(path)})"
        if not stat.S_ISREG(mode):
            return f"{path} is not an ordinary file"
    return None


def make_private(paths: Iterable[str]) -> list[str]:
    """Take from others what they may do with these files; returns what could not be done."""
    notices = []
    for path in paths if os.name == "posix" else ():
        try:
            mode = stat.S_IMODE(os.lstat(path).st_mode)
            if mode & 0o077:
                os.chmod(path, mode & 0o700)
        except FileNotFoundError:
            continue
        except OSError as error:
            notices.append(f"others may use {path}, and that can't be changed ({error.strerror})")
    return notices


class FileWatch:
    """Notices when files are no longer where they were."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._found = {path: _which(path) for path in paths if os.path.exists(path)}

    def look(self) -> None:
        """Raise :class:`OSError` where one is gone, or another one is in its place."""
        for path, found in self._found.items():
            try:
                same = _which(path) == found
            except (FileNotFoundError, NotADirectoryError):
                same = False
            if not same:
                raise OSError(
                    errno.ENOENT,
                    "it was moved away, removed or replaced: put it back, or restart the server",
                    path,
                )


def _which(path: str) -> tuple[int, int]:
    found = os.lstat(path)
    return found.st_dev, found.st_ino


def open_private(path: str, flags: int) -> int:
    """Open a file that is for its owner alone; returns the descriptor.

    A symbolic link is not followed: :class:`OSError` (``ELOOP``) is raised for one.
    """
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0), 0o600)


def sync_folder(folder: str) -> None:
    """Bring to the disk that a file was made in a folder; Windows does so by itself."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _unescaped(place: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), place)
