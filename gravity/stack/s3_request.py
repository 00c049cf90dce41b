"""The few S3 requests that the stack itself makes, signed (AWS signature 4), standard library only.

boto3 costs half a second of import in a launcher that must be quick.
"""

import contextlib
import hashlib
import hmac
import http.client
import time
from urllib.parse import unquote, urlsplit

TIMEOUT = 5.0
REGION = "us-east-1"


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _signature(secret: str, day: str, text: str) -> str:
    key = f"AWS4{secret}".encode()
    for part in (day, REGION, "s3", "aws4_request"):
        key = _hmac(key, part)
    return _hmac(key, text).hex()


def _headers(
    method: str, host: str, path: str, body: bytes, key: str, secret: str
) -> dict[str, str]:
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    digest = hashlib.sha256(body).hexdigest()
    names = "host;x-amz-content-sha256;x-amz-date"
    canonical = (
        f"{method}\n{path}\n\nhost:{host}\nx-amz-content-sha256:{digest}\n"
        f"x-amz-date:{moment}\n\n{names}\n{digest}"
    )
    scope = f"{moment[:8]}/{REGION}/s3/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = _signature(secret, moment[:8], text)
    return {
        "x-amz-date": moment,
        "x-amz-content-sha256": digest,
        "Authorization": f"AWS4-HMAC-SHA256 Credential={key}/{scope},"
        f"SignedHeaders={names},Signature={signature}",
    }


def put(target: str, path: str, body: bytes) -> int:
    """PUT `body` at `path` of `http://key:secret@host:port`; returns the HTTP status."""
    return _request("PUT", target, path, body)


def delete(target: str, path: str) -> int:
    """DELETE `path`, a bucket with all that is in it or an object; returns the HTTP status."""
    return _request("DELETE", target, path, b"")


def _request(method: str, target: str, path: str, body: bytes) -> int:
    url = urlsplit(target)
    host = f"{url.hostname}:{url.port}"
    key, secret = unquote(url.username or ""), unquote(url.password or "")
    with contextlib.closing(http.client.HTTPConnection(host, timeout=TIMEOUT)) as connection:
        connection.request(method, path, body, _headers(method, host, path, body, key, secret))
        return connection.getresponse().status


def can_write(target: str) -> bool:
    """Make the bucket of `http://key:secret@host:port/bucket` and write one object into it.

    Only a written object shows that the volumes behind the gateway are there. An existing bucket
    (409) is as good as a new one.
    """
    bucket = urlsplit(target).path.rstrip("/")
    return put(target, bucket, b"") in (200, 409) and put(target, f"{bucket}/.ready", b"1") == 200
