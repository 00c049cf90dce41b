"""The bus: append records and read them back, over the Kafka protocol."""

from gravity.bus_consumer import Consumer
from gravity.bus_producer import Producer
from gravity.bus_records import (
    AppendFailed,
    BrokenBus,
    Message,
    Record,
    RecordPosition,
    WrongBus,
)
from gravity.bus_topics import TopicMismatch, create_topics

__all__ = [
    "AppendFailed",
    "BrokenBus",
    "Consumer",
    "Message",
    "Producer",
    "Record",
    "RecordPosition",
    "TopicMismatch",
    "WrongBus",
    "create_topics",
]
