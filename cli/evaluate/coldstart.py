"""`gravity evaluate coldstart`: how good decks are from a person's first minute on."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cli.evaluate.entry import SHARED, AsJson, BudgetOption, DataFolder, SvgFile, evaluate
from cli.evaluate.kept import Row
from cli.evaluate.over_seeds import found_over_seeds
from cli.evaluate.plan import Budget, Found, Measurement, Say

if TYPE_CHECKING:
    from cli.evaluate.newcomers import Joined
    from features.score import Sides
    from training.cold.newcomers import Cards, Method, Newcomers, Start
    from training.model import Model

SWIPES: Final = (0, 1, 2, 5, 10, 20, 50, 100)
_OURS: Final = "gravity-tower-fold-in"
_TODAY: Final = "fold-in"
_FOLDS: Final = 5
_JUDGED: Final = 200
_DECK: Final = 20
_MODULES: Final = ("training.cold.newcomers", "training.cold.network", "training.towers")
_ALONE: Final = ("cli.evaluate.over_seeds",)

Figures = dict[tuple[str, str, str], float]
"""By task, measure and method."""


@dataclass(frozen=True, slots=True)
class _Size:
    seeds: int
    people: int


_SIZES: Final = {
    Budget.SMOKE: _Size(1, 1_500),
    Budget.STANDARD: _Size(3, 6_000),
    Budget.FULL: _Size(5, 20_000),
}


def coldstart(
    budget: BudgetOption = Budget.STANDARD,
    as_json: AsJson = False,
    data: DataFolder = SHARED,
    svg: SvgFile = None,
) -> None:
    """People who are held out of training, after 0, 1, 2 … 100 swipes: the AUC of their likes (as
    viewers) and of likes of them (as candidates), and by the truth the expected matches of a deck
    of 20, for means, band means, the towers of a profile, and the fold-in with and without them.

    A tenth of the people of each market is new. The network's width and weight decay are chosen on
    a tenth of the others; the closed form has nothing to choose. Intervals are over markets.
    """
    evaluate("coldstart", plan, plot, budget, data, as_json, svg)


def plan(budget: Budget, data: Path) -> Sequence[Measurement]:
    """Simulated markets, and real ratings for the fold-in."""
    from training.rated_swipes import rating_files

    size, folder = _SIZES[budget], data / "libimseti"
    return [
        Measurement(
            "simulated",
            partial(_simulated, size),
            (*_MODULES, "training.fitting", "cli.evaluate.newcomers", "simulator.history"),
            _ALONE,
            settings={"people": size.people, "seeds": size.seeds},
        ),
        Measurement(
            "libimseti",
            partial(_rated, folder),
            ("training.cold.ratings", *_MODULES),
            _ALONE,
            settings={"folds": _FOLDS},
            data=rating_files(folder),
        ),
    ]


def _simulated(size: _Size, say: Say) -> Sequence[Found]:
    worlds = []
    for seed in range(size.seeds):
        say(f"market {seed + 1} of {size.seeds}")
        worlds.append(dict(_world(size.people, seed)))
    return _over_worlds(worlds)


def _world(people: int, seed: int) -> Iterator[tuple[tuple[str, str, str], float]]:
    """The figures of one market."""
    from cli.evaluate.newcomers import ASKED, hold_out
    from features.behaviour import bands
    from training.cold.newcomers import Newcomers, starts
    from training.fitting import TrainingSettings, fit_from_arrays

    joined = hold_out(people, seed)
    datasets, settings = joined.datasets, TrainingSettings()
    model = fit_from_arrays(datasets, settings, seed).final
    said = joined.profiles
    band = bands(said.gender, said.birth_day, datasets.today)
    methods = starts(model, band, _towers(joined, model, seed))
    newcomers = Newcomers(model, said.gender)
    yield from _aucs("simulated", newcomers, methods, joined.given, joined.received, ASKED, SWIPES)
    yield from _matches(joined, newcomers, methods, seed)


def _towers(joined: "Joined", model: "Model", seed: int) -> "Mapping[str, Start]":
    from training.cold.network import fit_network
    from training.cold.newcomers import Start
    from training.towers import fit_towers, tower_inputs

    datasets = joined.datasets
    people, swipes = datasets.people, datasets.swipes
    tower = fit_towers(people, model).expected(joined.profiles, datasets.today)
    network = fit_network(tower_inputs(people), model, swipes, seed)
    other = network.expected(people.code.inputs(joined.profiles, datasets.today))
    return {
        "gravity-tower": Start(tower.taste, tower.appeal, tower.given_rate, tower.received_rate),
        "gravity-network": Start(other.taste, other.appeal, other.given_rate, other.received_rate),
    }


def _moments(method: "Method", swipes: Sequence[int]) -> Sequence[int]:
    """What does not move is the same after any number of swipes."""
    return swipes if method.moves else swipes[:1]


def _aucs(
    task: str,
    newcomers: "Newcomers",
    methods: "Mapping[str, Method]",
    given: "Cards",
    received: "Cards",
    asked: int,
    swipes: Sequence[int],
) -> Iterator[tuple[tuple[str, str, str], float]]:
    from sklearn.metrics import roc_auc_score

    from training.cold.newcomers import asked_logits

    known = newcomers.model.sides()
    for name, method in methods.items():
        for n in _moments(method, swipes):
            for side, cards in (("viewers", given), ("candidates", received)):
                as_viewers = side == "viewers"
                now = _after(newcomers, method, cards, n, as_viewers=as_viewers)
                last = cards.last(asked)
                x = asked_logits(now, known, last, as_viewers=as_viewers)
                auc = float(roc_auc_score(last.liked.ravel(), x.ravel()))
                yield (f"{task}-{side}", f"auc_after_{n}_swipes", name), auc


def _after(
    newcomers: "Newcomers", method: "Method", cards: "Cards", n: int, *, as_viewers: bool
) -> "Sides":
    """The newcomers after n cards on one side, and none on the other."""
    some, none = cards.first(n), cards.first(0)
    return newcomers.sides(method, *((some, none) if as_viewers else (none, some)))


def _matches(
    joined: "Joined", newcomers: "Newcomers", methods: "Mapping[str, Method]", seed: int
) -> Iterator[tuple[tuple[str, str, str], float]]:
    """Expected matches, by the truth, of newcomers' decks of known people, and the reverse."""
    import numpy as np

    rng = np.random.default_rng([seed, 66])
    every, known = np.arange(len(joined.truth_row)), newcomers.model.sides()
    viewers = np.sort(rng.permutation(every)[:_JUDGED])
    around = np.flatnonzero(joined.eligible.sum(axis=0) >= 2 * _DECK)
    hosts = np.sort(rng.permutation(around)[:_JUDGED])
    p_viewers = joined.p_match(viewers, np.arange(len(joined.known_row)))
    p_hosts = joined.p_match(every, hosts)
    for name, method in methods.items():
        for n in _moments(method, SWIPES):
            measure = f"matches_after_{n}_swipes"
            sides = _after(newcomers, method, joined.given, n, as_viewers=True).take(viewers)
            deck = _expected(sides, known, joined.eligible[viewers], p_viewers, axis=1)
            yield ("simulated-viewers", measure, name), deck
            sides = _after(newcomers, method, joined.received, n, as_viewers=False)
            deck = _expected(sides, known.take(hosts), joined.eligible[:, hosts], p_hosts, axis=0)
            yield ("simulated-candidates", measure, name), deck


def _expected(new: "Sides", known: "Sides", may: object, truth: object, axis: int) -> float:
    """Mean over decks of the 20 best along an axis of newcomers and known: their true matches."""
    import numpy as np

    from training.cold.newcomers import match_matrix

    score = np.where(np.asarray(may), match_matrix(new, known), -np.inf)
    best = np.argpartition(-score, _DECK, axis=axis).take(range(_DECK), axis=axis)
    return float(np.take_along_axis(np.asarray(truth), best, axis).sum(axis=axis).mean())


def _rated(folder: Path, say: Say) -> Sequence[Found]:
    import numpy as np

    from training.cold.newcomers import Newcomers, starts
    from training.cold.ratings import ASKED, HISTORY, rated_newcomers
    from training.rated_swipes import read_ratings

    swipes = [n for n in SWIPES if n <= HISTORY]
    worlds: list[Figures] = []
    for new in rated_newcomers(read_ratings(folder), _FOLDS, seed=0):
        say(f"fold {len(worlds) + 1} of {_FOLDS}")
        figures: Figures = {}
        for side, cards in (("viewers", new.given), ("candidates", new.received)):
            p = len(cards.others)
            newcomers = Newcomers(new.model, np.ones(p, np.uint8))
            methods = starts(new.model, np.zeros(p, np.int64), {})
            kept = {"mean": methods["mean"], "gravity-fold-in": methods[_TODAY]}
            found = _aucs("libimseti", newcomers, kept, cards, cards, ASKED, swipes)
            figures |= {key: auc for key, auc in found if key[0].endswith(side)}
        worlds.append(figures)
    return _over_worlds(worlds)


def _over_worlds(worlds: Sequence[Figures]) -> list[Found]:
    found = [found_over_seeds(*key, [world[key] for world in worlds]) for key in worlds[0]]
    for task, measure, method in worlds[0]:
        if method == _OURS and (task, measure, _TODAY) in worlds[0]:
            gains = [w[task, measure, _OURS] - w[task, measure, _TODAY] for w in worlds]
            what, _, when = measure.partition("_")
            found.append(found_over_seeds(task, f"{what}_gain_{when}", _OURS, gains))
    return found


def plot(rows: Sequence[Row], path: Path) -> None:
    """Quality against swipes, for viewer and for candidate."""
    from cli.evaluate.curves import draw_curves

    draw_curves(rows, path)
