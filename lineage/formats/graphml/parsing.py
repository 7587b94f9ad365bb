"""GraphML as XML: a stream of elements with their data, read a piece at a time.

What could cost memory or reach beyond the file is refused before it does: document types, with which
entities are declared, deep nesting and huge tags. That is all that expat would do by itself on
untrusted input; it opens no other file and no connection.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, NamedTuple
from xml.parsers import expat

from lineage.errors import Invalid, excerpt
from lineage.formats.losses import Losses

__all__ = ["Element", "Key", "elements"]

MOST_DEEP = 100
"""How deep elements may be nested; yEd's pictures are about ten deep."""
LARGEST_TAG = 16_000_000
"""How many bytes a tag, a comment or the like may have, which expat holds as one."""
PIECE = 1 << 20
_NAMESPACE = "http://graphml.graphdrawing.org/"
_CHILDREN = {
    "": {"graphml"},
    "graphml": {"desc", "key", "data", "graph"},
    "key": {"desc", "default"},
    "graph": {"desc", "data", "node", "edge"},
    "node": {"desc", "data"},
    "edge": {"desc", "data"},
}
_TEXTS = {"desc", "data", "default"}
_TYPES = {"boolean", "int", "long", "float", "double", "string"}


class Key(NamedTuple):
    """What is declared of data: a name, a type, on which elements, a description, and a default."""

    name: str
    type: str
    on: str
    about: str
    default: str | None


class Element(NamedTuple):
    """A node, an edge, or the graph's own data, each `Key` once; the tag says which."""

    tag: str
    line: int
    attributes: dict[str, str]
    data: dict[Key, str]


def elements(source: IO[bytes], losses: Losses) -> Iterator[Element]:
    """Yield what a file holds; `Invalid` names the line of what is malformed or has no meaning here."""
    parser = _Parser(losses)
    while piece := source.read(PIECE):
        yield from parser.feed(piece)
    yield from parser.feed(b"")


class _Parser:
    """Turns expat's events into elements."""

    def __init__(self, losses: Losses) -> None:
        self._losses = losses
        self._ready: list[Element] = []
        self._keys: dict[str, Key] = {}
        self._open: list[str] = [""]
        self._skipped = 0
        """How deep inside another namespace's element this is."""
        self._is_foreign = False
        self._text: list[str] = []
        self._attributes: list[dict[str, str]] = []
        self._key: dict[str, str | None] = {}
        self._element: Element | None = None
        self._graphs = 0
        self._fed = 0
        self._expat = expat.ParserCreate(namespace_separator=" ")
        self._expat.buffer_text = True
        self._expat.StartElementHandler = self._start
        self._expat.EndElementHandler = self._end
        self._expat.CharacterDataHandler = self._characters
        self._expat.StartDoctypeDeclHandler = self._refuse_doctype

    def feed(self, piece: bytes) -> list[Element]:
        """Return the elements that end in a piece; an empty one is the end of the file."""
        try:
            self._expat.Parse(piece, not piece)
        except expat.ExpatError as error:
            said = expat.errors.messages.get(error.code, str(error))
            raise Invalid(
                f"line {error.lineno}, column {error.offset}: the file is not XML: {said}"
            ) from error
        except Invalid:
            raise  # what a handler refused is no fault of the encoding, though a ValueError too
        except (LookupError, ValueError) as error:
            raise Invalid(f"the file's encoding cannot be read: {error}; write UTF-8") from error
        self._fed += len(piece)
        if self._fed - self._expat.CurrentByteIndex > LARGEST_TAG:
            raise self._fault(f"a tag of more than {LARGEST_TAG:,} bytes is refused")
        ready, self._ready = self._ready, []
        return ready

    def _fault(self, said: str) -> Invalid:
        return Invalid(f"line {self._expat.CurrentLineNumber}: {said}")

    def _refuse_doctype(self, *_: object) -> None:
        raise self._fault(
            "a document type is refused, because it can declare entities; remove <!DOCTYPE …>"
        )

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        namespace, _, tag = name.rpartition(" ")
        if len(self._open) + self._skipped > MOST_DEEP:
            raise self._fault(f"elements nested more than {MOST_DEEP} deep are refused")
        within = self._open[-1]
        if self._skipped or (within in _TEXTS and not namespace.startswith(_NAMESPACE)):
            self._skipped += 1
            self._is_foreign = True
            return
        if tag not in _CHILDREN.get(within, ()) or (namespace and _NAMESPACE not in namespace):
            raise self._fault(_misplaced(tag, within))
        self._open.append(tag)
        self._attributes.append(attributes)
        self._begin(tag, attributes)

    def _begin(self, tag: str, attributes: dict[str, str]) -> None:
        if tag in _TEXTS:
            self._text, self._is_foreign = [], False
        elif tag == "key":
            self._key = {"desc": "", "default": None}
        elif tag == "graph":
            self._graphs += 1
            if self._graphs > 1:
                raise self._fault("there is a second graph; a file has one")
        elif tag in ("node", "edge"):
            self._element = Element(tag, self._expat.CurrentLineNumber, attributes, {})
            if tag == "edge":
                self._check_direction(attributes)

    def _check_direction(self, attributes: dict[str, str]) -> None:
        default = "false" if self._attributes[1].get("edgedefault") == "undirected" else "true"
        if attributes.get("directed", default) == "false":
            raise self._fault("an edge is undirected; a lineage graph is directed")
        if attributes.keys() & {"sourceport", "targetport"}:
            self._losses.note(
                "ports of edges were left out", f"line {self._expat.CurrentLineNumber}"
            )

    def _characters(self, text: str) -> None:
        if self._open[-1] in _TEXTS and not self._skipped:
            self._text.append(text)

    def _end(self, _: str) -> None:
        if self._skipped:
            self._skipped -= 1
            return
        tag, attributes = self._open.pop(), self._attributes.pop()
        if tag in _TEXTS:
            self._end_text(tag, attributes)
        elif tag == "key":
            self._end_key(attributes)
        elif tag in ("node", "edge"):
            assert self._element is not None
            for key in self._keys.values():
                if key.default is not None and key.on in (tag, "all"):
                    self._element.data.setdefault(key, key.default)
            self._ready.append(self._element)
            self._element = None

    def _end_text(self, tag: str, attributes: dict[str, str]) -> None:
        within, text = self._open[-1], "".join(self._text)
        place = f"line {self._expat.CurrentLineNumber}"
        if self._is_foreign:
            self._losses.note("data that are elements, as yEd's pictures, were left out", place)
        elif within == "key":
            self._key[tag] = text
        elif tag == "desc":
            self._losses.note("descriptions were left out", place)
        elif tag == "data":
            self._end_data(within, attributes, text)

    def _end_data(self, within: str, attributes: dict[str, str], text: str) -> None:
        key = self._keys.get(self._required("key", attributes))
        if key is None:
            raise self._fault(f"no key before has the id {excerpt(attributes['key'])}; declare it")
        if self._element is None:
            line = self._expat.CurrentLineNumber
            if within == "graph":
                self._ready.append(Element("graph", line, {}, {key: text}))
            else:
                self._losses.note("data of the file as a whole were left out", f"line {line}")
        elif self._element.data.setdefault(key, text) is not text:
            raise self._fault(f"{excerpt(key.name)} is there twice; leave one of them out")

    def _end_key(self, attributes: dict[str, str]) -> None:
        number = self._required("id", attributes)
        if number in self._keys:
            raise self._fault(f"there are two keys with the id {excerpt(number)}")
        # yEd's keys for pictures have neither name nor type, and their data are left out.
        given = attributes.get("attr.type", "string")
        if given not in _TYPES:
            raise self._fault(
                f"{excerpt(given)} is not a type of GraphML; there are {', '.join(sorted(_TYPES))}"
            )
        self._keys[number] = Key(
            attributes.get("attr.name", number),
            given,
            attributes.get("for", "all"),
            self._key["desc"] or "",
            self._key["default"],
        )

    def _required(self, name: str, attributes: dict[str, str]) -> str:
        if name not in attributes:
            raise self._fault(f"<{'key' if name == 'id' else 'data'}> has no {name!r}")
        return attributes[name]


def _misplaced(tag: str, within: str) -> str:
    if tag in ("hyperedge", "port", "endpoint", "locator") or (tag, within) == ("graph", "node"):
        what = "a graph within a node" if tag == "graph" else f"<{tag}>"
        return f"{what} means nothing in a lineage graph; export the graph without"
    place = f"within <{within}>" if within else "as the outermost element"
    return f"<{tag:.80}> {place} is not GraphML"
