"""`gravity retrain` and `gravity release` as an operator uses them, with the real runner."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from features.lake import append_rows, part_of_import
from features.photo_embeddings import read_embeddings
from features.registry import aliases
from gravity.kernel import Kernel
from tests.features.drawn_photos import draw
from tests.flows.worlds import import_market, market, utc_now
from tests.training.photo_worlds import with_photos

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def environment(kernel: Kernel, prefect_api_url: str) -> dict[str, str]:
    """What `gravity up` would write to the environment file."""
    settings = kernel.settings
    return {
        **os.environ,
        "GRAVITY_HOME": str(settings.home),
        "GRAVITY_POSTGRES_URL": settings.postgres_url,
        "GRAVITY_REDIS_URL": settings.redis_url,
        "GRAVITY_BUS_URL": settings.bus_url,
        "GRAVITY_MLFLOW_URL": settings.mlflow_url,
        "GRAVITY_PREFECT_API_URL": prefect_api_url,
        "GRAVITY_CARD_TOKEN_KEY": settings.card_token_key.get_secret_value(),
        "GRAVITY_JWT_PUBLIC_KEY": settings.jwt_public_key,
    }


@pytest.fixture
def runner(environment: Mapping[str, str], tmp_path: Path) -> Iterator[None]:
    """The program `flows` of the stack."""
    command = [sys.executable, "-m", "flows.runner"]
    with (
        (tmp_path / "runner.log").open("wb") as log,
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log) as process,
    ):
        try:
            yield
        finally:
            process.terminate()


async def gravity(environment: Mapping[str, str], *arguments: str) -> tuple[int, str, str]:
    """Run the command line beside the workers of this process: exit code, output, errors."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli.main", *arguments),
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    output, errors = await process.communicate()
    return process.returncode or 0, output.decode(), errors.decode()


async def test_an_operator_retrains_twice_and_rolls_back(
    kernel: Kernel, workers: None, runner: None, environment: dict[str, str]
) -> None:
    await import_market(kernel.settings.lake, kernel.redis, kernel.redis, market(utc_now()))
    releases = []
    for dial, strength in (((), "1"), (("--price-strength", "0.5"), "0.5")):
        code, output, errors = await gravity(environment, "retrain", *dial, "--json")
        assert code == 0, errors
        made = json.loads(output)
        assert made["aliases"] == ["champion"]
        steps = ["photos", "join", "train", "rank", "price", "evaluate", "register"]
        assert list(made["seconds"])[:7] == steps
        assert made["tags"]["price_strength"] == strength
        releases.append(made["release"])

    code, output, errors = await gravity(environment, "release", "rollback")
    assert code == 0, errors
    assert await aliases(kernel.settings.mlflow_url) == {
        "champion": releases[0],
        "previous": releases[1],
    }
    assert await kernel.redis.get("release:serving") == releases[0].encode()

    code, output, _ = await gravity(environment, "release", "list", "--json")
    assert [row["release"] for row in json.loads(output)][:2] == releases[::-1]


async def test_a_retrain_without_swipes_ends_with_the_reason(
    kernel: Kernel, runner: None, environment: dict[str, str]
) -> None:
    code, _, errors = await gravity(environment, "retrain")
    assert code == 1
    assert "join: NoProfiles" in errors


@pytest.mark.parametrize("strength", ["-0.1", "nan", "inf", "10.5"])
async def test_prices_cannot_count_less_than_not_at_all_nor_without_measure(
    environment: dict[str, str], strength: str
) -> None:
    code, output, errors = await gravity(environment, "retrain", "--price-strength", strength)
    assert (code, output) == (1, "")
    assert errors.strip() == f"✗ prices count {float(strength):g} times: not a number from 0 to 10"


async def test_an_unknown_release_is_not_promoted(environment: dict[str, str]) -> None:
    code, _, errors = await gravity(environment, "release", "promote", "99999")
    assert (code, errors.strip()) == (1, "ReleaseUnknown: 99999")


async def test_an_operator_learns_from_photos_and_embeds_what_is_new(
    kernel: Kernel, runner: None, environment: dict[str, str]
) -> None:
    world = market(utc_now())
    draw(Path(kernel.settings.media) / "photos", shades=40)
    urls_of = {person: [f"/photos/{person % 41}"] for person in range(1, 251)}
    profiles = with_photos(world.profiles, urls_of)
    lake = kernel.settings.lake
    await import_market(lake, kernel.redis, kernel.redis, replace(world, profiles=profiles))
    code, output, errors = await gravity(environment, "photos", "retrain", "--json")
    assert code == 0, errors
    made = json.loads(output)
    assert list(made["seconds"]) == ["swipes", "photos", "learn", "register", "embed", "champion"]
    assert made["tags"]["photos"] == "40"
    assert len(read_embeddings(lake, made["space"]).photos) == 250 - 250 // 41

    newcomers = {person: ["/photos/1"] for person in range(251, 256)}
    later = with_photos(profiles, urls_of | newcomers, version=2)
    append_rows(lake, "profiles", later, part_of_import("f00d", 1))
    code, output, errors = await gravity(environment, "photos", "embed", "--json")
    assert code == 0, errors
    again = json.loads(output)
    assert (again["space"], list(again["seconds"])) == (made["space"], ["embed"])
    assert len(read_embeddings(lake, made["space"]).photos) == 255 - 250 // 41


async def test_photos_that_are_not_there_are_named(
    kernel: Kernel, runner: None, environment: dict[str, str]
) -> None:
    world = market(utc_now())
    lake = kernel.settings.lake
    await import_market(lake, kernel.redis, kernel.redis, world)
    code, _, errors = await gravity(environment, "photos", "retrain")
    assert (code, errors.count("NoPhotos")) == (1, 1), errors
    assert "swipes: NoPhotos: nobody who was swiped has a photo" in errors
    urls_of = {person: [f"/photos/{person % 9}"] for person in range(1, 251)}
    profiles = with_photos(world.profiles, urls_of, version=2)
    append_rows(lake, "profiles", profiles, part_of_import("f00d", 1))
    code, _, errors = await gravity(environment, "photos", "retrain")
    assert code == 1
    assert "photos: NoPhotos: none of 9 photos can be used: 9 missing" in errors
