"""An evaluation as tables, a text and two pictures, for MLflow and for Prefect's UI."""

import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from flows.gates import Gate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from training.evaluation import Ranked, RankingQuality, ReliabilityRow
    from training.priced_decks import PricedDecks

_GENDERS: Final = {1: "men", 2: "women", 3: "nonbinary"}
_ORDERS: Final = ("learned", "popularity", "random")


def ranking_table(quality: "RankingQuality") -> pa.Table:
    """Recall and NDCG at 20 of the three orders: one row an order."""
    return pa.table(
        {
            "order": list(_ORDERS),
            "recall_at_20": [_known(getattr(quality.recall_at_20, order)) for order in _ORDERS],
            "ndcg_at_20": [_known(getattr(quality.ndcg_at_20, order)) for order in _ORDERS],
        }
    )


def reliability_table(rows: "Sequence[ReliabilityRow]") -> pa.Table:
    """Predicted against observed shares of likes, by gender and tenth of the predictions."""
    return pa.table(
        {
            "viewers": [_GENDERS.get(row.gender, str(row.gender)) for row in rows],
            "predicted": [row.predicted for row in rows],
            "observed": [row.observed for row in rows],
            "swipes": [row.swipes for row in rows],
        }
    )


def prices_table(decks: "PricedDecks") -> pa.Table:
    """Prices, and decks with and without them: one row a measure."""
    rows: dict[str, tuple[float, float | None]] = {
        "mean price, nats": (decks.price_mean, None),
        "of the dearest tenth": (decks.price_top_decile, None),
        "share of candidates with a price": (decks.price_share, None),
        "Gini of exposure": (decks.gini.priced, decks.gini.free),
        "expected matches of a deck, without a crowd": (decks.matches.priced, decks.matches.free),
    }
    return pa.table(
        {
            "measure": list(rows),
            "with prices": [_known(priced) for priced, _ in rows.values()],
            "without": [None if free is None else _known(free) for _, free in rows.values()],
        }
    )


def gates_table(gates: Sequence[Gate]) -> pa.Table:
    """What each gate found."""
    return pa.table(
        {
            "gate": [gate.name for gate in gates],
            "passed": [gate.passed for gate in gates],
            "found": [gate.found for gate in gates],
        }
    )


def markdown(table: pa.Table) -> str:
    """A table in Markdown; numbers with four digits."""
    head = " | ".join(table.column_names)
    rule = " | ".join("---" for _ in table.column_names)
    rows = [" | ".join(_cell(value) for value in row.values()) for row in table.to_pylist()]
    return "\n".join(f"| {line} |" for line in (head, rule, *rows))


def reliability_plot(rows: "Sequence[ReliabilityRow]") -> bytes:
    """A PNG of the calibration: on the diagonal, predictions mean what they say."""
    # Two seconds of import, for the flow alone.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    for gender in sorted({row.gender for row in rows}):
        of_gender = [row for row in rows if row.gender == gender]
        axes.plot(
            [row.predicted for row in of_gender],
            [row.observed for row in of_gender],
            marker="o",
            label=_GENDERS.get(gender, str(gender)),
        )
    axes.set(xlabel="predicted share of likes", ylabel="observed, held-out days")
    axes.set_title("Reliability, by tenth of the predictions")
    if rows:
        axes.legend(title="viewers")
    return _png(figure)


def recall_plot(quality: "RankingQuality") -> bytes:
    """A PNG of the three orders' recall and NDCG at 20."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    for axes, name in zip(figure.subplots(1, 2), ("recall_at_20", "ndcg_at_20"), strict=True):
        ranked: Ranked = getattr(quality, name)
        heights = [_known(getattr(ranked, order)) or 0.0 for order in _ORDERS]
        axes.bar(_ORDERS, heights, color=("#2a6", "#69c", "0.7"))
        axes.set_title(name.replace("_", " "))
    figure.suptitle(f"Held-out likes, {quality.viewers} viewers")
    return _png(figure)


def _png(figure: "Figure") -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _cell(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "–" if value is None else str(value)
