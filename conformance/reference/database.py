"""SQLite with a write-ahead log: everything is on disk before it is answered.

One connection writes. Two roads lead to it: :meth:`SqliteDatabase.transaction` runs and commits in place;
:meth:`SqliteDatabase.write` lets many requests share one commit (their statements run on the event loop, only the
commit, which waits for the disk, runs in a thread). Both wait until the commit has reached the disk.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

#: Requests that share one commit at most, so that none waits for a long batch.
BATCH_MAX = 64


class SqliteDatabase:
    """The bank's storage in one directory; :meth:`renew` starts an empty one."""

    def __init__(self, directory: Path, schemas: Sequence[str]) -> None:
        self._directory = directory
        self._schemas = tuple(schemas)
        self._lock = threading.Lock()
        self._owner = 0
        self._local = threading.local()
        self._pending: deque[tuple[Callable[[sqlite3.Connection], Any], asyncio.Future[Any]]] = deque()
        self._drain_task: asyncio.Task[None] | None = None
        self._committer = ThreadPoolExecutor(1, thread_name_prefix="commit")
        self._generation = _latest(directory)
        #: What every commit takes longer, in milliseconds.
        self.delay_ms = 0
        self._writer = self._open()

    @property
    def path(self) -> Path:
        """The database file in use."""
        return self._directory / f"bank-{self._generation}.db"

    # -- writing ------------------------------------------------------------------------------------------

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Open an immediate transaction (nested: a savepoint); commits at the end, rolls back on an exception.

        The body must not await: the lock is held by the thread.
        """
        if self._owner == threading.get_ident():
            with _savepoint(self._writer) as connection:
                yield connection
            return
        with self._lock:
            self._owner = threading.get_ident()
            try:
                yield from self._alone()
            finally:
                self._owner = 0

    def _alone(self) -> Iterator[sqlite3.Connection]:
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            yield self._writer
        except BaseException:
            self._writer.execute("ROLLBACK")
            raise
        self._to_disk()

    async def write(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``job`` in a transaction shared with others and return once it is on disk; its exception is raised."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._pending.append((job, future))
        if self._drain_task is None or self._drain_task.done():
            self._drain_task = asyncio.create_task(self._drain())
        return await future

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        while self._pending:
            results = self._run_batch()
            try:
                await loop.run_in_executor(self._committer, self._commit)
            except sqlite3.Error as failure:
                results = [(future, None, failure) for future, _, _ in results]
            for future, value, error in results:
                _resolve(future, value, error)

    def _run_batch(self) -> list[tuple[asyncio.Future[Any], Any, BaseException | None]]:
        """Run waiting jobs inside one open transaction; the lock stays held for the commit."""
        results: list[tuple[asyncio.Future[Any], Any, BaseException | None]] = []
        self._lock.acquire()
        self._owner = threading.get_ident()
        self._writer.execute("BEGIN IMMEDIATE")
        while self._pending and len(results) < BATCH_MAX:
            job, future = self._pending.popleft()
            try:
                with _savepoint(self._writer) as connection:
                    results.append((future, job(connection), None))
            except Exception as error:  # noqa: BLE001 - handed to whoever awaits this job
                results.append((future, None, error))
        self._owner = 0
        return results

    def _commit(self) -> None:
        try:
            self._to_disk()
        finally:
            self._lock.release()

    def _to_disk(self) -> None:
        if self.delay_ms:
            time.sleep(self.delay_ms / 1000)
        self._writer.execute("COMMIT")

    # -- reading ------------------------------------------------------------------------------------------

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give a read-only view; inside a transaction of this thread, the transaction's own view."""
        if self._owner == threading.get_ident():
            yield self._writer
            return
        yield self._reader()

    def _reader(self) -> sqlite3.Connection:
        if getattr(self._local, "generation", -1) != self._generation:
            reader = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, isolation_level=None)
            reader.row_factory = sqlite3.Row
            self._local.reader, self._local.generation = reader, self._generation
        connection: sqlite3.Connection = self._local.reader
        return connection

    # -- life ---------------------------------------------------------------------------------------------

    def slow_down(self, delay_ms: int) -> None:
        """Make every commit take so much longer from now on, as a slow disk would; raises ValueError below 0."""
        if delay_ms < 0:
            raise ValueError("delay_ms must be 0 or more")
        self.delay_ms = delay_ms

    def renew(self) -> None:
        """Replace everything by an empty database with the same schema, on a disk as fast as it is."""
        self.delay_ms = 0
        with self._lock:
            old = self.path
            self._writer.close()
            self._generation += 1
            self._writer = self._open()
            for suffix in ("", "-wal", "-shm"):
                old.with_name(old.name + suffix).unlink(missing_ok=True)

    def close(self) -> None:
        """Close the writing connection and the commit thread."""
        self._committer.shutdown(wait=True)
        with self._lock:
            self._writer.close()

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, cached_statements=256)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        for schema in self._schemas:
            connection.executescript(schema)
        return connection


@contextmanager
def _savepoint(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    connection.execute("SAVEPOINT job")
    try:
        yield connection
    except BaseException:
        connection.execute("ROLLBACK TO job")
        connection.execute("RELEASE job")
        raise
    connection.execute("RELEASE job")


def _resolve(future: asyncio.Future[Any], value: Any, error: BaseException | None) -> None:
    if future.done():  # the client went away; what it asked for is booked all the same
        return
    if error is None:
        future.set_result(value)
    else:
        future.set_exception(error)


def _latest(directory: Path) -> int:
    """Return the number of the database left by an earlier process, or 0: a restart continues where it was."""
    found = [int(path.stem.removeprefix("bank-")) for path in directory.glob("bank-*.db")]
    return max(found, default=0)
