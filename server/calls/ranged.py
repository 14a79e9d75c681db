"""Byte ranges (RFC 9110, 14) for a file, so that a player can seek in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import IO

from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from rest_framework.request import Request

CHUNK = 64 * 1024


def ranged(request: Request, file: IO[bytes], content_type: str) -> HttpResponseBase:
    """The whole file, or the one satisfiable range asked for; 416 for one that is not.

    `file` is at its beginning and can be searched; it is closed with the answer.
    """
    size = file.seek(0, 2)
    file.seek(0)
    found = re.fullmatch(r"bytes=(\d*)-(\d*)", request.headers.get("Range", ""))
    if found is None or found.groups() == ("", ""):
        whole = FileResponse(file, content_type=content_type)
        whole["Content-Length"] = str(size)
        whole["Accept-Ranges"] = "bytes"
        return whole
    first, last = found.groups()
    if first:
        start, end = int(first), min(int(last or size - 1), size - 1)
    else:
        start, end = max(0, size - int(last)), size - 1
    if start > end or start >= size:
        file.close()
        refused = HttpResponse(status=416)
        refused["Content-Range"] = f"bytes */{size}"
        return refused
    part = StreamingHttpResponse(
        _read(file, start, end - start + 1), status=206, content_type=content_type
    )
    part["Content-Range"] = f"bytes {start}-{end}/{size}"
    part["Content-Length"] = str(end - start + 1)
    part["Accept-Ranges"] = "bytes"
    return part


def _read(file: IO[bytes], start: int, length: int) -> Iterator[bytes]:
    with file:
        file.seek(start)
        while length > 0 and (data := file.read(min(CHUNK, length))):
            length -= len(data)
            yield data
