"""Membership in the groups of a cluster: who of a consumer's name reads which partitions.

A client here joins, and reads nothing: records are read by `Consumer` from the positions in
Postgres, and no offset is committed. So a group that deals anew interrupts no batch, and a batch
that fails leaves no group.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Final

import confluent_kafka

from contracts.topics import Topic
from gravity.bus_engines import Config
from gravity.bus_records import Place

POLL_S: Final = 0.2


class Groups:
    """This process's membership in one group a consumer; `poll` keeps it, from one thread."""

    def __init__(self, config: Config, consumers: Mapping[str, Sequence[Topic]]) -> None:
        self._config = config
        self._dealt: dict[str, frozenset[Place]] = {}
        self._clients = {name: self._join(name, topics) for name, topics in consumers.items()}

    def poll(self) -> dict[str, frozenset[Place]]:
        """The places of this process by consumer, as far as it has been told.

        Errors that the client does not get over by itself make it join anew, by another client.
        """
        for name, (client, topics) in self._clients.items():
            message = client.poll(0)
            error = message.error() if message is not None else None
            if error is not None and error.fatal():
                client.close()
                self._clients[name] = self._join(name, topics)
        return dict(self._dealt)

    def close(self) -> None:
        """Leave: the others take over."""
        for client, _ in self._clients.values():
            client.close()

    def _join(
        self, name: str, topics: Sequence[Topic]
    ) -> tuple[confluent_kafka.Consumer, Sequence[Topic]]:
        client = confluent_kafka.Consumer(
            {**self._config, "group.id": name}, logger=logging.getLogger("gravity.bus")
        )

        def on_assign(
            client: confluent_kafka.Consumer, places: list[confluent_kafka.TopicPartition]
        ) -> None:
            self._dealt[name] = frozenset((place.topic, place.partition) for place in places)
            # It fetches nothing: what is assigned to it here is nothing.
            client.assign([])

        def on_revoke(
            client: confluent_kafka.Consumer, _: list[confluent_kafka.TopicPartition]
        ) -> None:
            self._dealt[name] = frozenset()
            client.unassign()

        client.subscribe(
            [topic.name for topic in topics],
            on_assign=on_assign,
            on_revoke=on_revoke,
            on_lost=on_revoke,
        )
        return client, topics
