"""What each engine behind the bus needs of its clients; chosen by the scheme of the bus's URL.

`tansu://host:port` is the embedded single-node broker on S3, `kafka://host:port,host:port` an
Apache Kafka cluster. The embedded broker keeps its promises only under the rules here: see
docs/decisions/0020-bus-engine-and-positions.md.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from contracts.topics import Topic
from gravity.bus_records import Place

Config = dict[str, str | int | float | bool]

_PATIENT_MS = 1000

LONGEST_APPEND_S = 5.0

_CLIENT: Config = {
    "reconnect.backoff.ms": 50,
    "reconnect.backoff.max.ms": 500,
    "socket.nagle.disable": True,
    # Delivery reports and records are ours; a line for every lost connection is enough.
    "log_level": 5,
}
_CONSUMER: Config = {
    # Required by the library; records are never read as a group: places are assigned by hand.
    "group.id": "assigned-by-hand",
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    # A position below the oldest record (trimmed) goes on with the oldest one.
    "auto.offset.reset": "earliest",
    "enable.partition.eof": False,
    # One byte ends the wait.
    "fetch.min.bytes": 1,
    "fetch.error.backoff.ms": 50,
    "fetch.queue.backoff.ms": 20,
    # Read ahead this much and no more: there are a dozen consumers in a process.
    "queued.min.messages": 5000,
    "queued.max.messages.kbytes": 8192,
    "allow.auto.create.topics": False,
}
_GROUP: Config = {
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    # The same numbers of all topics to one member, as the other way of sharing does.
    "partition.assignment.strategy": "range",
    "session.timeout.ms": 10_000,
    "heartbeat.interval.ms": 1000,
    "allow.auto.create.topics": False,
}
_PRODUCER: Config = {
    "acks": "all",
    "partitioner": "murmur2_random",
    "request.timeout.ms": 5000,
    # After that, no acknowledgement comes any more. Those who read wait longer for a record that is
    # missing (bus_gaps.py): what is acknowledged is never passed over.
    "message.timeout.ms": int(LONGEST_APPEND_S * 1000),
}


class UnknownBus(ValueError):
    """The scheme of the bus's URL names no engine."""


@dataclass(frozen=True, slots=True)
class Engine:
    """Client settings of one broker, and what it does not do by itself."""

    producer: Config
    # How long a producer rests after a flight, in times of the flight; 0: it sends at once.
    producer_rest: float
    # How far apart the relay's appends begin, in seconds, while events keep coming.
    relay_every_s: float
    consumer: Config
    # For those who may get a record a quarter of a second later.
    calm_consumer: Config
    # For partitions of which `consumer` reads too little; used where patience_s is not 0.
    patient_consumer: Config
    # Seconds that a fetch of the patient consumer may last.
    patience_s: float
    admin: Config
    is_cluster: bool
    # Replicas of a new topic; -1 leaves it to the cluster.
    replication: int
    # The embedded broker keeps every record for ever unless they are trimmed.
    needs_trimming: bool
    # It shows a record before one of a lower offset is stored (gravity/bus_gaps.py). On a cluster
    # missing offsets are only marks of transactions.
    shows_gaps: bool
    # The end of a log is told too early, by what its last so many seconds brought.
    ends_early_s: float
    # What consumers of one name share its partitions by: a group of the broker; where None, as
    # groups of the embedded one take 3 to 19 s to join, the members' table in Postgres.
    group: Config | None

    def partitions(self, topic: Topic) -> int:
        """How many partitions a topic has here."""
        return topic.on_cluster if self.is_cluster else topic.embedded

    def places(self, topics: Iterable[Topic]) -> list[Place]:
        """Every partition of the topics."""
        return [(topic.name, n) for topic in topics for n in range(self.partitions(topic))]


def engine_of(bus_url: str) -> Engine:
    """The engine that `bus_url` names. Raises UnknownBus."""
    parts = urlsplit(bus_url)
    client: Config = {"bootstrap.servers": parts.netloc, **_CLIENT}
    if parts.scheme == "tansu" and parts.netloc:
        return _tansu(client)
    if parts.scheme == "kafka" and parts.netloc:
        return _kafka(client)
    raise UnknownBus("the bus's URL must be tansu://host:port or kafka://host:port,host:port")


def _tansu(client: Config) -> Engine:
    producer: Config = {
        **client,
        **_PRODUCER,
        # After a kill it would be told "duplicate" of records that were never written.
        "enable.idempotence": False,
        "max.in.flight": 1,
        # A flight is handed over message by message: its records are to leave together.
        "linger.ms": 5,
    }
    consumer: Config = {**client, **_CONSUMER}
    return Engine(
        producer,
        # Each batch costs the broker and its store 8 ms of CPU, and is an object that every fetch
        # lists: fewer and fuller ones pay for the wait.
        producer_rest=1.0,
        # Each append of the relay is a batch of every topic, and each of these is fetched by all
        # of its readers: together some 70 ms of CPU.
        relay_every_s=0.4,
        # It looks for records, sleeps for half of what is left of the wait, and looks again: each
        # consumer costs it 1% of a core at 100 ms, twice that at 50, a quarter at 500.
        consumer={**consumer, "fetch.wait.max.ms": 100},
        calm_consumer={**consumer, "fetch.wait.max.ms": 500},
        # It reads as many batches as it can within the wait, after listing them all.
        patient_consumer={**consumer, "fetch.wait.max.ms": _PATIENT_MS},
        patience_s=_PATIENT_MS / 1000,
        admin=client,
        is_cluster=False,
        replication=1,
        needs_trimming=True,
        shows_gaps=True,
        ends_early_s=1.0,
        group=None,
    )


def _kafka(client: Config) -> Engine:
    producer: Config = {
        **client,
        **_PRODUCER,
        "enable.idempotence": True,
        "linger.ms": 2,
        "compression.type": "lz4",
    }
    consumer: Config = {**client, **_CONSUMER, "fetch.wait.max.ms": 500}
    return Engine(
        producer,
        producer_rest=0.0,
        relay_every_s=0.0,
        consumer=consumer,
        calm_consumer=consumer,
        patient_consumer=consumer,
        patience_s=0.0,
        admin=client,
        is_cluster=True,
        replication=-1,
        needs_trimming=False,
        shows_gaps=False,
        ends_early_s=0.0,
        group={**client, **_GROUP},
    )
