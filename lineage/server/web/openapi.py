"""The service's description, OpenAPI 3.1, made from its one table of routes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any, Final

from lineage.server.callers import CallerRole
from lineage.server.web.answers import CSV
from lineage.server.web.arguments import Arguments
from lineage.server.web.call import Reply
from lineage.server.web.operations import OPERATIONS, Operation
from lineage.server.web.problems import KINDS, MEDIA
from lineage.server.web.schemas import Schema, Schemas

__all__ = ["description"]

_DEFINITIONS: Final = "#/components/schemas/"
_PROBLEM: Final[Schema] = {
    "type": "object",
    "description": "What went wrong, as RFC 9457 has it.",
    "required": ["type", "title", "status", "detail", "retryable", "request_id"],
    "properties": {
        "type": {
            "type": "string",
            "description": f"Ends in one of: {', '.join(KINDS)}.",
            "examples": ["/api/v1/errors#not-found"],
        },
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What happened, and what to do."},
        "retryable": {
            "type": "boolean",
            "description": "Whether the same request may succeed if it is made again.",
        },
        "request_id": {"type": "string"},
        "field": {"type": "string", "description": "Which part of the request is meant."},
        "position": {"type": "integer", "description": "Which character of the filter, from 1."},
    },
    "additionalProperties": False,
}
_STATUS: Final[Schema] = {
    "type": "object",
    "required": ["status"],
    "properties": {"status": {"type": "string"}},
    "additionalProperties": False,
}
_TEXT: Final[Schema] = {"type": "string"}
_HEADERS: Final[Schema] = {
    "As-Of": {
        "description": "The transaction that the answer is as of.",
        "schema": {"type": "integer"},
    },
    "ETag": {
        "description": "Send it as If-None-Match: 304 says that nothing is new.",
        "schema": {"type": "string"},
    },
}


def description(routes: Sequence[Any], prefix: str) -> dict[str, Any]:
    """Return the description of a service with these routes below a prefix."""
    schemas = Schemas(_DEFINITIONS)
    schemas.definitions["Problem"] = _PROBLEM
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(f"{prefix}{route.path}", {})[route.method.lower()] = _operation(
            route, schemas
        )
    paths |= {each.path: {"get": _beside(each)} for each in OPERATIONS}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "lineage",
            "version": version("lineage-graph"),
            "description": "What ML workflows read and wrote, and what follows from that.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "security": [{"token": []}, {"session": []}],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.definitions.items())),
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "lineage"},
            },
        },
    }


def _operation(route: Any, schemas: Schemas) -> dict[str, Any]:
    is_read = route.method == "GET"
    operation: dict[str, Any] = {
        "operationId": f"{route.method.lower()}{re.sub(r'[^A-Za-z]+', '_', route.path)}".rstrip(
            "_"
        ),
        "summary": route.summary,
        "parameters": [
            *_places(route.path),
            *(_queries(route.arguments, schemas) if is_read else ()),
            *_headers(route.headers),
        ],
        "responses": _responses(route, schemas),
        "x-role": CallerRole(route.role).name.lower(),
    }
    if not is_read:
        body = _model(route.arguments, schemas)
        operation["requestBody"] = {
            "required": route.method != "DELETE",
            "content": {"application/json": {"schema": body}},
        }
    return operation


def _beside(operation: Operation) -> dict[str, Any]:
    content = {operation.media: {"schema": {"type": "string"}}}
    if operation.media == "application/json":
        content = {operation.media: {"schema": _STATUS}}
    described: dict[str, Any] = {
        "operationId": f"get{operation.path.replace('/', '_')}",
        "summary": operation.summary,
        "responses": {
            status: {"description": said, "content": content}
            for status, said in operation.answers.items()
        },
    }
    return {**described, "security": []} if operation.is_open else described


def _places(path: str) -> Iterator[dict[str, Any]]:
    for name in re.findall(r"\{(\w+)\}", path):
        said = (
            "A node: `kind:id`, `Type:name`, a URI, an asset or `ASSET@ALIAS`, percent-encoded."
            if name == "key"
            else f"The {name}."
        )
        yield {
            "name": name,
            "in": "path",
            "required": True,
            "description": said,
            "schema": {"type": "string"},
        }


def _headers(headers: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    for name, said in headers.items():
        yield {"name": name, "in": "header", "description": said, "schema": {"type": "string"}}


def _queries(arguments: type[Arguments], schemas: Schemas) -> Iterator[dict[str, Any]]:
    model = _schema_of(arguments, schemas)
    for name, schema in model.get("properties", {}).items():
        parameter = {
            "name": name,
            "in": "query",
            "required": name in model.get("required", ()),
            "schema": {
                key: value for key, value in schema.items() if key not in ("title", "description")
            },
        }
        if "description" in schema:
            parameter["description"] = schema["description"]
        yield parameter


def _model(arguments: type[Arguments], schemas: Schemas) -> Schema:
    """Return a reference to the schema of a body."""
    name = f"{arguments.__name__}Body"
    if name not in schemas.definitions:
        schemas.definitions[name] = _schema_of(arguments, schemas)
    return {"$ref": f"{_DEFINITIONS}{name}"}


def _schema_of(arguments: type[Arguments], schemas: Schemas) -> Schema:
    schema = arguments.model_json_schema(ref_template=f"{_DEFINITIONS}{{model}}")
    schemas.definitions.update(schema.pop("$defs", {}))
    return schema


def _responses(route: Any, schemas: Schemas) -> dict[str, Any]:
    content: dict[str, Any]
    if route.answer is Reply:
        content = {media: {} for media in route.media}
    else:
        content = {
            media: {"schema": _TEXT if media == CSV else schemas.of(route.answer)}
            for media in route.media
        }
    answered: dict[str, Any] = {"description": route.summary, "content": content}
    found: dict[str, Any] = {str(route.status): answered}
    if route.method == "GET":
        answered["headers"] = _HEADERS
        found["304"] = {"description": "It is as it was."}
    problem = {"schema": {"$ref": f"{_DEFINITIONS}Problem"}}
    found["default"] = {"description": "It was not answered.", "content": {MEDIA: problem}}
    return found
