"""What `gravity bench swipes` says: one JSON object, or a table for people."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypedDict

from rich.console import Console
from rich.table import Table

from cli.bench.driver import Window
from cli.bench.raw import PartitionCost


class Percentiles(TypedDict):
    """Milliseconds; None where nothing was measured."""

    p50: float | None
    p99: float | None


@dataclass(frozen=True, slots=True)
class Rates:
    """One load at saturation: the two ceilings, and the swipes; `behind_s`: how much longer the
    feature stream, the lake and the read side took."""

    append: Window
    insert: Window
    swipes: Window
    behind_s: float

    @property
    def share(self) -> float:
        """Of the tighter ceiling."""
        return self.swipes.per_s / min(self.append.per_s, self.insert.per_s)


class Report(TypedDict):
    """Rates are swipes a second; `single_…`: one swipe a request, all else: batches of ten.

    `share_of_ceiling`: of the tighter one of the two. `cores`: how many each process kept busy, and
    `cpu_us`: what it spent on a swipe, of two cores that all of them share with the generator.
    """

    swipes_per_s: float
    producer_ceiling_per_s: float
    postgres_ceiling_per_s: float
    share_of_ceiling: float
    single_swipes_per_s: float
    single_producer_ceiling_per_s: float
    single_postgres_ceiling_per_s: float
    single_share_of_ceiling: float
    raw_producer_per_s: float
    raw_postgres_per_s: float
    ack_ms: Percentiles
    match_ms: Percentiles
    single_ack_ms: Percentiles
    single_match_ms: Percentiles
    accepted: int
    matches_timed: int
    behind_s: float
    single_behind_s: float
    cores: dict[str, float]
    cpu_us: dict[str, float]
    single_cores: dict[str, float]
    single_cpu_us: dict[str, float]
    partitions: list[PartitionCost]
    cpu_us_per_added_partition: float


_TITLES: Final = {
    "swipes_per_s": ("batches of ten: swipes a second, durable", "≥ 3,000"),
    "producer_ceiling_per_s": ("  an endpoint that only appends", ""),
    "postgres_ceiling_per_s": ("  an endpoint that only inserts", ""),
    "share_of_ceiling": ("  share of the tighter one", "≥ 0.5"),
    "behind_s": ("  seconds until features, lake, lists followed", ""),
    "single_swipes_per_s": ("one a request: swipes a second, durable", "≥ 1,000"),
    "single_producer_ceiling_per_s": ("  an endpoint that only appends", ""),
    "single_postgres_ceiling_per_s": ("  an endpoint that only inserts", ""),
    "single_share_of_ceiling": ("  share of the tighter one", "≥ 0.5"),
    "single_behind_s": ("  seconds until features, lake, lists followed", ""),
    "raw_producer_per_s": ("without HTTP: appends a second", ""),
    "raw_postgres_per_s": ("without HTTP: rows a second", ""),
    "ack_ms": ("batches at half of it: acknowledged, ms", "p99 ≤ 250"),
    "match_ms": ("  match.created seen, ms", "p99 ≤ 1,000"),
    "single_ack_ms": ("one a request at half of it: acknowledged, ms", "p99 ≤ 250"),
    "single_match_ms": ("  match.created seen, ms", "p99 ≤ 1,000"),
}


def report_of(
    batches: Rates,
    singles: Rates,
    *,
    raw: tuple[float, float],
    ack: tuple[Percentiles, Percentiles],
    match: tuple[Percentiles, Percentiles],
    matches_timed: int,
    partitions: Sequence[PartitionCost],
) -> Report:
    """Put together what was measured; pairs are (batches, singles), `raw` (appends, rows)."""
    least, most = partitions[0], partitions[-1]
    return Report(
        swipes_per_s=round(batches.swipes.per_s, 1),
        producer_ceiling_per_s=round(batches.append.per_s, 1),
        postgres_ceiling_per_s=round(batches.insert.per_s, 1),
        share_of_ceiling=round(batches.share, 3),
        single_swipes_per_s=round(singles.swipes.per_s, 1),
        single_producer_ceiling_per_s=round(singles.append.per_s, 1),
        single_postgres_ceiling_per_s=round(singles.insert.per_s, 1),
        single_share_of_ceiling=round(singles.share, 3),
        raw_producer_per_s=round(raw[0], 1),
        raw_postgres_per_s=round(raw[1], 1),
        ack_ms=ack[0],
        match_ms=match[0],
        single_ack_ms=ack[1],
        single_match_ms=match[1],
        accepted=batches.swipes.sent.accepted + singles.swipes.sent.accepted,
        matches_timed=matches_timed,
        behind_s=round(batches.behind_s, 2),
        single_behind_s=round(singles.behind_s, 2),
        cores=_rounded(batches.swipes.cores, 3),
        cpu_us=_rounded(batches.swipes.cpu_us, 0),
        single_cores=_rounded(singles.swipes.cores, 3),
        single_cpu_us=_rounded(singles.swipes.cpu_us, 0),
        partitions=list(partitions),
        cpu_us_per_added_partition=round(
            (most["cpu_us"] - least["cpu_us"]) / (most["partitions"] - least["partitions"]), 2
        ),
    )


def _rounded(values: dict[str, float], digits: int) -> dict[str, float]:
    return {name: round(value, digits) for name, value in values.items()}


def print_report(console: Console, report: Report) -> None:
    """Rates and latencies with what they should be, then where the CPU went."""
    table = Table(title="Swipes", title_justify="left")
    for column in ("", "measured", "on two quiet cores"):
        table.add_column(column, justify="left" if not column else "right")
    for name, (title, wanted) in _TITLES.items():
        table.add_row(title, _text(report[name]), wanted)  # type: ignore[literal-required]
    console.print(table)
    _print_cpu(console, report)
    _print_partitions(console, report)


def _print_cpu(console: Console, report: Report) -> None:
    table = Table(title="CPU at saturation", title_justify="left")
    table.add_column("")
    for column in ("cores", "µs a swipe", "cores, one a request", "µs a swipe, one a request"):
        table.add_column(column, justify="right")
    for name in report["cores"]:
        table.add_row(
            name,
            f"{report['cores'][name]:.2f}",
            f"{report['cpu_us'][name]:,.0f}",
            f"{report['single_cores'][name]:.2f}",
            f"{report['single_cpu_us'][name]:,.0f}",
        )
    console.print(table)


def _print_partitions(console: Console, report: Report) -> None:
    table = Table(title="Appended and read back, by partitions", title_justify="left")
    for column in ("partitions", "records a second", "µs of CPU a record"):
        table.add_column(column, justify="right")
    for each in report["partitions"]:
        table.add_row(str(each["partitions"]), f"{each['per_s']:,.0f}", f"{each['cpu_us']:,.1f}")
    console.print(table)


def _text(value: object) -> str:
    if isinstance(value, dict):
        return "  ".join(f"{name} {number}" for name, number in value.items())
    return f"{value:,.0f}" if isinstance(value, float) and value >= 100 else f"{value}"
