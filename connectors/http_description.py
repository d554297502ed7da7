"""What the HTTP way in says about itself: the smallest OpenAPI description that a client can be made from."""

from __future__ import annotations

from typing import Any

JSON = "application/json"
LINES = ("application/x-ndjson", "application/jsonl", "application/json-lines")
MAX_KEY = 200  # characters of an `Idempotency-Key`

_BODY = {
    JSON: {"schema": {"oneOf": [{"type": "object"}, {"type": "array", "items": {"type": "object"}}]}},
    LINES[0]: {"schema": {"type": "string", "description": "one JSON object a line"}},
}
_RESPONSES = {
    "202": "at least one row was taken; `items` says what became of each",
    "400": "nothing could be read",
    "401": "no known token",
    "404": "no such mapping",
    "408": "body came too slowly",
    "413": "body too long",
    "415": "neither JSON nor JSON lines",
    "422": "nothing could be used, or an idempotency key stood for another body",
    "429": "too many requests at once; see `Retry-After`",
    "503": "queue full; see `Retry-After`",
}


def _operation(summary: str, *parameters: dict[str, Any]) -> dict[str, Any]:
    key = {"name": "Idempotency-Key", "in": "header", "schema": {"type": "string", "maxLength": MAX_KEY}}
    return {
        "post": {
            "summary": summary,
            "security": [{"bearer": []}],
            "parameters": [key, *parameters],
            "requestBody": {"required": True, "content": _BODY},
            "responses": {status: {"description": text} for status, text in _RESPONSES.items()},
        }
    }


OPENAPI: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "安澜 Anlan: ways in", "version": "1"},
    "components": {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}},
    "paths": {
        "/v1/events": _operation("Push events in the form of Event v1"),
        "/v1/rows/{mapping}": _operation(
            "Push raw rows of a department; the mapping turns them into events",
            {"name": "mapping", "in": "path", "required": True, "schema": {"type": "string"}},
        ),
        "/health": {
            "get": {
                "summary": "Would it take something now",
                "responses": {"200": {"description": "yes"}, "503": {"description": "no: the queue behind it is away"}},
            }
        },
    },
}
