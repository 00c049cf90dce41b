"""Settings come from the environment, then from the file that `gravity up` wrote."""

from pathlib import Path

import pytest

from gravity.issuer import new_keys
from gravity.settings import Settings, SettingsMissing

NEEDED = {
    "GRAVITY_POSTGRES_URL": "postgresql://u:hunter2@h/db",
    "GRAVITY_REDIS_URL": "redis://h",
    "GRAVITY_BUS_URL": "tansu://h:1",
    "GRAVITY_CARD_TOKEN_KEY": "hunter2" * 5,
    "GRAVITY_JWT_PUBLIC_KEY": new_keys().public,
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in NEEDED:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GRAVITY_HOME", str(tmp_path))
    return tmp_path


def write(home: Path, values: dict[str, str]) -> None:
    (home / "env").write_text("".join(f"{k}={v}\n" for k, v in values.items()), encoding="utf-8")


def test_the_environment_wins_over_the_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(home, NEEDED)
    monkeypatch.setenv("GRAVITY_BUS_URL", "kafka://a:1,b:2")
    settings = Settings.load()
    assert settings.bus_url == "kafka://a:1,b:2"
    assert settings.redis_url == "redis://h"
    assert (settings.home, settings.lake) == (home, str(home / "lake"))
    assert settings.media == str(home / "media")


def test_what_is_missing_is_named_and_no_value_shown(home: Path) -> None:
    write(home, {"GRAVITY_CARD_TOKEN_KEY": "hunter2", "GRAVITY_RANK_BUDGET_MS": "hunter2"})
    with pytest.raises(SettingsMissing) as missing:
        Settings.load()
    message = str(missing.value)
    assert "GRAVITY_POSTGRES_URL" in message
    assert "GRAVITY_RANK_BUDGET_MS" in message
    assert "hunter2" not in message


def test_secrets_are_not_in_the_representation(home: Path) -> None:
    write(home, NEEDED)
    assert "hunter2" not in repr(Settings.load())


@pytest.mark.parametrize(
    ("text", "limits"),
    [("3", (3, 3, 3)), ("1,20,300", (1, 20, 300)), (None, (2000, 5000, 10000))],
)
def test_daily_swipes_are_one_number_or_one_a_tier(
    home: Path, text: str | None, limits: tuple[int, int, int]
) -> None:
    write(home, NEEDED | ({"GRAVITY_DAILY_SWIPES": text} if text else {}))
    assert Settings.load().daily_swipes == limits


@pytest.mark.parametrize("text", ["1,2", "1,2,3,4", "1,-2,3", "many", ""])
def test_other_limits_are_malformed(home: Path, text: str) -> None:
    write(home, NEEDED | {"GRAVITY_DAILY_SWIPES": text})
    with pytest.raises(SettingsMissing, match="GRAVITY_DAILY_SWIPES"):
        Settings.load()


@pytest.mark.parametrize(
    ("url", "is_one"),
    [
        ("", True),
        ("redis://cache:6379/1", True),
        ("rediss://cache?ssl_ca_certs=own.pem", True),
        ("rediss://user:p%40ss@cache", True),
        ("redis+cluster://a:1,b:2", True),
        ("rediss+cluster://user:hunter2@a:1,b:2", True),
        ("redis+cluster://a,b", False),
        ("http://cache:6379", False),
        ("cache:6379", False),
    ],
)
def test_where_features_are_is_a_redis_or_a_cluster(home: Path, url: str, is_one: bool) -> None:
    write(home, {**NEEDED, "GRAVITY_FEATURES_URL": url})
    if is_one:
        assert Settings.load().features_url == url
    else:
        with pytest.raises(SettingsMissing, match="GRAVITY_FEATURES_URL"):
            Settings.load()
