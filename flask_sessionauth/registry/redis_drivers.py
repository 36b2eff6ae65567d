"""The clients `RedisRegistry` works with: redis-py's and valkey-py's; of one server, by Sentinel, of a cluster."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

from ..errors import ConfigurationError

# Schemes, and whether they mean TLS.
_SCHEMES = {"redis": False, "rediss": True, "valkey": False, "valkeys": True}
_ALLOWED = "redis://, rediss://, unix://, redis+cluster:// and rediss+cluster://, and the same with valkey, valkeys"


@dataclass(frozen=True)
class Driver:
    """What one of the two libraries raises."""

    #: Whatever keeps the server from doing what it is asked.
    errors: tuple[type[Exception], ...]
    #: Those after which another connection may do.
    lost: tuple[type[Exception], ...]
    #: The server does not have the script.
    no_script: type[Exception]
    #: The server has become a replica.
    read_only: type[Exception]


def from_url(url: str, timeout: float) -> tuple[Driver, Callable[[], Any]]:
    """What makes a client for a URL. No driver's error says more about the URL than we do.

    A client for a cluster asks the cluster when it is made; the others are made at once.

    :param timeout: seconds, for a connection and for an answer. Options of the URL go first.
    :raises ConfigurationError: for another scheme, and if there is no driver.
    """
    scheme, separator, address = url.partition("://")
    base, plus, kind = scheme.partition("+")
    if not separator or base not in (*_SCHEMES, "unix") or (plus and (kind != "cluster" or base == "unix")):
        raise ConfigurationError(f"a registry's URL begins with something else than allowed: {_ALLOWED}")
    module = _installed(*(("valkey", "redis") if base.startswith("valkey") else ("redis", "valkey")))
    if base != "unix":
        base = module.__name__ + "s" * _SCHEMES[base]
    own_url = f"{base}://{address}"
    options = {
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        # We do that once ourselves, and not after a timeout: nobody waits for longer than one.
        "retry": module.retry.Retry(module.backoff.NoBackoff(), 0),
    }
    if plus:
        return _driver(module), lambda: suitable(_cluster(module, own_url, options))
    client = suitable(_made(module.Redis, own_url, options))
    return _driver(module), lambda: client


def of_client(client: Any) -> tuple[Driver, Callable[[], Any]]:
    """The same for a program's own client.

    :raises ConfigurationError: for anything else.
    """
    for name in ("redis", "valkey"):
        module = sys.modules.get(name)
        if module is not None and isinstance(client, (module.Redis, module.RedisCluster)):
            suitable(client)
            return _driver(module), lambda: client
    raise ConfigurationError(
        f"RedisRegistry needs a URL or a client, not a {type(client).__name__}; allowed: Redis and RedisCluster of "
        "redis-py, Valkey and ValkeyCluster of valkey-py, also by Sentinel.master_for(); none of asyncio"
    )


def suitable(client: Any) -> Any:
    """The client, if it gives bytes, and what the master has now.

    :raises ConfigurationError: for one that does not.
    """
    if client.get_encoder().decode_responses:
        raise ConfigurationError(
            "a registry's client needs decode_responses=False: rows are bytes. Make it one of its own"
        )
    pool = getattr(client, "connection_pool", None)
    if (
        getattr(client, "read_from_replicas", False)
        or getattr(client, "load_balancing_strategy", None)
        or not getattr(pool, "is_master", True)
    ):
        raise ConfigurationError("a registry's client reads from masters only: replicas may not know yet who is out")
    if getattr(pool, "cache", None) is not None:
        raise ConfigurationError("a registry's client has no cache: it may not know yet who is out")
    return client


def masters(client: Any) -> list[Any]:
    """A client for each server that has a part of the keys."""
    if not hasattr(client, "nodes_manager"):
        return [client]
    # It may have been long since the client looked who has them.
    client.nodes_manager.initialize()
    connect = getattr(client, "get_redis_connection", None) or client.get_valkey_connection
    return [connect(node) for node in client.get_primaries()]


def reconnect(client: Any) -> None:
    """Close the connections that nobody uses: the name of the server may stand for another one by now."""
    pool = getattr(client, "connection_pool", None)
    if pool is not None:
        pool.disconnect(inuse_connections=False)


def _installed(*names: str) -> ModuleType:
    for name in names:
        try:
            return import_module(name)
        except ModuleNotFoundError as error:
            if error.name != name:
                raise
    raise ConfigurationError("RedisRegistry needs redis-py: pip install flask-sessionauth[redis]")


def _driver(module: ModuleType) -> Driver:
    errors = module.exceptions
    cluster_error = getattr(errors, "RedisClusterException", None) or errors.ValkeyClusterException
    return Driver(
        errors=(module.RedisError, cluster_error, OSError),
        lost=(module.ConnectionError, ConnectionError),
        no_script=errors.NoScriptError,
        read_only=errors.ReadOnlyError,
    )


def _cluster(module: ModuleType, url: str, options: dict[str, Any]) -> Any:
    client = _made(module.RedisCluster, url, options)
    # redis-py 5 and valkey-py go by this, and not by the option.
    if hasattr(client, "cluster_error_retry_attempts"):
        client.cluster_error_retry_attempts = 0
    return client


def _made(kind: Any, url: str, options: dict[str, Any]) -> Any:
    try:
        return kind.from_url(url, **options)
    except ValueError:
        raise ConfigurationError("a registry's URL has something in it that its driver cannot read") from None
