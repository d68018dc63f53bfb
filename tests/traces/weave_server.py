"""What Weave's client needs of its server, on loopback: it keeps what is published and called."""

import hashlib
import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.traces.loopback import Quiet, serving


@dataclass
class Kept:
    url: str = ""
    objects: list[dict[str, Any]] = field(default_factory=list)
    tables: list[list[Any]] = field(default_factory=list)
    calls: dict[str, dict[str, Any]] = field(default_factory=dict)
    feedback: list[dict[str, Any]] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    def published(self, kind: str) -> dict[str, list[dict[str, Any]]]:
        """The different values of a class by the name they were published under."""
        found: dict[str, dict[str, dict[str, Any]]] = {}
        for one in self.objects:
            value = one["val"]
            if isinstance(value, dict) and kind in (value.get("_class_name"), value.get("_type")):
                versions = found.setdefault(one["object_id"], {})
                versions[json.dumps(value, sort_keys=True)] = value
        return {name: list(versions.values()) for name, versions in found.items()}

    def named(self, operation: str) -> list[dict[str, Any]]:
        """The calls of an operation, by the last part of its name."""
        return [
            call
            for call in self.calls.values()
            if call["op_name"].split("/op/")[-1].split(":")[0] == operation
        ]


def answer(kept: Kept, method: str, path: str, asked: Any) -> Any:
    """The few endpoints; what is not among them is noted."""
    if path == "/server_info":
        return {"min_required_weave_python_version": "0.0.1", "trace_server_version": "99.0.0"}
    if path == "/graphql":
        return {"data": {"project": {"name": "proj"}, "viewer": {"username": "someone"}}}
    if path == "/obj/create":
        kept.objects.append(asked["obj"])
        known = asked["obj"].get("expected_digest")
        return {"digest": known or _digest(asked), "object_id": asked["obj"]["object_id"]}
    if path == "/table/create":
        rows = asked["table"]["rows"]
        kept.tables.append(rows)
        return {"digest": _digest(rows), "row_digests": [_digest(row) for row in rows]}
    if path == "/file/create":
        return {"digest": asked}
    if path.endswith("/calls/complete"):
        for one in asked["batch"]:
            kept.calls.setdefault(one["id"], {}).update(one)
        return {}
    if path.endswith(("/call/start", "/call/end")):
        one = asked.get("start") or asked.get("end")
        kept.calls.setdefault(one["id"], {}).update(one)
        return {"id": one["id"], "trace_id": one.get("trace_id", "")}
    if path == "/feedback/batch/create":
        kept.feedback.extend(asked["batch"])
        return {"res": [_feedback(number) for number, _ in enumerate(asked["batch"])]}
    kept.unknown.append(f"{method} {path}")
    return {}


def _feedback(number: int) -> dict[str, Any]:
    made = {"id": f"f{number}", "created_at": "2026-01-01T00:00:00Z", "wb_user_id": "u"}
    return {**made, "payload": {}}


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:43]


@contextmanager
def weave_server() -> Iterator[Kept]:
    kept = Kept()

    class Answer(Quiet):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer("GET")

        def do_POST(self) -> None:
            self._answer("POST")

        def _answer(self, method: str) -> None:
            body = self.body()
            if self.headers.get("Content-Encoding") == "gzip":
                body = zlib.decompress(body, 31)
            path = self.path.partition("?")[0]
            if path.startswith("/traces/"):
                path = path.removeprefix("/traces")
            is_json = "json" in (self.headers.get("Content-Type") or "")
            asked = json.loads(body) if is_json and body else hashlib.sha256(body).hexdigest()[:43]
            self.tell(text=json.dumps(answer(kept, method, path, asked)).encode())

    with serving(Answer) as kept.url:
        yield kept


def environment(url: str) -> dict[str, str]:
    """What makes Weave's client talk to it, and to nobody else."""
    return {
        "WF_TRACE_SERVER_URL": url,
        "WANDB_BASE_URL": url,
        "WANDB_API_KEY": "0" * 40,
        "WEAVE_USE_SERVER_CACHE": "false",
        "WEAVE_SENTRY_ENABLED": "false",
        "WEAVE_PRINT_CALL_LINK": "false",
    }
