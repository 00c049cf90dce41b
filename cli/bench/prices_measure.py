"""Prices of one population: in a process of its own, whose memory is nobody else's."""

import multiprocessing
import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypedDict

import numpy as np
import numpy.typing as npt

from cli.bench.cache import cache
from cli.bench.world.population import Population, draw_population
from cli.bench.world.seen import draw_seen
from cli.bench.world.source import Source, source_for
from features.behaviour import bands
from features.prices import USUAL_EXPOSURE
from features.ranker import Network
from features.score import Sides
from gravity.kernel import utc_now
from training.market.people import price_people
from training.market.served import TAU
from training.market.settled import Settled
from training.market.week import Week
from training.snapshot import People

Floats = npt.NDArray[np.float32]

_SEED: Final = 9
_CARDS_A_WEEK: Final = np.float32(7 * 20.0)
_VISITS_A_WEEK: Final = 2.5
"""As a release has it: its prices are of what people do while a like waits (training.pricing)."""
_TOLD: Final = 0.5
_DAY_S: Final = 86_400
_KIB_PER_MB: Final = 1e6 / 1024


class Row(TypedDict):
    """seconds of `price_people`, and cpu_s of them that the process had a core; peak_mb: its memory
    with all people in it, grown_mb: by how much the prices raised that; priced: the share of people
    who cost something; median and 99% of the mean prices of those, in nats."""

    people: int
    seconds: float
    cpu_s: float
    peak_mb: float
    grown_mb: float
    priced: float
    median_nats: float
    p99_nats: float


def measure_apart(people: int) -> Row:
    """Measure in a process of its own. Raises what `source_for` does."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(_measure, people, utc_now()).result()


def _measure(people: int, now: datetime) -> Row:
    from threadpoolctl import threadpool_limits

    rng = np.random.default_rng(_SEED)
    source, today = source_for(people, cache(), now), _day(now)
    population = draw_population(source, people, today, rng)
    everybody, sides = _people(population, source, today), _sides(population, source)
    week, settled = _week(population, source), _settled(people, now)
    ranker = Network.unpacked(np.asarray(source.release.arrays.ranker))
    before, started, computed = _peak_mb(), time.perf_counter(), time.process_time()
    with threadpool_limits(1, "blas"):
        prices = price_people(
            everybody,
            settled,
            sides,
            ranker,
            week,
            strength=1.0,
            today=today,
            tau=TAU,
            rng=rng,
        )
    seconds, cpu_s = time.perf_counter() - started, time.process_time() - computed
    mean = prices.mean()
    paying = mean[mean > 0.0]
    median, p99 = np.quantile(paying, (0.5, 0.99)) if len(paying) else (0.0, 0.0)
    return Row(
        people=people,
        seconds=round(seconds, 1),
        cpu_s=round(cpu_s, 1),
        peak_mb=round(_peak_mb(), 1),
        grown_mb=round(_peak_mb() - before, 1),
        priced=round(len(paying) / max(1, people), 4),
        median_nats=round(float(median), 3),
        p99_nats=round(float(p99), 3),
    )


def _people(population: Population, source: Source, today: int) -> People:
    table = population.table
    return People(
        table=table,
        cell=population.cell,
        band=bands(table["gender"], table["birth_day"], today),
        attributes=np.zeros((len(table), 0), np.float32),
        code=source.release.manifest.profile_code,
        exposure=np.full(len(table), USUAL_EXPOSURE, np.float32),
    )


def _sides(population: Population, source: Source) -> Sides:
    """Everybody is somebody of the source again."""
    of, row = source.release.arrays, population.source
    return Sides.of(
        of.taste[row],
        of.appeal[row],
        of.given_rate[row],
        of.received_rate[row],
        of.line[row],
        population.table["gender"],
        source.release.manifest.calibration,
    )


def _settled(people: int, now: datetime) -> Settled:
    """Everybody has swiped some 40 of whom retrieval would find again, and half of those have told
    what they think. In a process of its own: what drawing takes is no memory of the prices."""
    with tempfile.TemporaryDirectory(prefix="gravity-bench-") as folder:
        file = Path(folder) / "pairs.npz"
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            pool.submit(_draw_pairs, people, now, file).result()
        with np.load(file) as pairs:
            return Settled(pairs["swiper"], pairs["swiped"], pairs["told"])


def _draw_pairs(people: int, now: datetime, file: Path) -> None:
    rng = np.random.default_rng(_SEED)
    population = draw_population(source_for(people, cache(), now), people, _day(now), rng)
    swiper, swiped = draw_seen(population, rng).pairs(population.person_id)
    told = rng.random(len(swiper), np.float32) < _TOLD
    np.savez(file, swiper=swiper, swiped=swiped, told=told)


def _day(now: datetime) -> int:
    return int(now.astimezone(UTC).timestamp()) // _DAY_S


def _week(population: Population, source: Source) -> Week:
    """Nobody has likes that wait; people differ in cards as those of the source do, around a mean
    of 20 a day."""
    swiped = np.asarray(source.release.arrays.counts[:, 1], np.float32)
    n = len(population)
    return Week(
        cards=np.asarray(swiped[population.source] * (_CARDS_A_WEEK / swiped.mean()), np.float32),
        visits=np.full(n, _VISITS_A_WEEK, np.float32),
        waiting=np.zeros(n, np.int64),
    )


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _KIB_PER_MB
