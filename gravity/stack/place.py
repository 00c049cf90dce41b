"""What a server of the stack is told about where it runs."""

from collections.abc import Mapping
from dataclasses import dataclass

from gravity.stack.home import Home
from gravity.stack.keys import Keys


@dataclass(frozen=True, slots=True)
class Place:
    """Folder, ports by name and secrets: the input of every program's definition."""

    home: Home
    ports: Mapping[str, int]
    keys: Keys

    def address(self, port: str) -> str:
        """`127.0.0.1:port` of a named port."""
        return f"127.0.0.1:{self.ports[port]}"

    def url(self, port: str) -> str:
        """`http://127.0.0.1:port` of a named port."""
        return f"http://{self.address(port)}"
