"""`gravity demo` as somebody sees it: the story, the links, and a Ctrl-C that leaves nothing."""

import asyncio
import json
import re
import shlex
import signal

from cli.wait import until
from tests.loop.conftest import GRAVITY, PEOPLE, Loop


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
    assert "The deck of viewer 42" in story
    assert "The next deck" in story
    # Wherever the terminal wraps its lines.
    assert re.search(r"\d+% → \d+%; the next deck came \d+\.\d\d s after", " ".join(story.split()))
    assert "it's a match" in story

    command = next(line for line in story.splitlines() if line.startswith("curl "))
    answer = await asyncio.create_subprocess_exec(
        *shlex.split(command), stdout=asyncio.subprocess.PIPE
    )
    body, _ = await answer.communicate()
    assert len(json.loads(body)["cards"]) == 5

    demo.send_signal(signal.SIGINT)
    assert await asyncio.wait_for(demo.wait(), 120) == 0
    assert loop.processes() == []
