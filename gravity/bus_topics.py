"""Creating topics."""

import asyncio
from collections.abc import Iterable

import confluent_kafka
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from contracts.topics import Topic
from gravity.bus_engines import engine_of


class TopicMismatch(Exception):
    """A topic exists with another number of partitions: consumers would read only some of them,
    and keys would land elsewhere than before."""

    def __init__(self, topic: str, found: int, expected: int) -> None:
        super().__init__(f"{topic} has {found} partitions on this bus; expected are {expected}")
        self.topic = topic
        self.found = found
        self.expected = expected


async def create_topics(bus_url: str, topics: Iterable[Topic]) -> None:
    """Create the topics that do not exist.

    Raises TopicMismatch before it creates any; KafkaException when the broker refuses.
    """
    engine = engine_of(bus_url)
    wanted = [
        NewTopic(topic.name, engine.partitions(topic), engine.replication) for topic in topics
    ]
    await asyncio.to_thread(_create, AdminClient(engine.admin), wanted)


def _create(admin: AdminClient, wanted: list[NewTopic]) -> None:
    existing = admin.list_topics(timeout=30).topics
    for topic in wanted:
        if topic.topic in existing:
            _compare(topic, len(existing[topic.topic].partitions))
    missing = [topic for topic in wanted if topic.topic not in existing]
    if not missing:
        return
    for created in admin.create_topics(missing, operation_timeout=30).values():
        try:
            created.result()
        except confluent_kafka.KafkaException as error:
            # Two processes may start together.
            if error.args[0].code() != confluent_kafka.KafkaError.TOPIC_ALREADY_EXISTS:
                raise


def _compare(wanted: NewTopic, found: int) -> None:
    if found != wanted.num_partitions:
        raise TopicMismatch(wanted.topic, found, wanted.num_partitions)
