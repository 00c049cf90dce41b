"""`gravity release list | promote | rollback`: which release is served."""

import asyncio
import getpass
import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from features.mlflow_rest import MLflow
    from flows.promote import Say
    from flows.promotion import Promotion
    from gravity.kernel import Kernel

app = typer.Typer(name="release", help="See, promote and roll back releases.", no_args_is_help=True)
_TAGS: Final = ("people", "swipes", "auc_learned", "price_strength", "promoted.by")
_COLUMNS: Final = (
    "release",
    "aliases",
    "created",
    "people",
    "swipes",
    "auc",
    "prices",
    "promoted by",
)


@app.command("list")
def list_releases(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Show the registered releases, newest first, and which of them is served."""
    from cli.connections import load_settings
    from features.mlflow_rest import MLflowRefused, MLflowUnreachable
    from features.registry import versions

    settings = load_settings()
    try:
        found = asyncio.run(versions(settings.mlflow_url))
    except (MLflowRefused, MLflowUnreachable) as error:
        raise _ended(error) from error
    if as_json:
        rows = [
            {
                "release": v.release,
                "aliases": v.aliases,
                "created_at": v.created_at.isoformat(),
                "run_id": v.run_id,
                "tags": dict(v.tags),
            }
            for v in found
        ]
        typer.echo(json.dumps(rows))
        return
    cells = [
        (
            v.release,
            ",".join(v.aliases) or ("rejected" if "rejected.at" in v.tags else "–"),
            f"{v.created_at:%Y-%m-%d %H:%M}",
            *(v.tags.get(tag, "–") for tag in _TAGS),
        )
        for v in found
    ]
    widths = [max(len(row[i]) for row in (_COLUMNS, *cells)) for i in range(len(_COLUMNS))]
    for row in (_COLUMNS, *cells):
        typer.echo("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip())


@app.command()
def promote(release: Annotated[str, typer.Argument(help="A registered release.")]) -> None:
    """Serve a registered release, if it passes the gates."""
    from flows.promote import promote_release

    async def act(mlflow: "MLflow", kernel: "Kernel", by: str, say: "Say") -> "Promotion":
        return await promote_release(mlflow, kernel, release, by, say)

    _act("gravity release promote", act)


@app.command()
def rollback() -> None:
    """Serve the previous champion again; it is loaded, so this takes seconds."""
    from flows.promote import roll_back

    _act("gravity release rollback", roll_back)


def _act(
    name: str,
    act: "Callable[[MLflow, Kernel, str, Say], Awaitable[Promotion]]",
) -> None:
    """Open what is needed, act, and say each step; exit 1 with the reason if it cannot be done."""
    from cli.connections import load_settings, stores_answer
    from features.mlflow_rest import (
        ArtifactsElsewhere,
        MLflowRefused,
        MLflowUnreachable,
        open_mlflow,
    )
    from features.registry import DownloadDamaged, ReleaseUnknown
    from features.release import ReleaseCorrupt
    from flows.activation import NotFollowed, SnapshotRefused
    from flows.gates import ReleaseRejected
    from flows.promote import PromotionUnderWay
    from flows.promotion import NothingToRollBackTo
    from gravity.kernel import open_kernel

    settings = load_settings()

    async def acted() -> "Promotion":
        async with open_kernel(settings) as kernel, open_mlflow(settings.mlflow_url) as mlflow:
            return await act(mlflow, kernel, f"{name} ({getpass.getuser()})", typer.echo)

    try:
        with stores_answer():
            asyncio.run(acted())
    except (
        ArtifactsElsewhere,
        DownloadDamaged,
        MLflowRefused,
        MLflowUnreachable,
        NothingToRollBackTo,
        NotFollowed,
        PromotionUnderWay,
        ReleaseCorrupt,
        ReleaseRejected,
        ReleaseUnknown,
        SnapshotRefused,
    ) as error:
        raise _ended(error) from error


def _ended(error: Exception) -> typer.Exit:
    typer.echo(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__, err=True)
    return typer.Exit(1)
