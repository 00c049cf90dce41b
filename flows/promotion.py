"""Which release is the champion: aliases in MLflow, said on the bus, signed on the version.

MLflow moves one alias at a time, so what is intended is noted first, on the registered model, until
it is served. What died half way is finished, with the same event, by the next attempt of its kind;
a rollback takes a promotion back that died, and ends where it began: both aliases name what they
named before.
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
    """One change of the champion: who or what asked for it, when, and the event that says so.

    `former` is what the alias `previous` named before, or empty. One that takes back another that
    died half way, instead of which (`previous`) it serves its release again, restores it.
    """

    release: str
    previous: str
    by: str
    at: str
    event_id: str
    kind: Kind = "promotion"
    former: str = ""
    takes_back: bool = False


async def promote(
    mlflow: MLflow,
    kernel: Kernel,
    release: str,
    by: str,
    gates: tuple[Gate, ...],
    kind: Kind = "promotion",
) -> Promotion:
    """Make a release the champion and the champion the previous one; again is without effect.

    `gates` are kept with the version. The release must be materialised and live already. Whoever
    has requests bound to it calls `finish` then.
    """
    promotion = await _intend(mlflow, release, by, kernel.clock, kind)
    if promotion.previous != release:
        await _announce(kernel, promotion)
    await _move_previous(mlflow, promotion)
    await tracking.set_alias(mlflow, CHAMPION, release)
    await tracking.tag_release(mlflow, release, _signature(promotion, gates))
    return promotion


async def finish(mlflow: MLflow) -> None:
    """The release that was promoted is served: there is nothing to take back any more."""
    await tracking.set_model_tag(mlflow, _INTENDED, "")


async def previous_champion(mlflow: MLflow) -> str:
    """The release that a rollback returns to. Raises NothingToRollBackTo."""
    unfinished = await _unfinished(mlflow)
    if unfinished and (unfinished.kind == "rollback" or unfinished.takes_back):
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
    served, former = await _until_now(mlflow, unfinished)
    takes_back = unfinished is not None and release == served
    # It is taken back as if it had been finished: it may have been announced.
    instead_of = unfinished.release if unfinished and takes_back else served
    now = clock()
    at, event_id = now.isoformat(), new_event_id(now)
    intended = Promotion(release, instead_of, by, at, event_id, kind, former, takes_back)
    await tracking.set_model_tag(mlflow, _INTENDED, json.dumps(asdict(intended)))
    return intended


async def _until_now(mlflow: MLflow, unfinished: Promotion | None) -> tuple[str, str]:
    """The champion and the previous one, wherever a promotion that died has left the aliases."""
    if unfinished is None:
        known = await aliases_in(mlflow)
        return known.get(CHAMPION, ""), known.get(PREVIOUS, "")
    # Nobody was ever served what died half way, unless it died between serving and `finish`.
    served = unfinished.release if unfinished.takes_back else unfinished.previous
    return served, unfinished.former


async def _move_previous(mlflow: MLflow, promotion: Promotion) -> None:
    to = promotion.former if promotion.takes_back else promotion.previous
    if to not in ("", promotion.release):
        await tracking.set_alias(mlflow, PREVIOUS, to)
    elif promotion.takes_back and (await aliases_in(mlflow)).get(PREVIOUS) == promotion.release:
        # There was none before the promotion that is taken back.
        await tracking.delete_alias(mlflow, PREVIOUS)


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
