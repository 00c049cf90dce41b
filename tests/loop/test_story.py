"""`gravity demo` as somebody sees it: the story, the links, and a Ctrl-C that leaves nothing."""

import asyncio
import json
import re
import shlex
import signal
from io import StringIO

from rich.console import Console

from cli.demo import tell_story
from cli.wait import until
from gravity.settings import Settings
from tests.loop.conftest import GRAVITY, PEOPLE, Loop


async def test_the_story_can_be_told_again_and_again(loop: Loop, settings: Settings) -> None:
    sink = StringIO()
    for told in range(1, 7):
        await tell_story(Console(file=sink, width=200), settings, PEOPLE)
        assert sink.getvalue().count("it's a match") == told, sink.getvalue()
    assert len(set(re.findall(r"The deck of viewer (\d+)", sink.getvalue()))) > 1


async def test_the_demo_tells_the_story_and_ends_with_ctrl_c(loop: Loop) -> None:
    said = loop.home / "said"
    with said.open("w") as sink:
        demo = await asyncio.create_subprocess_exec(GRAVITY, "demo", stdout=sink, stderr=sink)

    async def at_the_end() -> bool:
        assert demo.returncode is None, said.read_text()
        return "Ctrl-C stops everything" in said.read_text()

    await until(at_the_end, "the end of the story", deadline_s=120)
    story = said.read_text()
    assert f"{PEOPLE} people" in story
    assert "simulated" in story
    assert re.search(r"The deck of viewer \d+ \(ranker, release 1\)", story)
    assert "The next deck" in story
    # Wherever the terminal wraps its lines.
    assert re.search(r"\d+% → \d+% the next deck came \d+\.\d\d s after", " ".join(story.split()))
    assert "it's a match" in story

    command = next(line for line in story.splitlines() if line.startswith("curl "))
    answer = await asyncio.create_subprocess_exec(
        *shlex.split(command), stdout=asyncio.subprocess.PIPE
    )
    body, _ = await answer.communicate()
    assert len(json.loads(body)["cards"]) == 5

    demo.send_signal(signal.SIGINT)
    async with asyncio.timeout(120):
        assert await demo.wait() == 0
    assert loop.processes() == []
