"""Which release is the champion: aliases in MLflow, said on the bus, signed on the version.

MLflow moves one alias at a time, so what is intended is noted first, on the registered model. What
died half way is finished, with the same event, by the next attempt of its kind; a rollback takes a
promotion back that died, and ends where it began.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final, Literal

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

Kind = Literal["promotion", "rollback"]


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
    kind: Kind = "promotion"


async def promote(
    mlflow: MLflow,
    kernel: Kernel,
    release: str,
    by: str,
    gates: tuple[Gate, ...],
    kind: Kind = "promotion",
) -> Promotion:
    """Make a release the champion and the champion the previous one; again is without effect.

    `gates` are kept with the version. The release must be materialised and live already.
    """
    promotion = await _intend(mlflow, release, by, kernel.clock, kind)
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
    unfinished = await _unfinished(mlflow)
    if unfinished and unfinished.kind == "rollback":
        return unfinished.release
    if unfinished and unfinished.previous != unfinished.release:
        # Wherever the aliases are by now: this is what they were to be moved from.
        target, champion = unfinished.previous, unfinished.release
    else:
        known = await aliases_in(mlflow)
        target, champion = known.get(PREVIOUS, ""), known.get(CHAMPION, "")
    if target in ("", champion):
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


async def _unfinished(mlflow: MLflow) -> Promotion | None:
    noted = await tracking.model_tag(mlflow, _INTENDED)
    return Promotion(**json.loads(noted)) if noted else None


async def _intend(
    mlflow: MLflow, release: str, by: str, clock: Callable[[], datetime], kind: Kind
) -> Promotion:
    unfinished = await _unfinished(mlflow)
    if unfinished and unfinished.release == release:
        return unfinished
    now = clock()
    instead_of = await _champion_until_now(mlflow, unfinished, release)
    intended = Promotion(release, instead_of, by, now.isoformat(), new_event_id(now), kind)
    await tracking.set_model_tag(mlflow, _INTENDED, json.dumps(asdict(intended)))
    return intended


async def _champion_until_now(mlflow: MLflow, unfinished: Promotion | None, release: str) -> str:
    if unfinished is None:
        return (await aliases_in(mlflow)).get(CHAMPION, "")
    if release == unfinished.previous:
        # It is taken back, as if it had been finished: it may have been announced.
        return unfinished.release
    # Nobody was ever served what died half way.
    return unfinished.previous


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
