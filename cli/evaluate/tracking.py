"""What an evaluation found, as runs of MLflow's experiment `evaluate`."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import httpx

from cli.evaluate.kept import Row
from gravity.settings import Settings, SettingsMissing

_EXPERIMENT: Final = "evaluate"


def log_rows(command: str, rows: Sequence[Row], svg: Path) -> str:
    """One run with the figures and their plot; returns where it is.

    At the stack's MLflow if that answers, else straight in the stack's database, which a stack that
    is started later shows.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    # Five seconds and 180 MB: after all measuring.
    import mlflow

    uri = _tracking_uri()
    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment(_EXPERIMENT)
    with mlflow.start_run(run_name=f"{command} {rows[0]['budget']}"):
        mlflow.log_params({"command": command, "budget": rows[0]["budget"]})
        figures = {name: value for row in rows for name, value in _metrics(row).items()}
        mlflow.log_metrics(figures)
        mlflow.log_dict({"rows": list(rows)}, "rows.json")
        if svg.exists():
            mlflow.log_artifact(str(svg))
    return uri


def _metrics(row: Row) -> dict[str, float]:
    # MLflow takes no commas in a name.
    name = f"{row['task']}/{row['method']}/{row['measure']}".replace(",", "").replace(" ", "_")
    bounds = {"": row["value"], "/low": row["low"], "/high": row["high"]}
    return {name + suffix: value for suffix, value in bounds.items() if value is not None}


def _tracking_uri() -> str:
    home = Path(os.environ.get("GRAVITY_HOME", ".gravity"))
    try:
        url = Settings.load().mlflow_url
        httpx.get(f"{url}/health", timeout=2.0).raise_for_status()
        return url
    except (SettingsMissing, httpx.HTTPError):
        folder = home.resolve() / "mlflow"
        folder.mkdir(parents=True, exist_ok=True)
        return f"sqlite:///{folder / 'mlflow.db'}"
