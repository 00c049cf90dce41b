"""`gravity simulate`: what it prints, and what it refuses."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app


def _simulate(*options: str) -> dict[str, object]:
    done = CliRunner().invoke(app, ["simulate", *options, "--json"])
    assert done.exit_code == 0, done.output
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_policies_meet_the_same_people_and_a_seed_is_enough_to_see_it_again(tmp_path: Path) -> None:
    options = ("--people", "300", "--days", "3", "--policy", "random", "--policy", "ceiling")
    one = _simulate(*options, "--svg", str(tmp_path / "days.svg"))
    assert one == _simulate(*options)
    assert one != _simulate(*options, "--seed", "1")
    policies = one["policies"]
    assert isinstance(policies, list)
    assert [each["policy"] for each in policies] == ["random", "ceiling"]
    assert policies[1]["matches_per_active_day"] > policies[0]["matches_per_active_day"]
    assert len(policies[0]["matches_by_day"]) == 3
    # There is no later, after three days.
    assert policies[0]["matches_later"] == policies[0]["matches_per_active_day"]
    assert policies[0]["gini_later"] == policies[0]["gini"]
    assert "ceiling" in (tmp_path / "days.svg").read_text()


def test_the_operators_dial_is_ours_with_prices_that_count_so_often() -> None:
    found = _simulate(
        *("--people", "300", "--days", "2", "--policy", "gravity"),
        *("--policy", "gravity without prices"),
        *("--price-strength", "0", "--price-strength", "1", "--price-strength", "3"),
    )
    policies = found["policies"]
    assert isinstance(policies, list)
    ours, without, none, one, three = ({**each, "policy": ""} for each in policies)
    assert (none, one) == (without, ours)
    assert three not in (one, none)
    assert policies[-1]["policy"] == "gravity, prices × 3.0"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--policy", "gravty"), "the policies are random"),
        (("--days", "0"), "days"),
        (("--people", "1"), "people"),
        (("--people", "100"), "200 people at least"),
        (("--live", "--policy", "gravity"), "its own policy"),
        (("--live", "--svg", "days.svg"), "nothing is drawn"),
        (("--people", "-5"), "people"),
        (("--seed", "-1"), "seed"),
        (("--price-strength", "-1"), "not a number from 0 to 10"),
        (("--price-strength", "nan"), "not a number from 0 to 10"),
        (("--live", "--price-strength", "1"), "its own policy"),
    ],
)
def test_what_makes_no_sense_is_refused(options: tuple[str, ...], said: str) -> None:
    done = CliRunner().invoke(app, ["simulate", *options])
    assert done.exit_code == 2
    assert said in done.output
