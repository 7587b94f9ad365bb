"""Pages as the server makes them, for the tests of what scripts add: HTML by hand around the answers of the real API."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from html import escape
from urllib.parse import urlencode

from starlette.testclient import TestClient

import lineage
from lineage.server.callers import Callers
from lineage.server.web.application import Web, application
from lineage.server.web.pool import Pool
from lineage.server.web.watching import Watcher
from lineage.store import Store
from tests.browser.serving import Answer, Asked, Served

__all__ = ["Hosted", "moments"]

LISTENING_SECONDS = 0.2


class Hosted:
    """A store behind the pages; what it tells as news is what a test says."""

    def __init__(self, store: Store, served: Served) -> None:
        self.store, self.served = store, served
        self.news: queue.Queue[str | None] = queue.Queue()
        self.statuses: list[tuple[str, int]] = []
        self.client = TestClient(
            application(Web(store, Callers("ann"), Pool(), Watcher(store.backend))),
            base_url="http://127.0.0.1",
        )
        self.lock = threading.Lock()
        served.answers |= {
            "/api/v1": self.api,
            "/api/v1/changes": lambda _: Answer(type="text/event-stream", events=self.events()),
            "/lineage": self.lineage,
            "/runs": self.runs,
            "/favicon.ico": lambda _: Answer(status=204),
        }

    def api(self, asked: Asked) -> Answer:
        headers = {name: value for name, value in asked.headers.items() if name == "If-None-Match"}
        with self.lock:
            sent = self.client.get(f"{asked.path}?{urlencode(asked.query, True)}", headers=headers)
        self.statuses.append((asked.path, sent.status_code))
        kept = {
            name: sent.headers[name] for name in ("etag", "cache-control") if name in sent.headers
        }
        return Answer(sent.content, sent.headers.get("content-type", ""), sent.status_code, kept)

    def events(self) -> Iterator[str]:
        """Yield what is put into `news`; None ends the stream."""
        yield "retry: 100\n\n"
        while True:
            try:
                event = self.news.get(timeout=LISTENING_SECONDS)
            except queue.Empty:
                yield ": still here\n\n"
                continue
            if event is None:
                return
            yield event

    def tell(self, number: int) -> None:
        """Tell of a transaction to whoever listens."""
        self.news.put(f"id: {number}\nevent: transaction\ndata: {{}}\n\n")

    def lineage(self, asked: Asked) -> Answer:
        focus = asked.query["focus"][0]
        page = "/api/v1/view/page?" + urlencode(asked.query, True, safe=":/@")
        notes = "<ul><li>of the past</li></ul>" if self.moment(asked) else ""
        content = (
            f'{notes}<div id="lineage" data-page="{escape(page)}"><svg role="img"></svg>'
            f"<table><tr><th>server made {escape(focus)}</th></tr></table></div>"
            f'<a href="/api/v1/export?{escape(urlencode({**asked.query, "format": "svg"}, True))}" download>svg</a>'
            f'<button class="copy js-only" type="button" data-copy="lineage view {escape(focus)} --as-of '
            f'{self.moment(asked) or "now"}">Copy as command</button>'
        )
        return self.page(asked, f"Lineage of {focus}", content)

    def runs(self, asked: Asked) -> Answer:
        rows = "".join(
            f'<label><input type="checkbox" name="ids" value="execution:{n}">{n}</label>'
            for n in range(1, 24)
        )
        form = f'<form class="choose" action="/compare">{rows}<button type="submit">Compare</button></form>'
        return self.page(asked, "Runs", form)

    def moment(self, asked: Asked) -> str:
        return asked.query.get("as_of", [""])[0]

    def page(self, asked: Asked, title: str, content: str) -> Answer:
        now = self.store.backend.now()
        as_of = self.moment(asked)
        number = int(as_of or now)
        kept = "".join(
            f'<input type="hidden" name="{name}" value="{escape(value)}">'
            for name, values in asked.query.items()
            for value in values
            if name not in ("as_of", "open")
        )
        body = (
            f'<header class="above"><form class="find" action="/search" role="search"><label for="search">Find</label>'
            f'<input id="search" name="q" type="search" data-suggest="/api/v1/search?q="></form>'
            f'<div class="moments" data-ticks="/api/v1/transactions/histogram?bins=200">'
            f'<p class="now">as of transaction {number} of {now}</p>'
            f'<form class="moment" action="{asked.path}">{kept}<label for="moment">Transaction</label>'
            f'<input type="range" id="moment" name="as_of" min="1" max="{now}" value="{number}">'
            f'<button type="submit">Go</button></form></div>'
            f'<p id="news" role="status" hidden></p></header>'
            f"<main><h1>{escape(title)}</h1>{content}</main>"
        )
        return Answer(
            f'<!doctype html><html lang="en"><head><title>{escape(title)} at {number}</title>'
            '<link rel="stylesheet" href="/static/site.css"><script type="module" src="/static/site.js"></script>'
            f'</head><body data-number="{number}" data-as-of="{escape(as_of)}">{body}</body></html>'
        )


def moments(store: Store, count: int) -> None:
    """Record a data set, and then runs that train models on it: one transaction each."""

    data = store.put(lineage.Dataset(name="wine", uri="s3://lake/wine.csv"))
    for number in range(1, count):
        store.record(
            lineage.Train(name=f"fit {number}"),
            inputs=[data],
            outputs=[lineage.Model(name=f"model {number}", custom_properties={"depth": number})],
        )
