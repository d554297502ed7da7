"""`/board/`: the board as a page. Anybody may load it; what it shows it asks for with a token."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.response import Redirect

from dataflows.api.door import OPEN_TO_ALL
from dataflows.api.page import INDEX, PageFile
from dataflows.api.parameters import Name
from dataflows.api.problem import not_there

Page = NamedDependency[dict[str, PageFile]]


@get("/", opt=OPEN_TO_ALL, include_in_schema=False, status_code=302)
async def go_to_board() -> Redirect:
    """Where people look first; relative, so that a proxy may put the service anywhere."""
    return Redirect("board/")


@get("/board/", opt=OPEN_TO_ALL, include_in_schema=False)
async def show_board(request: Request[Any, Any, Any], page: Page) -> Response[bytes] | Redirect:
    """The page itself, at an address that ends with a slash: its files are beside it."""
    if not request.scope["raw_path"].endswith(b"/"):  # the path itself is taken without it
        return Redirect("board/")
    return _sent(request, page[INDEX])


@get("/board/assets/{name:str}", opt=OPEN_TO_ALL, include_in_schema=False)
async def show_asset(request: Request[Any, Any, Any], page: Page, name: Name) -> Response[bytes]:
    """A script, a style or a picture of it."""
    if name not in page or name == INDEX:
        raise not_there("file")
    return _sent(request, page[name])


def _sent(request: Request[Any, Any, Any], file: PageFile) -> Response[bytes]:
    is_packed = "gzip" in request.headers.get("accept-encoding", "")
    headers = file.headers(is_packed)
    if request.headers.get("if-none-match") == file.tag:
        return Response(b"", status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    body = file.packed if is_packed else file.plain
    return Response(body, media_type=file.media_type, headers=headers)


ROUTES = (go_to_board, show_board, show_asset)
