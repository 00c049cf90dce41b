"""A release's vectors as a collection of a Milvus: embedded, standalone or a cluster, by its URL.

Nothing but this module knows pymilvus, and nothing imports it unless a URL says so: it takes a
second and 100 MB.
"""

import contextlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import grpc
import numpy as np
import numpy.typing as npt
from pymilvus import DataType, MilvusClient, MilvusException

from features.eligibility import Candidates
from serving.index import IndexUnavailable
from serving.milvus_filter import ROW, kinds_of

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

MOST: Final = 16_384
"""Milvus answers with no more."""
_VECTOR: Final = "vector"
_COLUMNS: Final = {
    "x": DataType.DOUBLE,
    "y": DataType.DOUBLE,
    "z": DataType.DOUBLE,
    "reach": DataType.DOUBLE,
    "kind": DataType.INT32,
    "birth_day": DataType.INT32,
    "age_min": DataType.INT16,
    "age_max": DataType.INT16,
}
_EVERYWHERE: Final = 5.0
"""More than any squared chord, and a number: Milvus has no infinity."""
_BATCH: Final = 10_000
_CONNECT_S: Final = 10.0
_QUIET: Final = {"grpc.keepalive_permit_without_calls": False}
"""An embedded Milvus breaks off with whoever asks every ten seconds whether it is there."""
_SETTLE_S: Final = 600.0
_CALL_S: Final = 5.0
"""For what is done at once; more than one of them happen while others wait (`serving.claims`)."""


@dataclass(frozen=True, slots=True)
class Hits:
    """Rows (m,) and their inner products (m,), best first."""

    rows: Ints
    scores: Floats


class Milvus:
    """A connection; every method blocks, and may be called from several threads.

    All raise `IndexUnavailable`.
    """

    def __init__(self, url: str) -> None:
        # It logs each error with its traceback, beside raising it.
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
        if not url.startswith(("http://", "https://")):
            Path(url).parent.mkdir(parents=True, exist_ok=True)
        with _translated("connecting"):
            self._client = MilvusClient(url, timeout=_CONNECT_S, grpc_options=_QUIET)

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    def publish(self, name: str, draft: str, people: Candidates, vectors: Floats) -> None:
        """Have a collection loaded and searched once, filled with people (n,) and their vectors
        (n, width) before where it is missing.

        Until it is complete it is named `draft`, which is the caller's own, and not there yet. So
        it is whole or absent, whoever dies meanwhile and however many fill it at the same time.
        """
        with _translated(name):
            if not self._client.has_collection(name, timeout=_CALL_S):
                self._fill(name, draft, people, vectors)
            self._client.load_collection(name, timeout=_SETTLE_S)
        # The first search of a loaded collection takes seconds.
        self.search(name, np.zeros(vectors.shape[1], np.float32), "", 1, _SETTLE_S)

    def names(self, prefix: str) -> set[str]:
        """Of every collection whose name begins so."""
        with _translated(prefix):
            names: list[str] = self._client.list_collections(timeout=_CALL_S)
            return {name for name in names if name.startswith(prefix)}

    def drop(self, name: str) -> None:
        """Drop a collection, if it is there."""
        with _translated(name):
            self._drop(name)

    def search(
        self, name: str, vector: Floats, expression: str, limit: int, timeout_s: float
    ) -> Hits:
        """The best of the rows that pass, at most `limit` <= MOST."""
        with _translated(name):
            found: Any = self._client.search(
                name,
                [vector],
                filter=expression,
                limit=limit,
                anns_field=_VECTOR,
                search_params={"metric_type": "IP"},
                # It never changes: any replica that has loaded it has all of it.
                consistency_level="Eventually",
                timeout=timeout_s,
            )
        hits = found[0]
        return Hits(
            np.fromiter((hit[ROW] for hit in hits), np.int64, len(hits)),
            np.fromiter((hit["distance"] for hit in hits), np.float32, len(hits)),
        )

    def _fill(self, name: str, draft: str, people: Candidates, vectors: Floats) -> None:
        try:
            self._create(draft, vectors.shape[1])
            for batch in _batches(people, vectors):
                self._insert(draft, batch)
            self._client.flush(draft, timeout=_SETTLE_S)
            self._index(draft)
            self._check(draft, int(people.visible.sum()))
            self._client.rename_collection(draft, name, timeout=_SETTLE_S)
        except BaseException as error:
            with contextlib.suppress(MilvusException, grpc.RpcError):
                self._drop(draft)
                if isinstance(error, MilvusException) and self._client.has_collection(name):
                    # Somebody was faster.
                    return
            raise

    def _drop(self, name: str) -> None:
        if self._client.has_collection(name, timeout=_CALL_S):
            self._client.drop_collection(name, timeout=_CALL_S)

    def _create(self, draft: str, width: int) -> None:
        schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field(ROW, DataType.INT64, is_primary=True)
        for column, kind in _COLUMNS.items():
            schema.add_field(column, kind)
        schema.add_field(_VECTOR, DataType.FLOAT_VECTOR, dim=width)
        self._client.create_collection(draft, schema=schema, timeout=_SETTLE_S)

    def _insert(self, draft: str, columns: list[dict[str, Any]]) -> None:
        # By columns, which `MilvusClient.insert` cannot: its rows take it five times as long.
        handler: Any = self._client._get_connection()
        context = self._client._generate_call_context()
        handler.batch_insert(draft, columns, timeout=_SETTLE_S, context=context)

    def _index(self, draft: str) -> None:
        # Exact: graphs and lists miss the best where norms differ as much as here.
        index = MilvusClient.prepare_index_params()
        index.add_index(_VECTOR, index_type="FLAT", metric_type="IP")
        self._client.create_index(draft, index, timeout=_SETTLE_S)

    def _check(self, draft: str, count: int) -> None:
        """Raises `IndexUnavailable` unless the draft holds so many people."""
        self._client.load_collection(draft, timeout=_SETTLE_S)
        answer = self._client.query(
            draft,
            filter="",
            output_fields=["count(*)"],
            consistency_level="Strong",
            timeout=_SETTLE_S,
        )
        found = answer[0]["count(*)"]
        if found != count:
            raise IndexUnavailable(f"{draft} holds {found} of {count} people")


def _batches(people: Candidates, vectors: Floats) -> Iterator[list[dict[str, Any]]]:
    """Columns of the visible people; nobody else can be eligible as the snapshot has them."""
    visible = np.flatnonzero(people.visible)
    kinds = {ROW: DataType.INT64, **_COLUMNS, _VECTOR: DataType.FLOAT_VECTOR}
    for start in range(0, len(visible), _BATCH):
        rows = visible[start : start + _BATCH]
        batch = people.take(rows)
        values: dict[str, npt.NDArray[Any]] = {
            ROW: rows,
            **{name: getattr(batch, name) for name in ("x", "y", "z")},
            **{name: getattr(batch, name) for name in ("birth_day", "age_min", "age_max")},
            "reach": np.minimum(batch.reach, _EVERYWHERE),
            "kind": kinds_of(batch),
            _VECTOR: vectors[rows],
        }
        yield [
            {"name": name, "type": kind, "values": values[name].tolist()}
            for name, kind in kinds.items()
        ]


@contextmanager
def _translated(what: str) -> Iterator[None]:
    try:
        yield
    except (MilvusException, grpc.RpcError) as error:
        raise IndexUnavailable(f"{what}: {_words(error)}") from error


def _words(error: Exception) -> str:
    code = error.code() if isinstance(error, grpc.RpcError) else error
    return str(code)
