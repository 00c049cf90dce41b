"""Is the schema still compatible with what was released, and with what this branch began from?

`python -m contracts.compatibility check` prints each breaking change and fails on any;
`python -m contracts.compatibility release`, run when a version is released, makes the schema of
today the one that later ones are held to. Events outlive code: the bus and the lake keep them.
"""

import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
BASELINE: Final = ROOT / "contracts" / "baseline.binpb"
_SCHEMA: Final = "contracts/events.proto"


def buf(*arguments: str, stdin: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    """Run buf, from the environment that runs this, in the repository."""
    program = Path(sys.executable).with_name("buf")
    return subprocess.run(
        [program, *arguments], cwd=ROOT, input=stdin, capture_output=True, check=False
    )


def image(folder: Path = ROOT) -> bytes:
    """The compiled schema below `folder`. Raises ValueError where it does not compile."""
    built = buf("build", str(folder), "-o", "-#format=binpb")
    if built.returncode:
        raise ValueError(built.stderr.decode())
    return built.stdout


def breaking(against: bytes, folder: Path = ROOT) -> list[str]:
    """What in the schema below `folder` breaks users of the compiled schema `against`; errors of
    the schema itself count. Raises ValueError where buf could not compare them.
    """
    found = buf("breaking", str(folder), "--against", "-#format=binpb", stdin=against)
    lines = found.stdout.decode().splitlines()
    if found.returncode and not lines:
        raise ValueError(found.stderr.decode())
    return lines


def schema_at_merge_base() -> str | None:
    """The schema where this branch left main; None on main itself, or without a history."""
    base = _git("merge-base", "HEAD", "origin/main") or _git("merge-base", "HEAD", "main")
    if base is None or base == _git("rev-parse", "HEAD"):
        return None
    return _git("show", f"{base}:{_SCHEMA}")


def release() -> list[str]:
    """Make the schema of today the baseline, unless it breaks the present one."""
    problems = breaking(BASELINE.read_bytes()) if BASELINE.exists() else []
    if not problems:
        BASELINE.write_bytes(image())
    return problems


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments],  # noqa: S607  # the one of the machine
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


if __name__ == "__main__":
    commands = {"check": lambda: breaking(BASELINE.read_bytes()), "release": release}
    if len(sys.argv) != 2 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    # A message is printed and means failure; None is success.
    sys.exit("\n".join(commands[sys.argv[1]]()) or None)
