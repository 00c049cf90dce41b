"""`gravity evaluate photos`: what the network of photos is worth, and that it learns no looks."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cli.evaluate.entry import SHARED, AsJson, BudgetOption, DataFolder, SvgFile, evaluate
from cli.evaluate.kept import Row
from cli.evaluate.plan import Budget, Found, Measurement, Say

if TYPE_CHECKING:
    from cli.evaluate.photos_learned import Learned

_FACES: Final = Path("faces-omi")
_TRAITS: Final = _FACES / "attribute_means.csv"
_SEED: Final = 3
_PEOPLE: Final = {Budget.SMOKE: 1_500, Budget.STANDARD: 15_000, Budget.FULL: 59_946}
_DRAWINGS: Final = {Budget.SMOKE: 160, Budget.STANDARD: 3_000, Budget.FULL: 3_000}
_VIEWERS: Final = {Budget.SMOKE: 100, Budget.STANDARD: 1_000, Budget.FULL: 4_000}
_EPOCHS: Final = {Budget.SMOKE: 1, Budget.STANDARD: 4, Budget.FULL: 12}
_CENTRES: Final = {Budget.SMOKE: 8, Budget.STANDARD: 256, Budget.FULL: 256}


def photos(
    budget: BudgetOption = Budget.STANDARD,
    as_json: AsJson = False,
    data: DataFolder = SHARED,
    svg: SvgFile = None,
) -> None:
    """The network of photos beside raw pixels, colours and itself untrained.

    On drawn avatars that it has never seen: how well hidden tastes follow from its vectors, and
    likes. On faces: perceived traits, and viewers who like mixtures of them, after some swipes. In
    a simulated market: decks with and without photos, and the audit, by which somebody else's taste
    must not tell how liked a photo is. And how fast it is.
    """
    evaluate("photos", plan, plot, budget, data, as_json, svg)


def plan(budget: Budget, data: Path) -> Sequence[Measurement]:
    """All tasks, as large as the budget allows."""
    people, drawings, viewers = _PEOPLE[budget], _DRAWINGS[budget], _VIEWERS[budget]
    how = {"epochs": _EPOCHS[budget], "centres": _CENTRES[budget]}
    settings = {"people": people, "drawings": drawings, **how}
    learned = partial(_learned, people, drawings, how)
    return [
        Measurement(
            "avatars",
            partial(_avatars, learned),
            ("cli.evaluate.photos_avatars",),
            seed=_SEED,
            settings=settings,
        ),
        Measurement(
            "market",
            partial(_market, learned, viewers),
            ("cli.evaluate.photos_market", "cli.evaluate.photos_learned"),
            seed=_SEED,
            settings={**settings, "viewers": viewers},
        ),
        Measurement(
            "faces",
            partial(_faces, learned, how, data / _FACES),
            ("cli.evaluate.photos_faces",),
            seed=_SEED,
            settings=settings,
            data=(data / _TRAITS,),
        ),
        Measurement(
            "speed",
            partial(_speed, learned),
            ("cli.evaluate.photos_speed",),
            seed=_SEED,
            settings=settings,
        ),
    ]


def _learned(people: int, drawings: int, how: Mapping[str, int], say: Say) -> "Learned":
    """Once for all measurements of a process."""
    from cli.evaluate.photos_learned import learn
    from training.photos.fitting import PhotoSettings

    return learn(people, drawings, PhotoSettings(**how), _SEED, say)


def _avatars(learned: "partial[Learned]", say: Say) -> Sequence[Found]:
    from cli.evaluate.photos_avatars import measure

    return measure(learned(say), _SEED, say)


def _market(learned: "partial[Learned]", viewers: int, say: Say) -> Sequence[Found]:
    from cli.evaluate.photos_market import measure_market

    found = learned(say)
    return measure_market(found.drawn, found.vectors(), found.shown, viewers, _SEED, say)


def _faces(
    learned: "partial[Learned]", how: Mapping[str, int], folder: Path, say: Say
) -> Sequence[Found]:
    from cli.evaluate.photos_faces import measure
    from training.photos.fitting import PhotoSettings

    return measure(learned(say), folder, PhotoSettings(**how), _SEED, say)


def _speed(learned: "partial[Learned]", say: Say) -> Sequence[Found]:
    from cli.evaluate.photos_speed import measure

    return measure(learned(say))


def plot(rows: Sequence[Row], path: Path) -> None:
    """Every measure of all tasks."""
    from cli.evaluate.bars import draw_bars

    draw_bars(rows, path, "Photos: what the network sees, beside what anybody could")
