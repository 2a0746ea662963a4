"""health: whether this process lives, whether its database answers; and the document of the API."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.types import ControllerRouterHandler

from doorstep.doors.http.problems import MEDIA_TYPE, DatabaseAway, as_problem, encoded, type_of
from doorstep.kit.refusals import NotFound, every_refusal, sentence_of
from doorstep.spine.tenant import Db


def routes(db: Db, document: dict[str, Any]) -> list[ControllerRouterHandler]:
    """Open to everybody: they tell nothing of any merchant."""
    openapi = msgspec.json.encode(document)

    @get(["/health", "/healthz"], include_in_schema=False)
    async def healthz() -> Response[bytes]:
        return _json(b'{"ok":true}')

    @get("/readyz", include_in_schema=False)
    async def readyz() -> Response[bytes]:
        try:
            await db.pool.fetchval("select 1", timeout=5)
        except Exception:  # whatever it is, the database cannot be worked with
            return Response(encoded(as_problem(DatabaseAway())), status_code=503, media_type=MEDIA_TYPE)
        return _json(b'{"ok":true}')

    @get("/v1/openapi.json", include_in_schema=False)
    async def openapi_json() -> Response[bytes]:
        return _json(openapi)

    @get("/v1/problems/{code:str}", include_in_schema=False)
    async def problem(request: Request[Any, Any, Any]) -> Response[bytes]:
        code = str(request.path_params["code"])
        for kind in every_refusal():
            if kind.__name__ == code:
                told = {"type": type_of(code), "code": code, "title": sentence_of(kind), "status": kind.status}
                return _json(msgspec.json.encode(told))
        raise NotFound(code=code[:60])

    return [healthz, readyz, openapi_json, problem]


def _json(content: bytes) -> Response[bytes]:
    return Response(content, media_type="application/json", headers={"cache-control": "no-store"})
