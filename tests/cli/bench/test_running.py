"""How a benchmark's command ends when it is interrupted."""

import signal
import subprocess
import sys

import pytest

# Swallows one cancellation, as a wait does that ends in the same moment.
STUBBORN = """
import asyncio
from rich.console import Console
from cli.bench.running import running

async def stubborn():
    try:
        print("at work", flush=True)
        await asyncio.sleep(30)
    except asyncio.CancelledError:
        pass

with running(Console(stderr=True)):
    asyncio.run(stubborn())
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.timeout(60)
def test_an_interrupt_is_not_swallowed(number: signal.Signals) -> None:
    program = (
        f"import sys, typer\ntry:\n    exec({STUBBORN!r})\n"
        "except typer.Exit as ended:\n    sys.exit(ended.exit_code)\n"
    )
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "at work\n"
        process.send_signal(number)
        assert process.wait() == 130
