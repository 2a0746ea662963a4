"""uploading: files that a form hands over are written to the home as they come: they are never whole in memory.

What a browser says of a file's name is a name, and no place: it is kept as what people called it, no more.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from multipart import MultipartError, MultipartSegment, PushMultipartParser

from doorstep.doors.console.signing_in import AnyRequest
from doorstep.doors.console.visit import NotAForm
from doorstep.kit.home import prepare
from doorstep.kit.refusals import Refusal
from doorstep.kit.text import storable

LARGEST_BYTES = 512 << 20
MOST_FILES = 20
LONGEST_FIELD = 2000
FORM_WITH_FILES = "multipart/form-data"


class FilesTooLarge(Refusal):
    """That is more than can be handed over here: let `doorstep import` read it where it is."""

    status = 413


class NoFile(Refusal):
    """There is no file in it: choose one first."""

    status = 422


@dataclass(slots=True)
class Upload:
    """What a form handed over: its fields, and its files in a folder of their own."""

    folder: Path
    fields: dict[str, str] = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)

    def drop(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


async def receive(request: AnyRequest, folder: Path, check: Callable[[dict[str, str]], None]) -> Upload:
    """Read the form into this new folder. `check` looks at the fields before the first file, and refuses what nobody of
    ours sent. Refuses NotAForm, FilesTooLarge, NoFile; then nothing is left of it."""
    kind, _, rest = request.headers.get("content-type", "").partition(";")
    boundary = re.search(r'boundary="?([^";]{1,200})"?', rest)
    if kind.strip().lower() != FORM_WITH_FILES or boundary is None:
        raise NotAForm(content_type=kind[:100])
    prepare(folder.parent)
    upload = Upload(prepare(folder))
    try:
        await _read(request, upload, _Writing(upload, check), boundary[1])
    except BaseException:
        upload.drop()
        raise
    return upload


async def _read(request: AnyRequest, upload: Upload, writing: _Writing, boundary: str) -> None:
    size = 0
    try:
        with PushMultipartParser(boundary, max_segment_count=MOST_FILES + 20) as parser:
            async for chunk in request.stream():
                size += len(chunk)
                if size > LARGEST_BYTES:
                    raise FilesTooLarge(largest_mb=LARGEST_BYTES >> 20)
                for event in parser.parse(chunk) if chunk else ():
                    writing.take(event)
    except MultipartError as error:
        raise NotAForm(problem=str(error)[:200]) from None
    finally:
        writing.close()
    if not upload.files:
        raise NoFile


class _Writing:
    """Takes the parts of a form as they come."""

    def __init__(self, upload: Upload, check: Callable[[dict[str, str]], None]) -> None:
        self._upload, self._check = upload, check
        self._name, self._text = "", bytearray()
        self._file: IO[bytes] | None = None
        self._is_checked = self._is_file = False

    def take(self, event: Any) -> None:
        if isinstance(event, MultipartSegment):
            self._begin(event)
        elif event is None:
            self._end()
        elif self._file is not None:
            self._file.write(event)
        elif not self._is_file:
            self._text += event
            if len(self._text) > LONGEST_FIELD:
                raise NotAForm(largest_field=LONGEST_FIELD)

    def _begin(self, part: MultipartSegment) -> None:
        self._name, self._text, self._is_file = part.name, bytearray(), part.filename is not None
        if not self._is_file:
            return
        if not self._is_checked:
            self._check(self._upload.fields)
            self._is_checked = True
        # A form whose file nobody chose hands over one without a name.
        if part.filename and len(self._upload.files) < MOST_FILES:
            place = _place(self._upload, part.filename)
            self._upload.files.append(place)
            self._file = place.open("xb")

    def _end(self) -> None:
        if self._is_file:
            self.close()
            return
        text = self._text.decode(errors="replace")
        if storable(text) and storable(self._name):
            self._upload.fields[self._name] = text

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _place(upload: Upload, called: str) -> Path:
    """orders.csv; of a second file of that name, 2-orders.csv."""
    bare = re.split(r"[/\\]", called)[-1]
    name = re.sub(r"[^\w.() -]+", "_", bare).strip(". ")[-120:] or "file"
    return upload.folder / (name if not (upload.folder / name).exists() else f"{len(upload.files) + 1}-{name}")
