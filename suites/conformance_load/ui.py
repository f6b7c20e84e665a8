"""Locust's own page as a live view of a running scenario: to look at, never to steer with.

It listens on the loopback interface only, and whatever would change the run is refused: the schedule is what the
profile says, and a measurement of anything else would be worthless. Locust is imported only when it is shown, because
it patches sockets: that happens in load processes alone.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

from conformance.errors import ConfigError
from conformance.sdk import LoadContext

#: The parameter with the port of the page; 0: no page.
PARAMETER = "ui_port"
HOST = "127.0.0.1"
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def page_of(context: LoadContext) -> Callable[[Any], contextlib.AbstractContextManager[None]] | None:
    """Return what shows the page while a scenario presses, or None where its parameters ask for none."""
    port = int(context.parameters.get(PARAMETER, 0))
    if not port:
        return None
    return lambda environment: live_view(
        environment, port, lambda address: context.progress(0, 0, f"live view at {address}")
    )


@contextlib.contextmanager
def live_view(environment: Any, port: int, tell: Callable[[str], None]) -> Iterator[None]:
    """Serve Locust's page for ``environment``, which has its runner, until the block ends.

    ``tell`` hears its address. Raises ConfigError when the port is taken.
    """
    import gevent
    from gevent import pywsgi
    from locust.runners import STATE_RUNNING
    from locust.stats import stats_history
    from locust.web import WebUI

    class Page(WebUI):
        """The page of a run that somebody else started: it opens with the numbers, not with the form to start one."""

        def update_template_args(self) -> None:
            super().update_template_args()  # type: ignore[no-untyped-call]  # Locust leaves it untyped
            self.template_args["state"] = STATE_RUNNING

    listener = _listen(port)
    page = Page(environment, HOST, port, delayed_start=True)
    _protect(page)
    page.server = pywsgi.WSGIServer(listener, page.app, log=None, error_log=None)
    history = gevent.spawn(stats_history, environment.runner)
    try:
        page.server.start()
        tell(f"http://{HOST}:{listener.getsockname()[1]}/")
        yield
    finally:
        history.kill()
        page.server.stop(timeout=1)
        environment.web_ui = None


def _listen(port: int) -> Any:
    from gevent import socket

    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"port {port} of {HOST} cannot be used for the live view: {error.strerror}",
            where=f"load.{PARAMETER}",
            remedy="Choose another port, or run without the live view.",
        ) from error
    listener.listen(64)
    return listener


def _protect(page: Any) -> None:
    """Refuse what would steer the run, and pages of other sites that look over the reader's shoulder."""
    from flask import Response, request

    page.app.debug = False

    @page.app.before_request  # type: ignore[untyped-decorator]  # Locust hands its application over as Any
    def look_only() -> Any:
        origin = request.headers.get("Origin")
        foreign = origin is not None and urlsplit(origin).netloc != request.host
        if foreign or (urlsplit(f"//{request.host}").hostname or "") not in _LOOPBACK:
            return Response("This page is for this machine only.\n", 403, mimetype="text/plain")
        if request.method not in ("GET", "HEAD"):
            return Response(
                "The profile decides what is offered; this page only shows it.\n", 403, mimetype="text/plain"
            )
        return None

    @page.app.after_request  # type: ignore[untyped-decorator]  # as above
    def as_running(response: Any) -> Any:
        # A master of workers that are not Locust's own users calls itself ready all the time; then the page would
        # show its form again.
        if request.path == "/stats/requests" and response.is_json:
            response.set_data(json.dumps({**response.get_json(), "state": "running"}))
        return response
