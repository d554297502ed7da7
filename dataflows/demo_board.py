"""The board of the demo: the service in a thread of the demo's own process, with a token made for this once."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import uvicorn
from litestar import get
from litestar.handlers import HTTPRouteHandler
from msgspec import Struct

from connectors.metrics import Metrics
from dataflows.api.app import Service, app
from dataflows.api.names import NameBook
from dataflows.api.parameters import Sighted
from dataflows.api.powers import load_routing
from dataflows.api.problem import documented
from dataflows.api.routes_board import Board
from dataflows.api.tokens import TokenBook, make_token
from dataflows.api.watched import Watched
from dataflows.demo import Demo
from dataflows.demo_stories import StoryTold
from dataflows.listening import listen

NAME, ROLE = "值班员", "supervisor"  # a visitor may try everything
STOP_SECONDS = 5


class Stories(Struct, frozen=True):
    """What is planted in the simulated city."""

    stories: list[StoryTold]


class DemoBoard:
    """The service on a free port; `address` opens it with the token behind the `#`, which is sent nowhere."""

    def __init__(self, demo: Demo) -> None:
        self._demo = demo
        self._listener = listen("127.0.0.1", 0, "api")
        self._ended = threading.Event()
        token, entry = make_token(NAME, ROLE, "")
        self._tokens = demo.folder / "tokens.yaml"
        self._tokens.write_text(f"apiVersion: tokens/v1\ntokens:\n{entry}\n", encoding="utf-8")
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}/board/#token={token}"

    @contextlib.contextmanager
    def running(self) -> Iterator[str]:
        """It answers inside the block; gives the address."""
        service = Service(self._demo.bootstrap, self._demo.redis_url, self._demo.pool_dsn)
        board = Board(NameBook(), self._demo.plan.speed, [self._stories_route()])
        web = app(
            service, TokenBook(self._tokens), load_routing(), Metrics(), machine=lambda: datetime.now(UTC),
            clock=self._demo.now, board=board,
        )  # fmt: skip
        thread = threading.Thread(target=lambda: asyncio.run(self._serve(web, service)), name="board", daemon=True)
        thread.start()
        try:
            yield self.address
        finally:
            self.end()
            thread.join(STOP_SECONDS)

    def end(self) -> None:
        """Answer nothing any more; whoever follows is let go."""
        self._ended.set()

    async def _serve(self, web: Watched, service: Service) -> None:
        config = uvicorn.Config(web, lifespan="on", ws="none", log_config=None, timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve([self._listener]))
        await asyncio.to_thread(self._ended.wait)
        await service.nudges.close()
        server.should_exit = True
        await serving

    def _stories_route(self) -> HTTPRouteHandler:
        demo = self._demo

        @get("/v1/stories", responses=documented())
        async def tell_stories(sight: Sighted) -> Stories:
            """What is planted, and what of it was found."""
            return Stories(demo.stories)

        return tell_stories
