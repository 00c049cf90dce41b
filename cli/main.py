"""`gravity …`: the composition root of commands. One file a noun, one line here to register it.

Modules registered here import nothing heavy at their top: what a command needs, it imports itself.
"""

import typer

from cli import (
    billing,
    check_,
    deadletters,
    demo,
    down,
    erase,
    export,
    import_,
    logs,
    photos,
    rebuild,
    release,
    retrain,
    run,
    safety,
    simulate,
    status,
    token,
    up,
)
from cli.bench import command as bench
from cli.chaos import command as chaos
from cli.evaluate import command as evaluate
from cli.sandbox import command as sandbox_

app = typer.Typer(
    name="gravity",
    help="A self-hosted discovery platform for dating apps.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(demo.demo)
app.command()(up.up)
app.command()(down.down)
app.command()(status.status)
app.command()(logs.logs)
app.command()(token.token)
app.command()(erase.erase)
app.command()(export.export)
app.command()(rebuild.rebuild)
app.command()(check_.check)
app.add_typer(import_.app)
app.add_typer(run.app)
app.add_typer(photos.app)
app.add_typer(safety.app)
app.add_typer(billing.app)
app.add_typer(deadletters.app)
app.command("retrain")(retrain.command)
app.add_typer(release.app)
app.add_typer(bench.app)
app.add_typer(chaos.app)
app.add_typer(evaluate.app)
app.command()(sandbox_.sandbox)
app.command()(simulate.simulate)


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
