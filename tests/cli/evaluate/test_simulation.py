"""Markets of several seeds at once, which go on where they were interrupted."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cli.evaluate import simulation
from cli.evaluate.plan import Budget
from cli.evaluate.simulation import plan
from cli.evaluate.simulation_played import Played, Size, play

SIZE = Size(seeds=2, people=250, days=3, policies=("ceiling", "random"))


def test_who_is_interrupted_goes_on_there(tmp_path: Path) -> None:
    said: list[str] = []
    first = play(SIZE, tmp_path, said.append)
    _differ(*first)
    assert sum("random, day 3 of 3" in each for each in said) == 2
    kept = sorted(tmp_path.iterdir())
    assert [path.name for path in kept] == [
        f"{seed} {name}.npz" for seed in range(2) for name in SIZE.policies
    ]
    # As if it had been ended while the last policy of the second market was being played.
    (tmp_path / "1 random.npz").unlink()
    said.clear()
    again = play(SIZE, tmp_path, said.append)
    assert not [each for each in said if "ceiling, day" in each or "seed 0: random" in each]
    # Who is played again is as long about it as it takes.
    assert again[0] == first[0]
    assert again[1]["ceiling"] == first[1]["ceiling"]
    assert _but_time(again[1]["random"]) == _but_time(first[1]["random"])
    assert all(each["ceiling"].measures["seconds_played"] > 0.0 for each in again)


def _but_time(played: Played) -> Played:
    measures = {m: x for m, x in played.measures.items() if m != "seconds_played"}
    return replace(played, measures=measures)


def _differ(one: dict[str, Played], other: dict[str, Played]) -> None:
    assert one["random"].measures != other["random"].measures
    assert one["ceiling"].matches_later > one["random"].matches_later
    curve = np.array(one["ceiling"].curves["gini"])
    assert curve[0].tolist() == [0.0, 0.0] and curve[-1] == pytest.approx([1.0, 1.0])
    assert np.all(np.diff(curve[:, 1]) >= 0.0)
    assert one["ceiling"].measures["disparity_age"] == 0.0


def test_a_policy_that_fails_is_told(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="nobody"):
        play(Size(1, 250, 1, ("nobody", "ceiling")), tmp_path, lambda what: None)
    # The other game may have been over before.
    assert {kept.name for kept in tmp_path.iterdir()} <= {"0 ceiling.npz"}


@pytest.mark.parametrize("budget", list(Budget))
def test_every_budget_has_the_ceiling_which_others_are_held_against(
    budget: Budget, tmp_path: Path
) -> None:
    market = plan(budget, tmp_path)[-1]
    policies = str(market.settings["policies"]).split(", ")
    assert "ceiling" in policies
    assert len(policies) == len(set(policies))


def test_a_ratio_is_of_the_same_seed() -> None:
    from cli.evaluate.simulation import _against_others

    def played(matches: float, gini: float) -> Played:
        return Played({"gini": gini}, matches, gini, {})

    markets = [
        {"gravity": played(1.2, 0.4), "product": played(1.0, 0.6), "one-sided": played(0.6, 0.7)},
        {"gravity": played(2.6, 0.4), "product": played(2.0, 0.6), "one-sided": played(1.3, 0.7)},
    ]
    found = {each.method: each for each in _against_others(markets)}
    assert found["gravity / product"].value == pytest.approx(1.25)
    assert found["gravity / one-sided"].value == pytest.approx(2.0)
    assert found["gravity / product"].reference == 1.15
    assert "gravity / gravity without prices" not in found


def test_games_are_kept_by_how_they_are_played_and_not_by_who_plays_or_how_often(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GRAVITY_HOME", str(tmp_path))
    one = simulation._games(SIZE)
    assert one == simulation._games(replace(SIZE, seeds=3, policies=("oracle",)))
    assert one.is_relative_to(tmp_path)
    others = {simulation._games(each) for each in (replace(SIZE, people=9), replace(SIZE, days=9))}
    assert len({one, *others}) == 3
    monkeypatch.setattr(simulation, "_MODULES", ("simulator.town",))
    assert one != simulation._games(SIZE)
