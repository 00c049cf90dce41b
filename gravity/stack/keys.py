"""Development secrets of a local stack: made once, readable by their owner only."""

import json
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from gravity.issuer import KeyPair, new_keys


@dataclass(frozen=True, slots=True)
class Keys:
    """The secrets' values; the private key of the development issuer stays in its file."""

    card_token_key: str
    jwt_public_key: str
    postgres_password: str
    s3_secret_key: str
    supervisor_password: str


def jwt_private_file(folder: Path) -> Path:
    """Where the development issuer's private key lies (base64url, one line)."""
    return folder / "jwt_private"


def _once(path: Path, make: Callable[[], str]) -> str:
    if not path.exists():
        partial = path.with_suffix(".new")
        partial.touch(mode=0o600)
        partial.write_text(make(), encoding="ascii")
        partial.replace(path)
    return path.read_text(encoding="ascii")


def _jwt_pair(folder: Path) -> KeyPair:
    # Kept as one file, so that a stop between two writes cannot leave halves of two pairs.
    pair = KeyPair(**json.loads(_once(folder / "jwt.json", lambda: json.dumps(asdict(new_keys())))))
    _once(jwt_private_file(folder), lambda: pair.private)
    return pair


def load_or_create(folder: Path) -> Keys:
    """Return the folder's secrets, making those that are missing."""
    return Keys(
        card_token_key=_once(folder / "card_token_key", lambda: secrets.token_hex(32)),
        jwt_public_key=_jwt_pair(folder).public,
        postgres_password=_once(folder / "postgres_password", lambda: secrets.token_hex(16)),
        s3_secret_key=_once(folder / "s3_secret_key", lambda: secrets.token_hex(16)),
        supervisor_password=_once(folder / "supervisor_password", lambda: secrets.token_hex(16)),
    )
