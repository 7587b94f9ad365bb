"""A store of objects that speaks as much of S3's protocol as its clients need to look, list and read."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

TIME = "2026-03-01T12:00:00.000Z"
HTTP_TIME = "Sun, 01 Mar 2026 12:00:00 GMT"
PAGE = 2
"""How many objects are listed at a time, so that lists have several pages."""


class Version(NamedTuple):
    content: bytes
    etag: str
    number: str | None


class Objects:
    """The objects by bucket and key; those of the bucket `kept` have versions, those of `closed` are nobody's to see."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[str] = []
        """Each request: method and path."""
        self.weak = False
        self.once_read: dict[str, bytes] = {}
        """What an object becomes once it has been read."""
        self.once_listed: dict[str, bytes] = {}
        """What an object becomes once its bucket has been listed."""
        self._objects: dict[str, list[Version]] = {}

    def put(self, name: str, content: bytes, *, etag: str | None = None) -> Version:
        """Write an object; the newest version is the last one."""
        versions = self._objects.setdefault(name, [])
        said = etag or hashlib.md5(content, usedforsecurity=False).hexdigest()
        kept = name.startswith("kept/")
        number = f"{len(versions) + 1:032}" if kept else None
        version = Version(content, said, number)
        self._objects[name] = [*versions, version] if kept else [version]
        return version

    def version(self, name: str, number: str | None) -> Version | None:
        versions = self._objects.get(name, [])
        chosen = [each for each in versions if number is None or each.number == number]
        return chosen[-1] if chosen else None

    def listed(self, bucket: str, prefix: str, after: str) -> list[tuple[str, Version]]:
        """Return the keys of a bucket that begin so and come after another, in order."""
        keys = sorted(
            name.partition("/")[2] for name in self._objects if name.startswith(f"{bucket}/")
        )
        return [
            (key, self._objects[f"{bucket}/{key}"][-1])
            for key in keys
            if key.startswith(prefix) and key > after
        ]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    objects: Objects

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        address = urlsplit(self.path)
        bucket, _, key = unquote(address.path).lstrip("/").partition("/")
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        self.objects.asked.append(f"{self.command} {unquote(address.path)}")
        if bucket == "closed":
            return self._refuse(403, "AccessDenied", body=body)
        if not key:
            return self._list(bucket, query)
        name = f"{bucket}/{key}"
        version = self.objects.version(name, query.get("versionId"))
        if version is None:
            return self._refuse(404, "NoSuchKey", body=body)
        if self.headers.get("If-Match", f'"{version.etag}"') != f'"{version.etag}"':
            return self._refuse(412, "PreconditionFailed", body=body)
        self._send_object(version, body=body)
        if body and name in self.objects.once_read:
            self.objects.put(name, self.objects.once_read.pop(name))
        return None

    def _send_object(self, version: Version, *, body: bool) -> None:
        content, status = version.content, 200
        size = len(content)
        headers = {
            "ETag": f'{"W/" * self.objects.weak}"{version.etag}"',
            "Last-Modified": HTTP_TIME,
        }
        if version.number:
            headers["x-amz-version-id"] = version.number
        if found := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            first, last = int(found[1]), min(int(found[2] or size - 1), size - 1)
            content, status = content[first : last + 1], 206
            headers["Content-Range"] = f"bytes {first}-{last}/{size}"
        self._send(status, headers, content, body=body)

    def _list(self, bucket: str, query: dict[str, str]) -> None:
        listed = self.objects.listed(
            bucket, query.get("prefix", ""), query.get("continuation-token", "")
        )
        most = min(PAGE, int(query.get("max-keys", PAGE)))
        found = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(version.content)}</Size>"
            f"<ETag>&quot;{version.etag}&quot;</ETag><LastModified>{TIME}</LastModified></Contents>"
            for key, version in listed[:most]
        )
        more = len(listed) > most
        token = ""
        if more:
            key = escape(listed[most - 1][0])
            token = f"<NextContinuationToken>{key}</NextContinuationToken>"
        text = (
            f"<ListBucketResult><Name>{bucket}</Name><KeyCount>{len(listed[:most])}</KeyCount>"
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{found}</ListBucketResult>"
        )
        self._send(200, {"Content-Type": "application/xml"}, text.encode(), body=True)
        for name in [each for each in self.objects.once_listed if each.startswith(f"{bucket}/")]:
            self.objects.put(name, self.objects.once_listed.pop(name))

    def _refuse(self, status: int, code: str, *, body: bool) -> None:
        text = f"<Error><Code>{code}</Code><Message>{code}</Message></Error>"
        self._send(status, {"Content-Type": "application/xml"}, text.encode(), body=body)

    def _send(self, status: int, headers: dict[str, str], content: bytes, *, body: bool) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[Objects]:
    """Serve a store of objects, which is empty at first."""
    objects = Objects()
    handler = type("Handler", (_Handler,), {"objects": objects})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    objects.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield objects
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
