"""Started as root, as a platform with root-owned volumes does: own the data directory, then stop being root."""

import logging
import os
from contextlib import suppress
from pathlib import Path

from app.errors import PrivilegesKept
from app.settings import Settings

log = logging.getLogger(__name__)


def drop(settings: Settings) -> None:
    """Become `run_as_uid` for good, with its data directory in its hands; nothing at all unless root and so asked.

    raises  PrivilegesKept, naming the step that was refused
    """
    uid = settings.run_as_uid
    if uid is None or os.geteuid() != 0:
        return
    try:
        settings.data_directory.mkdir(parents=True, exist_ok=True)
        owned = _own(settings.data_directory.resolve(), uid)
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    except OSError as error:
        raise PrivilegesKept(
            f"started as root, but could not hand {settings.data_directory} to user {uid} and become it: {error}. "
            "Start the container as that user, or leave it the capabilities CHOWN, SETUID, SETGID and DAC_OVERRIDE"
        ) from error
    log.info("became user %d", uid, extra={"owned_files": owned})


def _own(directory: Path, uid: int) -> int:
    """Give `directory` and all in it to `uid`, never following a link. returns  how many had another owner

    Another process may be at work in it still: what it has taken away meanwhile needs no owner.
    """
    changed = 0
    for folder, _, files in os.walk(directory, followlinks=False):
        for path in (folder, *(os.path.join(folder, file) for file in files)):
            with suppress(FileNotFoundError):
                if os.lstat(path).st_uid != uid:
                    os.chown(path, uid, uid, follow_symlinks=False)
                    changed += 1
    return changed
