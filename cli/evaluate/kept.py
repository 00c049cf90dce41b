"""Rows that are finished, kept by the hash of all that they depend on."""

import ast
import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final, NotRequired, TypedDict

from cli.evaluate.plan import Budget, Found, Measurement, Say
from gravity.atomic_file import write_atomic

if TYPE_CHECKING:
    from grimp import ImportGraph

_DATA: Final = Path(__file__).parents[2] / "data"
_OURS: Final = ("contracts", "gravity", "features", "training", "simulator", "cli")


class Row(TypedDict):
    """A figure as `--json` prints it. `reference` is what it has to reach."""

    task: str
    measure: str
    method: str
    value: float | None
    low: float | None
    high: float | None
    reference: float | None
    better: NotRequired[str]
    seconds: float
    seed: int
    budget: str
    points: NotRequired[list[tuple[float, float]]]


class _Kept(TypedDict):
    code: str
    data: str | None
    rows: list[Row]


class Shelf:
    """The file of a command's finished rows, by the names of its measurements."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept: dict[str, _Kept] = json.loads(path.read_text()) if path.exists() else {}

    def rows(self, measurement: Measurement) -> list[Row] | None:
        """Its rows, if they still hold. Without its data nobody can tell that they changed."""
        kept = self._kept.get(measurement.name)
        if kept is None or kept["code"] != code_hash(measurement):
            return None
        if measurement.missing() is None and kept["data"] != data_hash(measurement):
            return None
        return kept["rows"]

    def put(self, measurement: Measurement, rows: Sequence[Row]) -> None:
        """Keep them in the place of what was there under this name."""
        self._kept[measurement.name] = _Kept(
            code=code_hash(measurement), data=data_hash(measurement), rows=list(rows)
        )
        text = json.dumps(dict(sorted(self._kept.items())), indent=1) + "\n"
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(self._path, text.encode())


def row_of(found: Found, measurement: Measurement, budget: Budget, seconds: float) -> Row:
    """A figure as a row. NaN and infinity, which JSON does not know, are no values."""
    row = Row(
        task=found.task,
        measure=found.measure,
        method=found.method,
        value=_finite(found.value),
        low=_finite(found.low),
        high=_finite(found.high),
        reference=found.reference,
        seconds=round(seconds, 1),
        seed=measurement.seed,
        budget=str(budget),
    )
    if found.better == "lower":
        row["better"] = "lower"
    if found.points:
        row["points"] = [(round(float(x), 6), round(float(y), 6)) for x, y in found.points]
    return row


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else round(float(value), 6)


def code_hash(measurement: Measurement) -> str:
    """sha256 of the modules that measure, of all that they import of ours, of the module that asks
    them and of those that it names, of settings and seed; of what the simulator draws from too."""
    digest = hashlib.sha256(_sources(measurement.modules).encode())
    for name in sorted({_asking(measurement.run), *measurement.alone}):
        digest.update(f"{name}:{_module_hash(name)}\n".encode())
    digest.update(_settings(measurement.settings).encode())
    digest.update(str(measurement.seed).encode())
    return digest.hexdigest()


def sources_hash(modules: tuple[str, ...]) -> str:
    """sha256 of modules, of all that they import of ours, and of what the simulator draws from."""
    return hashlib.sha256(_sources(modules).encode()).hexdigest()


def _asking(run: Callable[[Say], Sequence[Found]]) -> str:
    """The module of a function, bound to some of its arguments or not."""
    while isinstance(run, partial):
        run = run.func
    return run.__module__


def data_hash(measurement: Measurement) -> str:
    """sha256 of its data files."""
    return hashlib.sha256("".join(map(_file_hash, measurement.data)).encode()).hexdigest()


def _settings(settings: Mapping[str, object]) -> str:
    return json.dumps(settings, sort_keys=True)


@cache
def _sources(modules: tuple[str, ...]) -> str:
    upstream = sorted({*modules, *(m for each in modules for m in _upstream(each))})
    hashes = {name: _module_hash(name) for name in upstream}
    if any(name.startswith("simulator.") for name in upstream):
        hashes |= {str(path.relative_to(_DATA)): _file_hash(path) for path in _simulators_files()}
    return "".join(f"{name}:{digest}\n" for name, digest in hashes.items())


def _simulators_files() -> list[Path]:
    folders = (_DATA / "okcupid", _DATA / "geography")
    return sorted(path for folder in folders for path in folder.iterdir())


def _upstream(module: str) -> set[str]:
    return set(_graph().find_upstream_modules(module))


def _file(module: str) -> Path:
    spec = find_spec(module)
    assert spec is not None and spec.origin is not None
    return Path(spec.origin)


@cache
def _module_hash(module: str) -> str:
    """sha256 of what a module does: not of its comments and docstrings, which change no figure."""
    tree = ast.parse(_file(module).read_bytes())
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [each for each in node.body if not _is_said(each)]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()


def _is_said(statement: ast.stmt) -> bool:
    value = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


@cache
def _file_hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@cache
def _graph() -> "ImportGraph":
    # A command that measures nothing must not wait for it.
    import grimp

    return grimp.build_graph(*_OURS, cache_dir=None)
