"""Opaque cursors: what they hold is encrypted and bound to the viewer and the list.

A page of blurred likes ends at somebody whom the viewer may not know yet, so nobody can read a
cursor, make one, or use another's.
"""

import base64
import binascii
import hashlib
import hmac
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

_PURPOSE: Final = b"gravity cursor\0"
_LONGEST: Final = 120


class CursorInvalid(Exception):
    """Not a cursor of this list that the viewer was given."""


class Cursors:
    """Seals and opens cursors under a key derived from the one of card tokens."""

    def __init__(self, key: bytes) -> None:
        # Deterministic (RFC 5297): the same page has the same cursor, and no nonce can repeat.
        self._cipher = AESSIV(hmac.new(key, _PURPOSE, hashlib.sha512).digest())

    def seal(self, viewer: int, of: str, content: bytes) -> str:
        """The cursor of a place in the viewer's list `of`; a longer content is a longer text."""
        sealed = self._cipher.encrypt(content, [of.encode(), b"%d" % viewer])
        return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()

    def open(self, viewer: int, of: str, text: str) -> bytes:
        """The content of a cursor. Raises CursorInvalid."""
        if len(text) > _LONGEST or not text.isascii():
            raise CursorInvalid
        try:
            sealed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            return self._cipher.decrypt(sealed, [of.encode(), b"%d" % viewer])
        except (binascii.Error, ValueError, InvalidTag):
            raise CursorInvalid from None
