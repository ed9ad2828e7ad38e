"""What the journal needs to know of the file system that it lies on."""

from __future__ import annotations

import os
import re

__all__ = ["is_remote", "open_private", "sync_folder"]

_REMOTE = re.compile(
    r"nfs\d?|cifs|smb\w*|ncpfs|afs|9p|ceph|lustre|gpfs|beegfs|glusterfs"
    r"|fuse\.(sshfs|s3fs|glusterfs|ceph\S*|gcsfuse|blobfuse\d?|rclone)"
)


def is_remote(path: str, *, mounts: str = "/proc/mounts") -> bool:
    """Whether a file (or the folder that it will be in) is on one; false where nobody can say.

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
