"""What each engine behind the bus needs of its clients; chosen by the scheme of the bus's URL.

`tansu://host:port` is the embedded single-node broker on S3, `kafka://host:port,host:port` an
Apache Kafka cluster. The embedded broker keeps its promises only under the rules here: see
docs/decisions/0020-bus-engine-and-positions.md.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

Config = dict[str, str | int | float | bool]

_RECONNECT: Config = {"reconnect.backoff.ms": 50, "reconnect.backoff.max.ms": 500}
_CONSUMER: Config = {
    # Required by the library; groups are never used: partitions are assigned by hand.
    "group.id": "assigned-by-hand",
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    # A position below the oldest record (trimmed) goes on with the oldest one.
    "auto.offset.reset": "earliest",
    "enable.partition.eof": False,
    # One byte ends the wait: a record is delivered as soon as it is there.
    "fetch.min.bytes": 1,
    "fetch.error.backoff.ms": 50,
    "allow.auto.create.topics": False,
}


class UnknownBus(ValueError):
    """The scheme of the bus's URL names no engine."""


@dataclass(frozen=True, slots=True)
class Engine:
    """Client settings of one broker, and what it does not do by itself."""

    producer: Config
    consumer: Config
    admin: Config
    # Replicas of a new topic; -1 leaves it to the cluster.
    replication: int
    # The embedded broker keeps every record for ever unless they are trimmed.
    needs_trimming: bool


def engine_of(bus_url: str) -> Engine:
    """The engine that `bus_url` names. Raises UnknownBus."""
    parts = urlsplit(bus_url)
    servers: Config = {"bootstrap.servers": parts.netloc, **_RECONNECT}
    if parts.scheme == "tansu":
        return _tansu(servers)
    if parts.scheme == "kafka":
        return _kafka(servers)
    raise UnknownBus(f"{parts.scheme or bus_url!r}: use tansu://host:port or kafka://host:port,…")


def _tansu(servers: Config) -> Engine:
    producer: Config = {
        **servers,
        # After a kill it would be told "duplicate" of records that were never written.
        "enable.idempotence": False,
        "acks": "all",
        "max.in.flight": 1,
        "partitioner": "murmur2_random",
        "request.timeout.ms": 5000,
        "message.timeout.ms": 8000,
        "linger.ms": 2,
        "batch.num.messages": 10000,
    }
    # At less than 500 ms a long partition answers with nothing, and no error.
    consumer: Config = {**servers, **_CONSUMER, "fetch.wait.max.ms": 500}
    return Engine(producer, consumer, servers, replication=1, needs_trimming=True)


def _kafka(servers: Config) -> Engine:
    producer: Config = {
        **servers,
        "enable.idempotence": True,
        "acks": "all",
        "partitioner": "murmur2_random",
        "request.timeout.ms": 5000,
        "message.timeout.ms": 8000,
        "linger.ms": 2,
        "compression.type": "lz4",
    }
    consumer: Config = {**servers, **_CONSUMER, "fetch.wait.max.ms": 500}
    return Engine(producer, consumer, servers, replication=-1, needs_trimming=False)
