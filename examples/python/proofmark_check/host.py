"""Plain HTTP to a host, which nobody has to believe: bounded answers, no redirects, and its errors are only its word."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from urllib.parse import urlsplit

from . import strict_json
from .errors import CallFailed, Malformed

BINARY = "application/octet-stream"
RECORDS = "application/vnd.proofmark.records"
ERROR_BYTES = 4_096
PIECE_BYTES = 65_536


@dataclass(frozen=True)
class Host:
    url: str
    timeout: float = 60.0

    def get(self, path: str, most: int) -> bytes:
        return _body(self.reply("GET", path, None, {}, most))

    def post(self, path: str, body: bytes, most: int, headers: dict[str, str] | None = None) -> bytes:
        return _body(self.reply("POST", path, body, headers or {}, most))

    def reply(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str], most: int
    ) -> Iterator[str | bytes]:
        """The answer's media type, then its body as it comes. A body that ends early, or is longer than `most`, raises."""
        kind = {} if body is None else {"content-type": BINARY}
        try:
            with closing(self._connect()) as connection:
                connection.request(method, self._base + path, body, {**kind, **headers})
                response = connection.getresponse()
                if response.status != 200:
                    raise _refusal(response.status, response.read(ERROR_BYTES))
                yield response.headers.get("content-type") or ""
                yield from _bounded(response, most)
        except (OSError, http.client.HTTPException) as error:
            raise CallFailed("retry", "host_unreachable", type(error).__name__) from error

    @property
    def _base(self) -> str:
        return urlsplit(self.url).path.rstrip("/")

    def _connect(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or parts.hostname is None or parts.query or parts.fragment:
            raise CallFailed("fix-call", "argument_invalid", "the address of a host is an http or https URL")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        return kind(parts.hostname, parts.port, timeout=self.timeout)


def _body(reply: Iterator[str | bytes]) -> bytes:
    return b"".join(piece for piece in reply if isinstance(piece, bytes))


def _bounded(response: http.client.HTTPResponse, most: int) -> Iterator[bytes]:
    size = 0
    while True:
        piece = response.read1(PIECE_BYTES)
        if not piece:
            break
        size += len(piece)
        if size > most:
            raise CallFailed("stop-trusting", "response_too_large", f"more than {most} bytes")
        yield piece
    # `read1` takes an early end for an end; what is left of the length that was announced says which it was.
    if response.length:
        raise CallFailed("retry", "answer_cut", f"{response.length} bytes are missing")


def _refusal(status: int, body: bytes) -> CallFailed:
    """A host's error is text from a stranger: only a short code of plain letters is taken from it."""
    code = "unknown"
    try:
        value = strict_json.parse(body, ERROR_BYTES)
        said = value.get("code") if isinstance(value, dict) else None
        if isinstance(said, str) and re.fullmatch(r"[a-z_]{1,64}", said):
            code = said
    except Malformed:
        pass
    return CallFailed("retry", code, f"the host answered {status}, which proves nothing")
