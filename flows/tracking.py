"""What the flows write to MLflow: runs with their figures and files, and versions of `deck`.

Over REST like `features.registry`: MLflow's client would cost each run of a flow 5 s and 180 MB.
"""

import json
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import pyarrow as pa
from pydantic import JsonValue

from features.mlflow_rest import Json, MLflow, MLflowRefused
from features.registry import MODEL

EXPERIMENT: Final = "retrain"
_EXISTS: Final = "RESOURCE_ALREADY_EXISTS"
_LONGEST_VALUE: Final = 5000
# MLflow takes no more at once.
_MOST_METRICS: Final = 1000


@dataclass(frozen=True, slots=True)
class Run:
    """A run that is open; `artifacts` is the URI of its folder."""

    id: str
    experiment: str
    artifacts: str


async def start_run(
    mlflow: MLflow,
    name: str,
    tags: Mapping[str, str],
    now: datetime,
    experiment_name: str = EXPERIMENT,
) -> Run:
    """Begin a run in an experiment, which is made if it is not there."""
    experiment = await _experiment(mlflow, experiment_name)
    answer = await mlflow.post(
        "runs/create",
        {
            "experiment_id": experiment,
            "run_name": name,
            "start_time": _ms(now),
            "tags": _pairs(tags),
        },
    )
    info = _object(_object(answer["run"])["info"])
    return Run(str(info["run_id"]), experiment, str(info["artifact_uri"]))


async def end_run(mlflow: MLflow, run: Run, status: str, now: datetime) -> None:
    """Close a run as FINISHED or FAILED."""
    body: Json = {"run_id": run.id, "status": status, "end_time": _ms(now)}
    await mlflow.post("runs/update", body)


async def log_params(mlflow: MLflow, run: Run, params: Mapping[str, str | int | float]) -> None:
    """What the run was made with."""
    pairs = _pairs({key: str(value)[:_LONGEST_VALUE] for key, value in params.items()})
    await mlflow.post("runs/log-batch", {"run_id": run.id, "params": pairs})


async def log_measures(
    mlflow: MLflow, run: Run, metrics: Mapping[str, float], now: datetime
) -> None:
    """What came out; what is not finite cannot be stored and is left out."""
    await log_curves(mlflow, run, {key: [value] for key, value in metrics.items()}, now)


async def log_curves(
    mlflow: MLflow, run: Run, curves: Mapping[str, Sequence[float]], now: datetime
) -> None:
    """How measures went, step by step; what is not finite is left out."""
    rows: list[JsonValue] = [
        {"key": key, "value": value, "timestamp": _ms(now), "step": step}
        for key, values in curves.items()
        for step, value in enumerate(values)
        if math.isfinite(value)
    ]
    for start in range(0, len(rows), _MOST_METRICS):
        some = rows[start : start + _MOST_METRICS]
        await mlflow.post("runs/log-batch", {"run_id": run.id, "metrics": some})


async def measures_of(mlflow: MLflow, run_id: str) -> dict[str, float]:
    """The latest value of each metric of a run."""
    found = await mlflow.get("runs/get", run_id=run_id)
    metrics = _object(_object(found["run"])["data"]).get("metrics") or []
    assert isinstance(metrics, list)
    return {str(_object(m)["key"]): _number(_object(m)["value"]) for m in metrics}


async def log_dataset(mlflow: MLflow, run: Run, name: str, digest: str, profile: Json) -> None:
    """What the run learned from; `profile` says how much of it."""
    dataset: Json = {
        "name": name,
        "digest": digest[:36],
        "source_type": "lake",
        "source": json.dumps({"table": name}),
        "profile": json.dumps(profile),
    }
    context: list[JsonValue] = [{"key": "mlflow.data.context", "value": "training"}]
    body: Json = {"run_id": run.id, "datasets": [{"tags": context, "dataset": dataset}]}
    await mlflow.post("runs/log-inputs", body)


async def log_tables(mlflow: MLflow, run: Run, tables: Mapping[str, pa.Table]) -> None:
    """Tables by name, which MLflow's UI shows in the run. Once a run: the list is replaced."""
    for name, table in tables.items():
        rows = [list(row.values()) for row in table.to_pylist()]
        content = json.dumps({"columns": table.column_names, "data": rows})
        await log_file(mlflow, run, f"{name}.json", content.encode())
    listed = json.dumps([{"path": f"{name}.json", "type": "table"} for name in tables])
    body: Json = {"run_id": run.id, "key": "mlflow.loggedArtifacts", "value": listed}
    await mlflow.post("runs/set-tag", body)


async def log_file(mlflow: MLflow, run: Run, path: str, content: bytes | Path) -> None:
    """One artifact of the run."""
    await mlflow.write(f"{run.artifacts}/{path}", content)


async def log_files(mlflow: MLflow, run: Run, path: str, files: Sequence[Path]) -> str:
    """Files as artifacts in one folder; returns the URI of the folder there."""
    for file in files:
        await log_file(mlflow, run, f"{path}/{file.name}", file)
    return f"{run.artifacts}/{path}"


async def register(
    mlflow: MLflow,
    run: Run,
    source: str,
    tags: Mapping[str, str],
    description: str,
    model: str = MODEL,
) -> str:
    """Make the artifacts at `source` the next version of a model; returns the version."""
    try:
        await mlflow.post("registered-models/create", {"name": model})
    except MLflowRefused as error:
        if error.code != _EXISTS:
            raise
    answer = await mlflow.post(
        "model-versions/create",
        {
            "name": model,
            "source": source,
            "run_id": run.id,
            "tags": _pairs(tags),
            "description": description,
        },
    )
    return str(_object(answer["model_version"])["version"])


async def set_alias(mlflow: MLflow, alias: str, release: str, model: str = MODEL) -> None:
    """Point an alias at a release, or a version of another model."""
    await mlflow.post(
        "registered-models/alias", {"name": model, "alias": alias, "version": release}
    )


async def delete_alias(mlflow: MLflow, alias: str) -> None:
    """Point an alias at nothing."""
    await mlflow.delete("registered-models/alias", {"name": MODEL, "alias": alias})


async def tag_release(mlflow: MLflow, release: str, tags: Mapping[str, str]) -> None:
    """Say something of a release; a tag of the same name is replaced."""
    for key, value in tags.items():
        body: Json = {"name": MODEL, "version": release, "key": key, "value": value}
        await mlflow.post("model-versions/set-tag", body)


async def model_tag(mlflow: MLflow, key: str) -> str | None:
    """A tag of the registered model itself."""
    with suppress(MLflowRefused):
        found = await mlflow.get("registered-models/get", name=MODEL)
        tags = _object(found["registered_model"]).get("tags") or []
        assert isinstance(tags, list)
        return next(
            (str(_object(tag)["value"]) for tag in tags if _object(tag)["key"] == key), None
        )
    return None


async def set_model_tag(mlflow: MLflow, key: str, value: str) -> None:
    """Tag the registered model itself."""
    await mlflow.post("registered-models/set-tag", {"name": MODEL, "key": key, "value": value})


async def _experiment(mlflow: MLflow, name: str) -> str:
    try:
        return str((await mlflow.post("experiments/create", {"name": name}))["experiment_id"])
    except MLflowRefused as error:
        if error.code != _EXISTS:
            raise
    found = await mlflow.get("experiments/get-by-name", experiment_name=name)
    return str(_object(found["experiment"])["experiment_id"])


def _pairs(values: Mapping[str, str]) -> list[JsonValue]:
    return [{"key": key, "value": value} for key, value in values.items()]


def _object(value: JsonValue) -> Json:
    assert isinstance(value, dict)
    return value


def _number(value: JsonValue) -> float:
    assert isinstance(value, int | float)
    return float(value)


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
