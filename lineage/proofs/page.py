"""A page for people beside a bundle: what is proved, by whom and when it was written, and the seven questions.

It stands alone: it loads nothing and runs nothing, and every text in it is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from lineage.answers.notebook import node_cells
from lineage.model.notebook import escaped, html_table
from lineage.model.texts import printable
from lineage.model.times import from_micros
from lineage.proofs.verifying import Verified
from lineage.queries.comparison import Comparison
from lineage.queries.peers import Peers
from lineage.queries.summary import Summary

__all__ = ["COMPARED", "Questions", "page"]

COMPARED = 4
"""How many models stand beside the subject in its comparison at most."""
SENTENCE = 1_000
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#222;background:#fff}"
    "table{border-collapse:collapse;margin:.5rem 0;font-size:.9rem}caption{text-align:left;font-weight:600}"
    "td,th{border:1px solid #bbb;padding:.2rem .5rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}"
    "th,td:first-child{overflow-wrap:normal}code{overflow-wrap:anywhere}.ok{border-left:4px solid #287a3c;padding-left:1rem}"
    ".not{border-left:4px solid #a15c00;padding-left:1rem}"
)


class Questions(NamedTuple):
    """What the store that made a bundle answers about its subject; these answers themselves are not proved."""

    summary: Summary
    peers: Peers | None = None
    comparison: Comparison | None = None


def page(proved: Verified, questions: Questions | None = None) -> str:
    """Return the page, as HTML, about a bundle that was verified."""
    title = f"Proof of {proved.subject}"
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        # Nothing may be loaded or run, whatever a name says.
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        f"<title>{_text(title)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{_text(title)}</h1>",
        *_summary(proved),
        *(() if questions is None else _questions(questions)),
        *_proved(proved),
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def _summary(proved: Verified) -> Iterator[str]:
    last = proved.transactions[proved.number]
    yield f"<p>As of transaction {proved.number}, written {from_micros(last.time).isoformat()}.</p>"
    yield f"<p>Its digest: <code>{_text(proved.digest)}</code></p>"
    if proved.cut is not None:
        yield f"<p>The limit of {_text(proved.cut)} cut what it was made from.</p>"
    yield "<h2>What was checked</h2>"
    yield _listed(proved.checked, "ok")
    yield "<p>It rests on:</p>"
    yield _listed(proved.trust, "ok")
    yield "<p>It does not prove:</p>"
    yield _listed(proved.not_proved, "not")


def _questions(questions: Questions) -> Iterator[str]:
    summary, peers, comparison = questions
    yield "<h2>What the store answers</h2>"
    yield "<p>These are the answers of the store that made the proof; the records that are proved are below.</p>"
    data = [(*node_cells(each.node), each.distance) for each in summary.datasets]
    yield from _answer("1. Which data was it made from?", ("key", "type", "label", "edges"), data)
    yield from _answer("2. Which parameters?", ("name", "value"), [*summary.parameters.items()])
    metrics = [(each.name, each.value, str(each.artifact.key)) for each in summary.metrics]
    yield from _answer("3. What are its metrics?", ("name", "value", "recorded in"), metrics)
    runs = [(*node_cells(each), str(each.state or "")) for each in summary.runs]
    yield from _answer("4. Which run created it?", ("key", "type", "label", "state"), runs)
    models = [node_cells(each.model) for each in peers.models] if peers else []
    yield from _answer(
        "5. Which other models were made from this data?", ("key", "type", "label"), models
    )
    rows: list[Sequence[object]] = []
    header: tuple[str, ...] = ("section", "name")
    if comparison is not None:
        header += tuple(str(each.key) for each in comparison.models)
        rows = [(row.section, row.name, *row.values) for row in comparison.rows if not row.formal]
    yield from _answer("6. How do these models compare?", header, rows)
    libraries = [*summary.frameworks.items()]
    yield from _answer("7. Which version of which framework?", ("library", "version"), libraries)
    yield _listed(summary.notes, "not")


def _answer(
    question: str, header: Sequence[str], rows: Sequence[Sequence[object]]
) -> Iterator[str]:
    yield f"<h3>{_text(question)}</h3>"
    yield html_table("", header, rows) if rows else "<p>Nothing is recorded.</p>"


def _proved(proved: Verified) -> Iterator[str]:
    records = proved.records
    yield "<h2>What is proved</h2>"
    answer = proved.answer
    yield html_table(
        "The answer",
        ("what", "which"),
        [
            ("node", f"{answer['node']}, {answer['type']}{', deleted' if answer['gone'] else ''}"),
            ("runs", ", ".join(answer["runs"]) or "none"),
            ("data", ", ".join(f"{key} ({hops} edges)" for key, hops in answer["data"]) or "none"),
            ("environments", ", ".join(answer["environments"]) or "none"),
        ],
    )
    rows: list[Sequence[object]] = []
    for key in sorted(records.nodes):
        node = records.nodes[key]
        said = "(content not shown)" if node.content is None else node.values or ""
        rows.append((str(key), records.type_of(key).name, node.label, said, node.number))
    header = ("key", "type", "name or URI", "properties", "transaction")
    yield html_table("Nodes", header, rows)
    yield html_table(
        "Who wrote it, and when",
        ("number", "time", "actor", "message"),
        [
            (each.number, from_micros(each.time).isoformat(), *(each.author or ("(not shown)", "")))
            for number, each in proved.transactions.items()
            if number in records.numbers
        ],
    )


def _listed(sentences: Iterable[str], kind: str) -> str:
    items = "".join(f"<li>{_text(each)}</li>" for each in sentences)
    return f'<ul class="{kind}">{items}</ul>' if items else ""


def _text(text: str) -> str:
    return escaped(printable(text, limit=SENTENCE))
