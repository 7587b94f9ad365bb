"""A server of a test's own: it says what the test gives it, notes what it is asked, and sends the policy of our pages."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.tree import ROOT

__all__ = ["POLICY", "Answer", "Asked", "Served", "problem", "serving"]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
BUILT = ROOT / "lineage" / "web"
TYPES = {".js": "text/javascript", ".css": "text/css"}


@dataclass
class Answer:
    """What is sent: JSON of `body`, unless it is text or bytes; each of `events` as it comes."""

    body: Any = ""
    type: str = "text/html; charset=utf-8"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    wait: float = 0
    events: Iterator[str] | None = None

    @classmethod
    def of(cls, body: Any) -> Answer:
        """An answer of JSON."""
        return cls(json.dumps(body), "application/json")

    @property
    def content(self) -> bytes:
        return self.body.encode() if isinstance(self.body, str) else bytes(self.body)


def problem(status: int, title: str, detail: str) -> Answer:
    body = json.dumps({"title": title, "detail": detail, "status": status})
    return Answer(body, "application/problem+json", status)


@dataclass
class Asked:
    """A request: its path, its query, and its headers."""

    path: str
    query: dict[str, list[str]]
    headers: Mapping[str, str]


Answering = Callable[[Asked], Answer]


class Served:
    """The answers by path, which a test may change, and the requests that came."""

    def __init__(self) -> None:
        self.answers: dict[str, Answering] = {}
        self.asked: list[Asked] = []
        self.address = ""

    def requests(self, path: str) -> list[Asked]:
        return [each for each in self.asked if each.path == path]

    def answer(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        if asked.path.startswith("/static/"):
            file = BUILT / asked.path.removeprefix("/static/")
            return Answer(file.read_bytes(), TYPES[file.suffix])
        fitting = [path for path in self.answers if asked.path.startswith(path)]
        if not fitting:
            return Answer("nothing here", status=404)
        return self.answers[max(fitting, key=len)](asked)


@contextmanager
def serving() -> Iterator[Served]:
    """Serve until the end, on a free port of this machine."""
    served = Served()
    stopping = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            asked = Asked(parts.path, parse_qs(parts.query), dict(self.headers))
            answer = served.answer(asked)
            time.sleep(answer.wait)
            self.send_response(answer.status)
            self.send_header("Content-Security-Policy", POLICY)
            self.send_header("Content-Type", answer.type)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if answer.events is None:
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)
            else:
                self.send_header("Connection", "close")
                self.end_headers()
                self.stream(answer.events)

        def stream(self, events: Iterator[str]) -> None:
            self.close_connection = True
            try:
                for event in events:
                    if stopping.is_set():
                        return
                    self.wfile.write(event.encode())
                    self.wfile.flush()
            except OSError:
                return  # whoever listened is gone

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing: what was asked is in `Served.asked`."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    served.address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield served
    finally:
        stopping.set()
        server.shutdown()
        server.server_close()
        thread.join(10)
