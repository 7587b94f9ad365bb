"""One database of a Neo4j server: its driver, and statements with their retries.

Everything here may be used by many threads at once, but a `Work` by one. An interrupt may come at
any line: whatever statement or transaction it breaks off is cut from the server, which then undoes
it, and the interrupt goes on.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from lineage.backends.neo4j.errors import translate
from lineage.backends.neo4j.location import DatabaseAddress, read_url
from lineage.contract.stopping import current, go_on
from lineage.errors import Conflict, Invalid, LineageError, Unavailable

if TYPE_CHECKING:
    from types import TracebackType

    import neo4j

__all__ = ["Rows", "RunStatement", "Server", "Work"]

logger = logging.getLogger(__name__)
# Where nobody wants logs, Python would print what the driver logs of the errors that we raise.
logging.getLogger("neo4j").addHandler(logging.NullHandler())

CONNECT_SECONDS = 5.0
"""How long a host may take to answer."""
ACQUIRE_SECONDS = 10.0
"""How long all hosts of a name or a cluster may take together."""
IDLE_SECONDS = 60.0
"""A connection that was idle for longer is tried before it is used."""
RETRY_SECONDS = 5.0
"""For how long a statement is tried again."""
FIRST_RETRY_SECONDS = 1.0
"""For how long at least, since a stale connection must not cost a short wait for the lock."""
PAUSES = (0.0, 0.1, 0.3, 1.0)
"""Before the second try, the third, and so on; the first is for a connection that was stale."""
LOOK_AGAIN = 0.05
"""How often the end of a transaction is tried that waits for a lock for too long."""

_DIALECT = "CYPHER 5 replan=skip "
"""Databases whose own default is Cypher 25 read our statements in the same way.

A statement is planned once and not again when the graph has grown: our statements name the indexes
they need, and to plan one anew takes longer than most of them run.
"""
_TERMINATE = (
    "SHOW TRANSACTIONS YIELD transactionId AS id, metaData, status "
    "WHERE metaData.lineage = $token AND status STARTS WITH 'Blocked' "
    "TERMINATE TRANSACTIONS id YIELD message RETURN message"
)

Rows = list[list[Any]]
T = TypeVar("T")


class RunStatement(Protocol):
    """Runs one statement and returns all its rows: by itself, or inside an open transaction."""

    def __call__(self, query: str, /, **parameters: Any) -> Rows:
        """Run it; an error of the driver is one of ours."""


class Work:
    """An open transaction; any error in it ends it."""

    __slots__ = ("__weakref__", "_server", "_session", "_transaction", "_usable")

    def __init__(self, server: Server, session: neo4j.Session) -> None:
        self._server = server
        self._session: neo4j.Session | None = session
        self._transaction: neo4j.Transaction | None = None
        self._usable = False
        """False also while a statement runs, so that no interrupt leaves it True."""

    @property
    def is_open(self) -> bool:
        """Whether it can still be committed."""
        return self._usable

    def start(self, token: str, first: str, parameters: dict[str, Any]) -> Rows:
        """Begin, and run the first statement, in one round trip."""

        def begun() -> Rows:
            session = self._session
            if session is None:
                raise Invalid("the store is closed")
            # The driver sends BEGIN along with the first statement, but only in `execute_query`,
            # which commits at once. A driver without this switch takes one round trip more.
            with getattr(session, "_pipelined_begin", contextlib.nullcontext()):
                self._transaction = session.begin_transaction(metadata={"lineage": token})
            with _broken_off(session):
                return _rows(self._transaction, first, parameters)

        rows = self._guarded(begun)
        self._usable = True
        return rows

    def run(self, query: str, /, **parameters: Any) -> Rows:
        """Run a statement; where it fails, the transaction is gone."""
        transaction, session = self._taken(), self._session

        def answered() -> Rows:
            with _broken_off(session):
                return _rows(transaction, query, parameters)

        rows = self._guarded(answered)
        self._usable = True
        return rows

    def commit(self) -> None:
        """Commit; `Unavailable` where the connection broke, so that the outcome is not known."""
        self._guarded(self._taken().commit)
        self._give_back()

    def rollback(self) -> None:
        """Undo, if anything is left to undo; never raises."""
        if self._usable:
            self._give_back()
        else:
            self.cut()

    def cut(self) -> None:
        """Close the connection, in whatever state it is; the server undoes what was open."""
        self._usable = False
        session = self._session
        if session is not None:
            _cut(session)
            self._session = self._transaction = None

    def forget(self) -> None:
        """Leave the connection to the process that this one was forked from."""
        self._usable = False
        _keep_for_good(self._session)
        _keep_for_good(self._transaction)
        self._session = self._transaction = None

    def __del__(self) -> None:
        # A thread that ends inside a transaction leaves it here.
        self.cut()

    def _taken(self) -> neo4j.Transaction:
        transaction = self._transaction
        if not self._usable or transaction is None:
            raise Invalid("the transaction is over; begin another")
        self._usable = False
        return transaction

    def _guarded(self, action: Callable[[], T]) -> T:
        try:
            return action()
        except Exception as error:
            self._give_back()
            raise self._server.translated(error) from error
        except BaseException:
            # Interrupted, perhaps in the middle of an answer: nobody could read on from there.
            self.cut()
            raise

    def _give_back(self) -> None:
        self._usable = False
        session = self._session
        if session is not None:
            _let_go(session, self._server.place)
            # Not before: after an interrupt somebody must still be able to cut it.
            self._session = self._transaction = None


def _rows(
    runner: neo4j.Session | neo4j.Transaction, query: str, parameters: dict[str, Any]
) -> Rows:
    return runner.run(_DIALECT + query, parameters).values()


def _let_go(session: neo4j.Session, place: str) -> None:
    """Give the connection back, and undo what it has open; cut it where that fails."""
    try:
        session.close()
    except Exception as error:  # noqa: BLE001  # whatever it is, what was open is undone
        _cut(session)
        logger.warning("%s: a connection broke while it was given back: %s", place, error)
    except BaseException:
        _cut(session)
        raise


@contextlib.contextmanager
def _broken_off(session: neo4j.Session | None) -> Iterator[None]:
    """Cut the session's connection, so that Neo4j undoes a statement, where its call is to stop."""
    stop = current()
    if stop is None or session is None:
        yield
        return
    try:
        with stop.breaking(lambda: _cancel(session)):
            yield
    except Exception:
        go_on()  # a connection that was cut fails in many ways, and none of them is why
        raise


def _cancel(session: neo4j.Session) -> None:
    # The driver's sessions have `cancel` only where they are asynchronous, but all have what it
    # calls. Closing without it waits for answers that are not wanted, and may misread them.
    cancel = getattr(session, "_handle_cancellation", None)
    if cancel is not None:
        cancel()


def _cut(session: neo4j.Session) -> None:
    _cancel(session)
    session.close()


def _keep_for_good(thing: object) -> None:
    """Let a thing outlive the interpreter: finalizing it would speak on the parent's sockets."""
    import ctypes

    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))


class _Pool:
    """A driver, and the transactions that are open on it; of one process."""

    __slots__ = ("bookmarks", "driver", "works")

    def __init__(self, address: DatabaseAddress) -> None:
        import neo4j

        password = address.password
        self.driver = neo4j.GraphDatabase.driver(
            address.server,
            auth=None if password is None else neo4j.basic_auth(address.user, password),
            user_agent="lineage-graph",
            connection_timeout=CONNECT_SECONDS,
            connection_acquisition_timeout=ACQUIRE_SECONDS,
            liveness_check_timeout=IDLE_SECONDS,
            # As many as there are threads; an interrupt at an unlucky line costs one for good.
            max_connection_pool_size=-1,
            # A statement on a type of edge that no store has yet would be warned of, thousands of times.
            notifications_min_severity="OFF",
            telemetry_disabled=True,
        )
        self.bookmarks = neo4j.GraphDatabase.bookmark_manager()
        self.works: weakref.WeakSet[Work] = weakref.WeakSet()

    def session(self, database: str | None, access: str) -> neo4j.Session:
        return self.driver.session(
            database=database,
            default_access_mode=access,
            bookmark_manager=self.bookmarks,
            fetch_size=-1,  # all rows in one answer
        )

    def close(self) -> None:
        for work in list(self.works):
            work.cut()
        self.driver.close()

    def forget(self) -> None:
        for work in list(self.works):
            work.forget()
        _keep_for_good(self.driver)


class Server:
    """One database, as a URL says: `neo4j[+s|+ssc]://[user:password@]host[:port][/database]`."""

    def __init__(self, url: str) -> None:
        self._address = read_url(url)
        self._closed = False
        self._making = threading.Lock()
        self._pool: _Pool | None = None
        self._finalizer: weakref.finalize[..., Any] | None = None
        _SERVERS.add(self)
        self._opened()

    @property
    def place(self) -> str:
        """The URL without its credentials, for messages."""
        return self._address.place

    def read(self, query: str, /, **parameters: Any) -> Rows:
        """Run a reading statement by itself; tried again where the connection was stale."""
        return _tried(lambda: self._alone("READ", query, parameters), seconds=RETRY_SECONDS)

    def write(self, query: str, /, **parameters: Any) -> Rows:
        """Run a statement that changes the schema or one node, by itself; it must be idempotent."""
        return _tried(lambda: self._alone("WRITE", query, parameters), seconds=RETRY_SECONDS)

    def begin(self, *, first: str, seconds: float, **parameters: Any) -> tuple[Work, Rows]:
        """Open a transaction with its first statement, which takes a lock, in one round trip.

        `Conflict` where the statement still waits after that many seconds.
        """
        deadline = time.monotonic() + seconds
        late = Conflict(
            f"{self.place}: other writers kept the store locked for {seconds:g} s; try again"
        )
        return _tried(
            lambda: self._begun(first, parameters, deadline, late),
            seconds=min(max(seconds, FIRST_RETRY_SECONDS), RETRY_SECONDS),
        )

    def close(self) -> None:
        """Let go of all connections; afterwards everything is `Invalid`."""
        self._closed = True
        finalizer = self._finalizer
        if finalizer is not None:
            finalizer()

    def forget(self) -> None:
        """Leave all connections to the process that this one was forked from."""
        self._making = threading.Lock()
        pool, self._pool = self._pool, None
        finalizer, self._finalizer = self._finalizer, None
        if finalizer is not None:
            finalizer.detach()
        if pool is not None:
            pool.forget()

    def translated(self, error: Exception) -> Exception:
        """Return our error for one of the driver's."""
        stop = current()
        if isinstance(error, LineageError) or (stop is not None and error is stop.error):
            return error
        return Invalid("the store is closed") if self._closed else translate(error, self.place)

    def _opened(self) -> _Pool:
        pool = self._pool
        if pool is not None and not self._closed:
            return pool  # without the lock, so that no interrupt can leave it taken
        with self._making:
            if self._closed:
                raise Invalid("the store is closed")
            if self._pool is None:
                try:
                    self._pool = _Pool(self._address)
                except Exception as error:
                    raise self.translated(error) from error
                self._finalizer = weakref.finalize(self, self._pool.close)
            return self._pool

    def _alone(self, access: str, query: str, parameters: dict[str, Any]) -> Rows:
        session = self._opened().session(self._address.database, access)
        try:
            with _broken_off(session):
                rows = _rows(session, query, parameters)
            session.close()
        except Exception as error:
            _let_go(session, self.place)
            raise self.translated(error) from error
        except BaseException:
            _cut(session)
            raise
        return rows

    def _begun(
        self, first: str, parameters: dict[str, Any], deadline: float, late: Conflict
    ) -> tuple[Work, Rows]:
        pool = self._opened()
        work = Work(self, pool.session(self._address.database, "WRITE"))
        pool.works.add(work)
        watch = _Watch(self, deadline)
        try:
            with watch:
                rows = work.start(watch.token, first, parameters)
        except LineageError as error:
            if watch.fired:
                raise late from error.__cause__
            raise
        except BaseException:
            watch.stop()
            work.cut()
            raise
        if watch.fired:
            work.rollback()
            raise late
        return work, rows


_SERVERS: weakref.WeakSet[Server] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for server in list(_SERVERS):
        server.forget()


os.register_at_fork(after_in_child=_after_fork_in_child)


class _Watch:
    """Ends a transaction that still waits for a lock at the deadline.

    Neo4j knows a limit for all waiting, of the whole server, and one for a transaction from
    beginning to end, but none for what one transaction waits for a lock.
    """

    def __init__(self, server: Server, deadline: float) -> None:
        self.token = secrets.token_hex(16)
        self.fired = False
        self._server = server
        self._deadline = deadline
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lineage-watch", daemon=True)

    def __enter__(self) -> None:
        try:
            self._thread.start()
        except RuntimeError as error:
            raise Unavailable(
                f"{self._server.place}: there is no thread to wait for the lock with ({error}); "
                f"end some and try again"
            ) from error

    def stop(self) -> None:
        """End the watch, now or when what it does is done."""
        self._over.set()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
        # What is being ended at this moment must not be taken for a transaction that holds.
        self._thread.join()

    def _run(self) -> None:
        wait = min(max(0.0, self._deadline - time.monotonic()), threading.TIMEOUT_MAX)
        while not (self._over.wait(wait) or self.fired):
            wait = LOOK_AGAIN
            try:
                self.fired = bool(self._server.write(_TERMINATE, token=self.token))
            except LineageError as error:
                logger.warning("a transaction that waits for too long was not ended: %s", error)


def _tried(call: Callable[[], T], *, seconds: float) -> T:
    """Call again where the driver says that it may help, a few times and for some seconds."""
    deadline = time.monotonic() + seconds
    for pause in PAUSES:
        try:
            return call()
        except LineageError as error:
            if not _may_help(error.__cause__) or time.monotonic() + pause > deadline:
                raise
        time.sleep(pause)
    return call()


def _may_help(cause: BaseException | None) -> bool:
    is_retryable = getattr(cause, "is_retryable", None)
    return is_retryable is not None and bool(is_retryable())
