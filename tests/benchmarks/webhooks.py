"""How long QuickBooks waits for the answer to a webhook, while the daemon's process is idle and while it compares.

`python -m tests.benchmarks.webhooks [--deliveries N]`
"""

import argparse
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from statistics import median, quantiles

from connectors.quickbooks.webhooks import LARGEST_BODY_BYTES, sign
from sync.answering import AnsweringServer
from sync.webhook_intake import WEBHOOK_PATH, WebhookIntake, WebhookRoute
from tests.benchmarks.figures import Figure, Section, figure, show
from tests.books import BookOf

DELIVERIES = 500
_TOKEN = "verifier"
_COMPANIES = 4
_INVOICES = 400  # of the client group that is compared meanwhile


def measure(*, deliveries: int = DELIVERIES) -> Section:
    """Deliver events of four companies over HTTP, one after the other, twice."""
    marked: list[str] = []
    routes = [
        WebhookRoute(alias=f"firm-{number}", realm_id=str(number), verifier_token=_TOKEN)
        for number in range(_COMPANIES)
    ]
    intake = WebhookIntake(routes, marked.append)
    server = AnsweringServer(
        "127.0.0.1", 0, {("POST", WEBHOOK_PATH): intake.receive}, largest_body_bytes=LARGEST_BODY_BYTES
    )
    server.start()
    try:
        address = server.url.removeprefix("http://")
        idle = [_deliver(address, number) for number in range(deliveries)]
        with _comparing():
            busy = [_deliver(address, number) for number in range(deliveries, 2 * deliveries)]
    finally:
        server.stop()
    return Section(
        title=f"Answers to {deliveries:,} webhooks",
        command=f"python -m tests.benchmarks.webhooks --deliveries {deliveries}",
        what=(
            f"The daemon's own server and intake on loopback. Each delivery has an event for each of {_COMPANIES} "
            "companies, is signed, and goes over a connection of its own; the time is that from the connection to the "
            "answer, the sender's own work included, which shares the process. Meanwhile the process is idle, then a "
            f"second thread applies the rules to {_INVOICES} invoices again and again."
        ),
        figures=(
            *_figures("idle", idle),
            *_figures("comparing", busy),
            figure("events taken in", [len(marked)], "{:,}"),
        ),
    )


def _deliver(address: str, number: int) -> float:
    """The milliseconds that one delivery took."""
    kind = "qbo.payment.created.v1"
    events = [
        {"specversion": "1.0", "id": f"{number}-{company}", "type": kind, "intuitaccountid": str(company)}
        for company in range(_COMPANIES)
    ]
    body = json.dumps(events).encode()
    headers = {"intuit-signature": sign(body, _TOKEN)}
    began = time.perf_counter()
    connection = HTTPConnection(address, timeout=10)
    try:
        connection.request("POST", WEBHOOK_PATH, body=body, headers=headers)
        answer = connection.getresponse()
        answer.read()
    finally:
        connection.close()
    assert answer.status == 200
    return (time.perf_counter() - began) * 1000


@contextmanager
def _comparing() -> Iterator[None]:
    """Another thread is busy with the rules."""
    book = BookOf()
    for number in range(_INVOICES):
        book.twins(str(number), "100.00", open_in_quickbooks="100.00")
    ended = threading.Event()

    def compare() -> None:
        while not ended.is_set():
            book.evaluate()

    thread = threading.Thread(target=compare)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _figures(when: str, taken: list[float]) -> list[Figure]:
    return [
        figure(f"{when}: median", [median(taken)], "{:.1f} ms"),
        figure(f"{when}: 99 of 100 within", [quantiles(taken, n=100)[98]], "{:.1f} ms"),
        figure(f"{when}: longest", [max(taken)], "{:.1f} ms", target="< 100 ms"),
    ]


def main() -> None:
    """The command."""
    description = (__doc__ or "").splitlines()[0]
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.webhooks", description=description)
    parser.add_argument("--deliveries", type=int, default=DELIVERIES, help="deliveries in each part (%(default)s)")
    show([measure(deliveries=parser.parse_args().deliveries)])


if __name__ == "__main__":
    main()
