"""What `gravity bench swap` says: one JSON object, or a table for people."""

from dataclasses import dataclass
from typing import Final, TypedDict

import numpy as np
from rich.console import Console
from rich.table import Table

from cli.bench.swap.generator import Dealt, Sent
from cli.bench.swap.timeline import Second, timeline

_FIRST: Final = 20
_MB: Final = 1e6
RSS_BOUND_MB: Final = 1_500
"""What the ranker may take with both releases of a million people."""

# Caches of the new release fill for a moment.
_SETTLES_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when, in seconds since 1970."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        """How long."""
        return round(self.end - self.start, 3)

    def since(self, begun: float) -> tuple[float, float]:
        """Both ends in seconds since `begun`."""
        return round(self.start - begun, 3), round(self.end - begun, 3)


class Report(TypedDict):
    """`promote_s`, `rollback_s`: from the moment the rankers are told which release to hold until
    every request is bound to it: that is the swap. `…_command_s`: the whole command, from the
    start of its process; for a promotion everybody's features are written first.

    Of all decks sent at `rate` a second: `failed` are no deck; `fallbacks` were not ranked; `mixed`
    are not one release's, by their tokens, scores and order; `unlogged` had no impression to tell
    the last two by. `p99_ms`: of decks due before, during the promotion's command, within its swap
    and a second more, after it, during the rollback's command, and after that. `first_ms`,
    `rollback_first_ms`: the slowest of the first 20 decks of the release that came.
    `swipes_forgotten`: of `swipes`, all made after the window of both releases ended, those whose
    person was shown again or that are not in the swiper's features under both.
    `ranker_rss_mb_peak`: BentoML's parent and worker together.
    `timeline`: second by second since the warm-up ended; `spans_s`: when, on that clock, each
    command and each swap began and ended.
    """

    people: int
    rate: float
    decks: int
    promote_s: float
    rollback_s: float
    promote_command_s: float
    rollback_command_s: float
    failed: int
    mixed: int
    unlogged: int
    fallbacks: int
    p50_ms: dict[str, float | None]
    p99_ms: dict[str, float | None]
    first_ms: float | None
    rollback_first_ms: float | None
    ranker_rss_mb_peak: float
    swipes: int
    swipes_forgotten: int
    load_average: tuple[float, float]
    timeline: list[Second]
    spans_s: dict[str, tuple[float, float]]


def report_of(
    sent: Sent,
    promote: Span,
    rollback: Span,
    swap: Span,
    swap_back: Span,
    *,
    begun: float,
    releases: tuple[str, str],
    people: int,
    rate: float,
    mixed: int,
    unlogged: int,
    swipes: int,
    swipes_forgotten: int,
    rss: list[tuple[float, int]],
    loads: tuple[float, float],
) -> Report:
    """From the decks and what happened when; those due before `begun` warmed everything up.

    `rss`: when the ranker held how many bytes.
    """
    spans = {
        "before": Span(begun, promote.start),
        "during": promote,
        "swap": Span(swap.start, swap.end + _SETTLES_S),
        "after": Span(promote.end, rollback.start),
        "rollback": rollback,
        "after_rollback": Span(rollback.end, float("inf")),
    }
    took = {name: _took(sent.dealt, span) for name, span in spans.items()}
    first, second = releases
    return Report(
        people=people,
        rate=rate,
        decks=len(sent.dealt),
        promote_s=swap.seconds,
        rollback_s=swap_back.seconds,
        promote_command_s=promote.seconds,
        rollback_command_s=rollback.seconds,
        failed=sum(deck.status != 200 for deck in sent.dealt) + sent.lost,
        mixed=mixed,
        unlogged=unlogged,
        fallbacks=sum(deck.status == 200 and deck.release is None for deck in sent.dealt),
        p50_ms={name: _percentile(ms, 50) for name, ms in took.items()},
        p99_ms={name: _percentile(ms, 99) for name, ms in took.items()},
        first_ms=_slowest_first(sent.dealt, second, swap.end),
        rollback_first_ms=_slowest_first(sent.dealt, first, swap_back.end),
        ranker_rss_mb_peak=round(max(held for _, held in rss) / _MB, 1),
        swipes=swipes,
        swipes_forgotten=swipes_forgotten,
        load_average=loads,
        timeline=timeline(sent.dealt, rss, begun),
        spans_s={
            "promote": promote.since(begun),
            "swap": swap.since(begun),
            "rollback": rollback.since(begun),
            "swap_back": swap_back.since(begun),
        },
    )


def _took(decks: list[Dealt], span: Span) -> list[float]:
    return [deck.latency_ms for deck in decks if span.start <= deck.due_at < span.end]


def _percentile(took_ms: list[float], percent: int) -> float | None:
    """Of no decks: NaN would be no JSON, and 0 a lie."""
    return round(float(np.percentile(took_ms, percent)), 2) if took_ms else None


def _slowest_first(decks: list[Dealt], release: str, since: float) -> float | None:
    """Of the first 20 decks of a release that were answered after it began to serve."""
    own = [deck for deck in decks if deck.release == release and deck.answered_at >= since]
    first = sorted(own, key=lambda deck: deck.answered_at)[:_FIRST]
    return round(max(deck.latency_ms for deck in first), 2) if first else None


_TITLES: Final = {
    "people": ("people", ""),
    "decks": ("decks of 20 meanwhile", ""),
    "rate": ("  a second", ""),
    "promote_s": ("swap: told to hold it → all requests bound to it, s", "< 5"),
    "rollback_s": ("swap back, s", "< 5"),
    "promote_command_s": ("  `release promote`, with everybody's features, s", ""),
    "rollback_command_s": ("  `release rollback`, whole, s", "< 5"),
    "failed": ("decks failed", "0"),
    "mixed": ("decks of two releases", "0"),
    "unlogged": ("  whose order could not be told", ""),
    "fallbacks": ("decks dealt without the ranker", "0"),
    "first_ms": ("slowest of the new release's first 20, ms", ""),
    "rollback_first_ms": ("  of those after the rollback, ms", ""),
    "ranker_rss_mb_peak": ("memory of the ranker at most, MB", f"≤ {RSS_BOUND_MB:,}"),
    "swipes": ("swipes since the window's end", ""),
    "swipes_forgotten": ("  forgotten", "0"),
    "load_average": ("load average before and after", "≤ 2"),
}


def print_report(console: Console, report: Report) -> None:
    """Figures with what they should be, then latencies by phase."""
    table = Table(title="A release swapped and swapped back", title_justify="left")
    for column in ("", "measured", "target at 1M"):
        table.add_column(column, justify="left" if not column else "right")
    for name, (title, wanted) in _TITLES.items():
        table.add_row(title, _text(report[name]), wanted)  # type: ignore[literal-required]
    console.print(table)
    phases = Table(title="Decks, ms from when each was due", title_justify="left")
    for column in ("", "p50", "p99"):
        phases.add_column(column, justify="left" if not column else "right")
    for name in report["p99_ms"]:
        values = (report["p50_ms"][name], report["p99_ms"][name])
        phases.add_row(name.replace("_", " the "), *map(_text, values))
    console.print(phases)


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return "  ".join(map(str, value))
    return "–" if value is None else f"{value:,}"
