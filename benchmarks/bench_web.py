"""`lineage serve --http`: requests a second and how long they take, asked by 1, 8 and 64 clients of two sizes of store.

The server is a process of its own and holds a trace in a SQLite file; the clients are threads of this one,
each with a connection that stays open. Both share the machine's processors.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from statistics import quantiles
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from benchmarks.sizes import SMALL
from benchmarks.traces import NODES_PER_RUN, Trace
from tests.mlmd.systems import listening

SECONDS = 0.3 if SMALL else 4.0
"""How long is asked."""
SEARCH_MILLISECONDS = 50.0
"""Of 20 searches by one client 19 are to be answered within this, whatever the size."""
FLAT = 1.5
"""How much longer an answer may take of the large store than of the small one."""
SIZES = ("8k", "268k")
_TAKEN: dict[tuple[str, str], float] = {}
"""The milliseconds within which 19 of 20 requests of one client were answered, by question and size."""


def node(trace: Trace) -> Callable[[int], str]:
    return lambda number: f"/nodes/artifact%3A{number % (trace.nodes // 4) + 1}"


def name(trace: Trace) -> Callable[[int], str]:
    return lambda number: f"/search?limit=20&q=cold%2F{number % 7 + 1}"


def uri(trace: Trace) -> Callable[[int], str]:
    return lambda number: f"/search?limit=20&q={quote(f's3://models/cold/{number % 7 + 1}')}"


def last_part(trace: Trace) -> Callable[[int], str]:
    """Ask for the last parts of URIs: the numbers of spans, of which many begin alike, and of models."""
    runs = trace.nodes // NODES_PER_RUN
    return lambda number: f"/search?limit=20&q={number * 7919 % runs}"


def upstream(trace: Trace) -> Callable[[int], str]:
    """Ask for what a model of the cold pipeline was made from: 24 nodes."""
    last = trace.last_cold_model.id
    return lambda number: f"/nodes/artifact%3A{last - number % 3 * 7}/upstream"


def view(trace: Trace) -> Callable[[int], str]:
    """Ask for a picture of 1,500 nodes around a span, in 60 marks at most."""
    return lambda _: f"/view?focus={trace.first_span}&nodes=1500"


QUESTIONS = {each.__name__: each for each in (node, name, uri, last_part, upstream, view)}


@pytest.fixture(scope="module", params=SIZES)
def served(
    request: pytest.FixtureRequest, traces: Callable[[str], tuple[Path, Trace]]
) -> Iterator[tuple[str, str, Trace]]:
    """The address of a server of a trace, by its size."""
    path, trace = traces(request.param)
    command = [sys.executable, "-m", "lineage.cli", "serve", "--http", "127.0.0.1:0", "--rate", "0"]
    with listening([*command, "--store", str(path)]) as address:
        yield request.param, address, trace


def asked(address: str, question: Callable[[int], str], clients: int) -> list[float]:
    """Ask from so many threads for some seconds; return how many milliseconds each request took."""
    taken: list[list[float]] = [[] for _ in range(clients)]
    numbers, begin = count(), threading.Barrier(clients)
    failed: list[str] = []

    def client(mine: list[float]) -> None:
        connection = HTTPConnection(urlsplit(address).netloc, timeout=60)
        begin.wait()
        until = time.perf_counter() + SECONDS
        while time.perf_counter() < until:
            began = time.perf_counter()
            connection.request("GET", f"/api/v1{question(next(numbers))}")
            response = connection.getresponse()
            body = response.read()
            mine.append((time.perf_counter() - began) * 1e3)
            if response.status != 200:
                failed.append(body.decode())
        connection.close()

    threads = [threading.Thread(target=client, args=(mine,)) for mine in taken]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed, failed[:2]
    return [each for mine in taken for each in mine]


@pytest.mark.parametrize("clients", [1, 8, 64])
@pytest.mark.parametrize("what", QUESTIONS)
def bench_web(benchmark: Any, served: tuple[str, str, Trace], what: str, clients: int) -> None:
    size, address, trace = served
    taken = benchmark.pedantic(lambda: asked(address, QUESTIONS[what](trace), clients), rounds=1)
    of_twenty = quantiles(taken, n=20)[-1] if len(taken) > 1 else taken[0]
    benchmark.extra_info |= {
        "requests_a_second": round(len(taken) / SECONDS),
        "median_milliseconds": round(quantiles(taken, n=2)[0], 2) if len(taken) > 1 else taken[0],
        "p95_milliseconds": round(of_twenty, 2),
    }
    if SMALL or clients > 1:
        return
    _TAKEN[what, size] = of_twenty
    if what in ("name", "uri", "last_part"):
        assert of_twenty <= SEARCH_MILLISECONDS
    if size == SIZES[-1] and (what, SIZES[0]) in _TAKEN:
        assert of_twenty <= FLAT * _TAKEN[what, SIZES[0]]
