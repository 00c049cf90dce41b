"""Which release is the champion: aliases in MLflow, said on the bus, signed on the version.

MLflow moves one alias at a time, so what is intended is noted first, on the registered model; a
promotion that died half way is finished, with the same event, by the next attempt.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

from contracts import events_pb2 as events
from contracts.topics import RELEASE_PROMOTED
from features.mlflow_rest import MLflow
from features.registry import CHAMPION, PREVIOUS, aliases_in
from flows import tracking
from flows.gates import Gate, ReleaseRejected, require_all
from gravity import outbox
from gravity.bus import Message
from gravity.ids import new_event_id
from gravity.kernel import Kernel

LANE: Final = "releases"
"""The outbox lane of `release.promoted`; the consumers process relays it."""
_INTENDED: Final = "promotion.intended"


class NothingToRollBackTo(Exception):
    """There is no previous champion."""


@dataclass(frozen=True, slots=True)
class Promotion:
    """One change of the champion: who or what asked for it, when, and the event that says so."""

    release: str
    previous: str
    by: str
    at: str
    event_id: str


async def promote(
    mlflow: MLflow, kernel: Kernel, release: str, by: str, gates: tuple[Gate, ...]
) -> Promotion:
    """Make a release the champion and the champion the previous one; again is without effect.

    `gates` are kept with the version. The release must be materialised and live already.
    """
    promotion = await _intend(mlflow, release, by, kernel.clock)
    if promotion.previous != release:
        await _announce(kernel, promotion)
    if promotion.previous not in ("", release):
        await tracking.set_alias(mlflow, PREVIOUS, promotion.previous)
    await tracking.set_alias(mlflow, CHAMPION, release)
    await tracking.tag_release(mlflow, release, _signature(promotion, gates))
    await tracking.set_model_tag(mlflow, _INTENDED, "")
    return promotion


async def previous_champion(mlflow: MLflow) -> str:
    """The release that a rollback returns to. Raises NothingToRollBackTo."""
    # A rollback that died half way goes on to where it was going.
    unfinished = await tracking.model_tag(mlflow, _INTENDED)
    if unfinished:
        return str(json.loads(unfinished)["release"])
    known = await aliases_in(mlflow)
    target = known.get(PREVIOUS)
    if target is None or target == known.get(CHAMPION):
        raise NothingToRollBackTo
    return target


async def require(mlflow: MLflow, release: str, gates: tuple[Gate, ...], at: datetime) -> None:
    """Raise ReleaseRejected unless every gate was passed; which ones were not is noted."""
    try:
        require_all(gates)
    except ReleaseRejected:
        await reject(mlflow, release, gates, at)
        raise


async def reject(mlflow: MLflow, release: str, gates: tuple[Gate, ...], at: datetime) -> None:
    """Note on the version that it was refused, and why."""
    refused = {gate.name: gate.found for gate in gates if not gate.passed}
    tags = {"rejected.at": at.isoformat(), "rejected.because": json.dumps(refused)}
    await tracking.tag_release(mlflow, release, tags)


async def _intend(
    mlflow: MLflow, release: str, by: str, clock: Callable[[], datetime]
) -> Promotion:
    unfinished = await tracking.model_tag(mlflow, _INTENDED)
    if unfinished:
        intended = Promotion(**json.loads(unfinished))
        if intended.release == release:
            return intended
    now = clock()
    champion = (await aliases_in(mlflow)).get(CHAMPION, "")
    intended = Promotion(release, champion, by, now.isoformat(), new_event_id(now))
    await tracking.set_model_tag(mlflow, _INTENDED, json.dumps(asdict(intended)))
    return intended


async def _announce(kernel: Kernel, promotion: Promotion) -> None:
    occurred = datetime.fromisoformat(promotion.at)
    event = events.ReleasePromoted(
        event_id=promotion.event_id,
        occurred_at_ms=int(occurred.timestamp() * 1000),
        release=promotion.release,
        previous=promotion.previous,
        promoted_by=promotion.by,
    )
    key = promotion.release.encode()
    message = Message(RELEASE_PROMOTED.name, key, event.SerializeToString())
    async with kernel.pool.acquire() as conn, conn.transaction():
        await outbox.put(conn, LANE, [message])


def _signature(promotion: Promotion, gates: tuple[Gate, ...]) -> Mapping[str, str]:
    signature = {
        "promoted.by": promotion.by,
        "promoted.at": promotion.at,
        "promoted.instead_of": promotion.previous,
    }
    if gates:
        signature["promoted.on"] = json.dumps({gate.name: gate.found for gate in gates})
    return signature
