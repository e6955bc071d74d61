"""A webhook on loopback: what was posted to it, and the answers that a test wants."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(slots=True)
class Hook:
    """The posts, oldest first. `answers` are (status, headers) of the next ones, then 200; status 0 breaks off."""

    url: str = ""
    port: int = 0
    posts: list[dict[str, Any]] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)

    def headers(self) -> list[str]:
        """The first line of each post."""
        return [str(post["blocks"][0]["text"]["text"]) for post in self.posts]


@contextmanager
def hook_server(hook: Hook | None = None) -> Iterator[Hook]:
    """A running webhook; its address holds a word that must never be shown. A given one comes back where it was."""
    running = Hook() if hook is None else hook

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, headers = running.answers.pop(0) if running.answers else (200, {})
            if status in (0, 200):
                running.posts.append(body)
            if not status:
                return
            self.send_response(status)
            for name, value in {**headers, "Content-Length": "2"}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *args: Any) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", running.port), Handler) as server:
        running.port = server.server_address[1]
        running.url = f"http://127.0.0.1:{running.port}/services/canary-webhook-7731"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield running
        finally:
            server.shutdown()
            thread.join()
