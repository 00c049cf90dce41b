"""Which ports a stack takes."""

import random
import socket
import threading

import pytest

from gravity.stack import ports


def _choose(
    environment: dict[str, str], remembered: dict[str, str], running: bool = False
) -> dict[str, int]:
    return ports.choose(("api", "redis"), environment, remembered, running, random.Random(1))


def test_free_ports_are_chosen_outside_of_the_kernels_own_range() -> None:
    chosen = _choose({}, {})
    assert len(set(chosen.values())) == 2
    assert all(ports.FIRST <= port <= ports.LAST for port in chosen.values())


def test_a_restart_keeps_its_ports() -> None:
    first = _choose({}, {})
    remembered = {ports.variable(name): str(port) for name, port in first.items()}
    assert _choose({}, remembered) == first


def test_a_remembered_port_that_somebody_took_is_replaced_unless_it_is_our_own() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        assert _choose({}, {"GRAVITY_API_PORT": str(taken)})["api"] != taken
        assert _choose({}, {"GRAVITY_API_PORT": str(taken)}, running=True)["api"] == taken


def test_a_remembered_port_that_a_dying_process_still_holds_is_kept() -> None:
    dying = socket.create_server(("127.0.0.1", 0))
    port = dying.getsockname()[1]
    threading.Timer(0.3, dying.close).start()
    assert _choose({}, {"GRAVITY_API_PORT": str(port)})["api"] == port


def test_the_environment_decides() -> None:
    wished = ports.any_free(set(), random.Random(2))
    assert _choose({"GRAVITY_API_PORT": str(wished)}, {"GRAVITY_API_PORT": "1"})["api"] == wished


def test_a_wished_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        with pytest.raises(ports.PortTaken, match=f"GRAVITY_API_PORT={taken}.*in use"):
            _choose({"GRAVITY_API_PORT": str(taken)}, {})


@pytest.mark.parametrize("value", ["http", "0", "70000", ""])
def test_a_wished_port_that_is_none_is_named(value: str) -> None:
    with pytest.raises(ports.PortInvalid, match="GRAVITY_API_PORT"):
        _choose({"GRAVITY_API_PORT": value}, {})
