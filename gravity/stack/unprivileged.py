"""Becoming another user for one program when root starts the stack."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterable

from gravity.stack.failures import StackError

# With its capabilities kept past the change of user, access(2) counts them too: initdb asks it.
_THROUGH_CLOSED_FOLDERS = (
    "--securebits=+no_setuid_fixup",
    "--inh-caps=+dac_override",
    "--ambient-caps=+dac_override",
)


class CannotBecome(StackError):
    """Root cannot start a program as the unprivileged user that it needs."""

    def __init__(self, user: str, path: str, reason: str) -> None:
        super().__init__(
            f"started by root, PostgreSQL has to run as {user}, who cannot use {path} ({reason}). "
            "Start Gravity as a normal user, or set GRAVITY_HOME to a folder that others may enter."
        )


def _can_use(prefix: tuple[str, ...], path: str) -> bool:
    return subprocess.call([*prefix, "/bin/sh", "-c", 'test -x "$1"', "test", path]) == 0


def become(user: str | None, paths: Iterable[str]) -> tuple[str, ...]:
    """Return the command prefix that runs a program as `user`; nothing unless we are root.

    paths: what the program must reach: its binary, its folder. Where a folder above is closed to
    others (a 0700 home), the program keeps the one capability to pass it; no data moves.
    Raises CannotBecome.
    """
    if user is None or os.geteuid() != 0:
        return ()
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise CannotBecome(user, "setpriv", "setpriv is missing: install util-linux")
    entry = pwd.getpwnam(user)
    plain = (setpriv, f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups")
    through = (*plain, *_THROUGH_CLOSED_FOLDERS)
    blocked = [path for path in paths if not _can_use(plain, path)]
    for path in blocked:
        if not _can_use(through, path):
            raise CannotBecome(user, path, "permission denied")
    return through if blocked else plain
