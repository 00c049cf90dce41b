"""Promotion, rollback and what becomes of a release in between, on real MLflow, Redis and bus."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ParamSpec

import numpy as np
import pytest

from contracts import events_pb2 as events
from contracts.topics import RELEASE_PROMOTED
from features.mlflow_rest import MLflow
from features.person_row import person_row_key
from features.reader import read
from features.registry import aliases_in, download, version
from features.stream import apply_swipes
from features.swipe_state import Swipe
from features.views import factors
from flows import activation, promotion, tracking
from flows.activation import Candidate
from flows.gates import ReleaseRejected
from flows.learning import Draft
from flows.promote import PromotionUnderWay, exclusive, promote_release, roll_back
from flows.promotion import NothingToRollBackTo
from flows.retirement import hold_name
from gravity import positions
from gravity.bus import Consumer
from gravity.kernel import Kernel
from tests.flows.drafts import registered
from tests.flows.worlds import utc_now


def quiet(_: str) -> None:
    """Nobody listens."""


async def serving(kernel: Kernel) -> str | None:
    found = await kernel.redis.get("release:serving")
    return None if found is None else found.decode()


async def announced(kernel: Kernel, at_least: int) -> list[events.ReleasePromoted]:
    """What is on the bus about promotions, once that many are."""
    consumer = Consumer.open(kernel.settings.bus_url, {(RELEASE_PROMOTED.name, 0): 0})
    found: list[events.ReleasePromoted] = []
    try:
        while len(found) < at_least:
            records = await consumer.poll(10, 0.5)
            found += [events.ReleasePromoted.FromString(record.value) for record in records]
    finally:
        await consumer.close()
    return found


async def test_promotion_serves_the_release_and_says_who_and_on_which_numbers(
    kernel: Kernel, mlflow: MLflow, draft: Draft, workers: None, tmp_path: Path
) -> None:
    release = (await registered(kernel, mlflow, draft, tmp_path)).id
    await promote_release(mlflow, kernel, release, "Ada", quiet)

    assert await aliases_in(mlflow) == {"champion": release}
    assert await serving(kernel) == release
    [event] = await announced(kernel, 1)
    assert (event.release, event.previous, event.promoted_by) == (release, "", "Ada")
    tags = (await version(mlflow, release)).tags
    assert tags["promoted.by"] == "Ada"
    assert "auc_learned" in tags["promoted.on"]


async def test_every_person_has_the_factors_of_the_release(
    kernel: Kernel, mlflow: MLflow, draft: Draft, workers: None, tmp_path: Path
) -> None:
    candidate = await registered(kernel, mlflow, draft, tmp_path)
    await promote_release(mlflow, kernel, candidate.id, "Ada", quiet)

    a = candidate.release.arrays
    view = factors(candidate.id)
    rows = (await read(kernel.redis, [view], a.person_id))[view.name]
    assert np.array_equal(rows.lists("taste"), a.taste)
    assert np.allclose(rows.numbers("received_rate"), a.received_rate)


async def test_swipes_after_the_window_are_replayed_before_anybody_is_served(
    kernel: Kernel, mlflow: MLflow, draft: Draft, workers: None, tmp_path: Path
) -> None:
    candidate = await registered(kernel, mlflow, draft, tmp_path)
    a = candidate.release.arrays
    viewer, liked, newcomer = int(a.person_id[0]), int(a.person_id[1]), 10_000
    now_ms = int(utc_now().timestamp() * 1000)
    late = [
        Swipe(swiper, liked, events.ACTION_LIKE, now_ms, 0, offset)
        for offset, swiper in enumerate((viewer, newcomer))
    ]
    await kernel.redis.set(person_row_key(newcomer), b"")
    await apply_swipes(kernel.redis, late, {})
    await promote_release(mlflow, kernel, candidate.id, "Ada", quiet)

    view = factors(candidate.id)
    rows = (await read(kernel.redis, [view], [viewer, newcomer]))[view.name]
    assert not np.array_equal(rows.lists("taste")[0], a.taste[0])
    assert np.isfinite(rows.lists("taste")).all()


async def test_a_rollback_serves_the_previous_champion_and_back_again(
    kernel: Kernel, mlflow: MLflow, draft: Draft, workers: None, tmp_path: Path
) -> None:
    first = (await registered(kernel, mlflow, draft, tmp_path)).id
    await promote_release(mlflow, kernel, first, "Ada", quiet)
    second = (await registered(kernel, mlflow, draft, tmp_path)).id
    await promote_release(mlflow, kernel, second, "Ada", quiet)
    assert await aliases_in(mlflow) == {"champion": second, "previous": first}

    await roll_back(mlflow, kernel, "Grace", quiet)
    assert await aliases_in(mlflow) == {"champion": first, "previous": second}
    assert await serving(kernel) == first
    await roll_back(mlflow, kernel, "Grace", quiet)
    assert await serving(kernel) == second


async def test_what_no_alias_names_any_more_is_taken_down(
    kernel: Kernel, mlflow: MLflow, draft: Draft, workers: None, tmp_path: Path
) -> None:
    made = []
    for _ in range(3):
        made.append(await registered(kernel, mlflow, draft, tmp_path))
        await promote_release(mlflow, kernel, made[-1].id, "Ada", quiet)
    oldest = made[0]

    assert await activation.live_releases(kernel) == sorted(m.id for m in made[1:])
    assert not (activation.releases_folder(kernel) / oldest.id).exists()
    view = factors(oldest.id)
    rows = (await read(kernel.redis, [view], oldest.release.arrays.person_id))[view.name]
    assert (rows.event_ms == -1).all()


async def test_a_release_that_is_passed_over_keeps_no_record_from_being_trimmed(
    kernel: Kernel, mlflow: MLflow, draft: Draft, workers: None, tmp_path: Path
) -> None:
    passed_over, promoted, on_its_way = [
        await registered(kernel, mlflow, draft, tmp_path) for _ in range(3)
    ]
    async with kernel.pool.acquire() as conn:
        for made in (passed_over, promoted, on_its_way):
            await positions.hold(conn, hold_name(made.id), {("profile.changed", 0): 0})
        await promote_release(mlflow, kernel, promoted.id, "Ada", quiet)
        kept = await positions.holds(conn)
    assert sorted(kept) == [hold_name(promoted.id), hold_name(on_its_way.id)]


async def test_without_a_previous_champion_there_is_nothing_to_roll_back_to(
    kernel: Kernel, mlflow: MLflow, draft: Draft, workers: None, tmp_path: Path
) -> None:
    release = (await registered(kernel, mlflow, draft, tmp_path)).id
    await promote_release(mlflow, kernel, release, "Ada", quiet)
    with pytest.raises(NothingToRollBackTo):
        await roll_back(mlflow, kernel, "Grace", quiet)


async def test_a_release_that_fails_a_gate_is_refused_and_says_why(
    kernel: Kernel, mlflow: MLflow, draft: Draft, tmp_path: Path
) -> None:
    worse = {**draft.manifest.evaluation, "retrieval_recall_at_20": 0.2}
    manifest = draft.manifest.model_copy(update={"evaluation": worse})
    candidate = await registered(kernel, mlflow, draft, tmp_path)
    folder = activation.releases_folder(kernel) / candidate.id
    (folder / "manifest.json").write_text(manifest.model_dump_json())

    with pytest.raises(ReleaseRejected, match="retrieval"):
        await promote_release(mlflow, kernel, candidate.id, "Ada", quiet)
    assert await aliases_in(mlflow) == {}
    assert await serving(kernel) is None
    assert "retrieval" in (await version(mlflow, candidate.id)).tags["rejected.because"]


class Killed(Exception):
    """Stands for a process that ends here."""


STEPS = ("materialise", "follow", "replay", "prepare", "promote", "serve")


@pytest.mark.parametrize("step", STEPS)
async def test_a_promotion_that_died_at_any_step_is_completed_by_the_next_attempt(
    kernel: Kernel, mlflow: MLflow, draft: Draft, workers: None, tmp_path: Path, step: str
) -> None:
    first = (await registered(kernel, mlflow, draft, tmp_path)).id
    await promote_release(mlflow, kernel, first, "Ada", quiet)
    second = await registered(kernel, mlflow, draft, tmp_path)
    await take_steps_until(kernel, mlflow, second, step)

    await promote_release(mlflow, kernel, second.id, "Ada", quiet)
    assert await aliases_in(mlflow) == {"champion": second.id, "previous": first}
    assert await serving(kernel) == second.id
    ids = {(e.release, e.previous) for e in await announced(kernel, 2)}
    assert ids == {(first, ""), (second.id, first)}


async def take_steps_until(kernel: Kernel, mlflow: MLflow, candidate: Candidate, last: str) -> None:
    """The steps of a promotion up to and including `last`, and no further."""
    steps: dict[str, Callable[[], Awaitable[object]]] = {
        "materialise": lambda: activation.materialise(kernel, candidate),
        "follow": lambda: activation.follow(kernel, candidate.id),
        "replay": lambda: activation.replay(kernel, candidate),
        "prepare": lambda: activation.prepare(kernel, candidate.id),
        "promote": lambda: promotion.promote(mlflow, kernel, candidate.id, "Ada", ()),
        "serve": lambda: activation.serve(kernel, candidate.id),
    }
    for name in STEPS:
        await steps[name]()
        if name == last:
            return


# How many of the writes that follow the note were made before the end: the alias `previous`, the
# alias `champion`, the signature, `release:serving`; what is left then is the end of the note.
MADE = (0, 1, 2, 3, 4)
NOT_SERVED = MADE[:-1]
P = ParamSpec("P")


@contextmanager
def dying_after(made: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What promotes or rolls back in the block ends after so many writes."""
    calls = 0

    def counted(write: Callable[P, Awaitable[None]]) -> Callable[P, Awaitable[None]]:
        async def dying(*args: P.args, **kwargs: P.kwargs) -> None:
            nonlocal calls
            calls += 1
            if calls > made:
                raise Killed
            await write(*args, **kwargs)

        return dying

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(tracking, "set_alias", counted(tracking.set_alias))
        patched.setattr(tracking, "tag_release", counted(tracking.tag_release))
        patched.setattr(activation, "serve", counted(activation.serve))
        patched.setattr(promotion, "finish", counted(promotion.finish))
        yield


async def three(
    kernel: Kernel, mlflow: MLflow, draft: Draft, tmp_path: Path
) -> tuple[str, str, str]:
    """Registered releases; the first was champion, the second is."""
    first, second = [(await registered(kernel, mlflow, draft, tmp_path)).id for _ in range(2)]
    for release in (first, second):
        await promote_release(mlflow, kernel, release, "Ada", quiet)
    return first, second, (await registered(kernel, mlflow, draft, tmp_path)).id


@pytest.mark.parametrize("made", MADE)
async def test_a_rollback_that_died_is_moved_on_with_the_same_event(
    kernel: Kernel,
    mlflow: MLflow,
    draft: Draft,
    workers: None,
    tmp_path: Path,
    made: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second, _ = await three(kernel, mlflow, draft, tmp_path)
    with dying_after(made, monkeypatch):
        await roll_back(mlflow, kernel, "Grace", quiet)

    await roll_back(mlflow, kernel, "Grace", quiet)
    assert await aliases_in(mlflow) == {"champion": first, "previous": second}
    back = [e for e in await announced(kernel, 4) if e.release == first and e.previous == second]
    assert len({e.event_id for e in back}) == 1


@pytest.mark.parametrize("made", MADE)
async def test_a_rollback_takes_a_promotion_back_that_died(
    kernel: Kernel,
    mlflow: MLflow,
    draft: Draft,
    workers: None,
    tmp_path: Path,
    made: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second, third = await three(kernel, mlflow, draft, tmp_path)
    with dying_after(made, monkeypatch):
        await promote_release(mlflow, kernel, third, "Ada", quiet)

    said: list[str] = []
    await roll_back(mlflow, kernel, "Grace", said.append)
    assert f"the promotion of release {third}, which died half way, is taken back" in said
    # As before the promotion.
    assert await aliases_in(mlflow) == {"champion": second, "previous": first}
    assert await serving(kernel) == second
    assert await activation.live_releases(kernel) == sorted([first, second])
    events_of = [(e.release, e.previous) for e in await announced(kernel, 4)]
    assert events_of[-2:] == [(third, second), (second, third)]

    await roll_back(mlflow, kernel, "Grace", quiet)
    assert await aliases_in(mlflow) == {"champion": first, "previous": second}
    assert await serving(kernel) == first
    # It left no trace but its version, and is promoted as any other.
    await promote_release(mlflow, kernel, third, "Ada", quiet)
    assert await aliases_in(mlflow) == {"champion": third, "previous": first}


@pytest.mark.parametrize("made", MADE)
async def test_a_rollback_that_died_while_taking_back_is_completed_by_the_next(
    kernel: Kernel,
    mlflow: MLflow,
    draft: Draft,
    workers: None,
    tmp_path: Path,
    made: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second, third = await three(kernel, mlflow, draft, tmp_path)
    with dying_after(2, monkeypatch):
        await promote_release(mlflow, kernel, third, "Ada", quiet)
    with dying_after(made, monkeypatch):
        await roll_back(mlflow, kernel, "Grace", quiet)

    await roll_back(mlflow, kernel, "Grace", quiet)
    assert await aliases_in(mlflow) == {"champion": second, "previous": first}
    assert await serving(kernel) == second
    assert await activation.live_releases(kernel) == sorted([first, second])
    back = [e for e in await announced(kernel, 5) if (e.release, e.previous) == (second, third)]
    assert len({e.event_id for e in back}) == 1


@pytest.mark.parametrize("made", (1, 3))
async def test_a_promotion_after_a_taking_back_that_died_is_taken_back_to_the_same(
    kernel: Kernel,
    mlflow: MLflow,
    draft: Draft,
    workers: None,
    tmp_path: Path,
    made: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second, third = await three(kernel, mlflow, draft, tmp_path)
    with dying_after(1, monkeypatch):
        await promote_release(mlflow, kernel, third, "Ada", quiet)
    with dying_after(made, monkeypatch):
        await roll_back(mlflow, kernel, "Grace", quiet)
    with dying_after(made, monkeypatch):
        await promote_release(mlflow, kernel, third, "Ada", quiet)
    # The way back is known still.
    await roll_back(mlflow, kernel, "Grace", quiet)
    assert await aliases_in(mlflow) == {"champion": second, "previous": first}


@pytest.mark.parametrize("made", (0, 2))
async def test_taking_the_second_promotion_back_leaves_no_previous_champion(
    kernel: Kernel,
    mlflow: MLflow,
    draft: Draft,
    workers: None,
    tmp_path: Path,
    made: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = [(await registered(kernel, mlflow, draft, tmp_path)).id for _ in range(2)]
    await promote_release(mlflow, kernel, first, "Ada", quiet)
    with dying_after(made, monkeypatch):
        await promote_release(mlflow, kernel, second, "Ada", quiet)
    await roll_back(mlflow, kernel, "Grace", quiet)
    assert await aliases_in(mlflow) == {"champion": first}
    assert await serving(kernel) == first
    with pytest.raises(NothingToRollBackTo):
        await roll_back(mlflow, kernel, "Grace", quiet)


@pytest.mark.parametrize("made", NOT_SERVED)
async def test_another_promotion_after_one_that_died_is_instead_of_what_was_served(
    kernel: Kernel,
    mlflow: MLflow,
    draft: Draft,
    workers: None,
    tmp_path: Path,
    made: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, second, third = await three(kernel, mlflow, draft, tmp_path)
    with dying_after(made, monkeypatch):
        await promote_release(mlflow, kernel, third, "Ada", quiet)
    fourth = (await registered(kernel, mlflow, draft, tmp_path)).id
    await promote_release(mlflow, kernel, fourth, "Ada", quiet)
    assert await aliases_in(mlflow) == {"champion": fourth, "previous": second}


async def test_a_first_promotion_that_died_leaves_nothing_to_roll_back_to(
    kernel: Kernel,
    mlflow: MLflow,
    draft: Draft,
    workers: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = (await registered(kernel, mlflow, draft, tmp_path)).id
    with dying_after(0, monkeypatch):
        await promote_release(mlflow, kernel, first, "Ada", quiet)
    with pytest.raises(NothingToRollBackTo):
        await roll_back(mlflow, kernel, "Grace", quiet)


async def test_two_promotions_do_not_run_at_once(kernel: Kernel, mlflow: MLflow) -> None:
    async with exclusive(kernel):
        with pytest.raises(PromotionUnderWay):
            await roll_back(mlflow, kernel, "Grace", quiet)


async def test_a_download_is_whole_and_equal(
    kernel: Kernel, mlflow: MLflow, draft: Draft, tmp_path: Path
) -> None:
    candidate = await registered(kernel, mlflow, draft, tmp_path)
    elsewhere = tmp_path / "another machine"
    path = await download(kernel.settings.mlflow_url, candidate.id, elsewhere)
    here = activation.releases_folder(kernel) / candidate.id
    names = sorted(file.name for file in here.iterdir())
    assert sorted(file.name for file in path.iterdir()) == names
    assert all((path / name).read_bytes() == (here / name).read_bytes() for name in names)
    assert [child.name for child in elsewhere.iterdir()] == [candidate.id]
