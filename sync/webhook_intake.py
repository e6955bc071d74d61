"""What becomes of a QuickBooks webhook: the companies it speaks of are marked as having news, and nothing else.

The answer never waits for anything: what changed is read in the company's next turn. A forged, repeated or reordered
delivery can at most cost one more look.
"""

import logging
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from connectors.quickbooks.webhooks import SIGNATURE_HEADER, ChangeEvent, is_signed, parse_delivery
from mappings.problems import Problem
from sync.answering import Answer, Question

_LOG = logging.getLogger(__name__)
WEBHOOK_PATH = "/webhooks/quickbooks"
# What the worker reads; news of anything else (employees, bills, time) needs no turn.
_RELEVANT = frozenset(
    {"invoice", "payment", "creditmemo", "refundreceipt", "journalentry", "purchase", "deposit", "customer"}
)
_MOST_REMEMBERED = 20_000


class WebhookRoute(msgspec.Struct, frozen=True, kw_only=True):
    """A company that webhooks may speak of, and the verifier token of the app that is connected to it."""

    alias: str
    realm_id: str
    verifier_token: str

    def __repr__(self) -> str:
        return f"WebhookRoute(alias={self.alias!r}, token not shown)"


class WebhookIntake:
    """Receives deliveries. `mark` is called with a company's alias, once for each delivery that has news for it."""

    def __init__(self, routes: Sequence[WebhookRoute], mark: Callable[[str], None]) -> None:
        self._routes = tuple(routes)
        self._mark = mark
        self._lock = threading.Lock()
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._counts: Counter[str] = Counter()

    def counts(self) -> Mapping[str, int]:
        """Deliveries that were forged or unreadable, and events by what became of them."""
        with self._lock:
            return dict(self._counts)

    def receive(self, question: Question) -> Answer:
        """Answer a delivery: 401 when it is not Intuit's, otherwise 200, for anything else has Intuit send it again.

        A company is only marked by a delivery that its own app has signed.
        """
        signature = question.headers.get(SIGNATURE_HEADER)
        signers = {
            token: is_signed(question.body, signature, token)
            for token in {route.verifier_token for route in self._routes}
        }
        if not any(signers.values()):
            self._count("forged")
            return Answer(status=401)
        delivery = parse_delivery(question.body)
        if isinstance(delivery, Problem):
            self._count("unreadable")
            _LOG.warning("a signed webhook %s", delivery.sentence, extra={"action": "webhook_unreadable"})
            return Answer(status=200)
        self._count("unreadable", delivery.unreadable)
        companies = {route.realm_id: route.alias for route in self._routes if signers[route.verifier_token]}
        for alias in self._news(delivery.events, companies):
            self._mark(alias)
        return Answer(status=200)

    def _news(self, events: Iterable[ChangeEvent], companies: Mapping[str, str]) -> list[str]:
        """The aliases, each once, that these events are news for."""
        aliases: set[str] = set()
        with self._lock:
            for event in events:
                alias = companies.get(event.realm_id)
                if alias is None:
                    self._counts["of another company"] += 1
                elif event.entity not in _RELEVANT:
                    self._counts["of no interest"] += 1
                elif self._is_repeated(event.id):
                    self._counts["repeated"] += 1
                else:
                    self._counts["accepted"] += 1
                    aliases.add(alias)
        return sorted(aliases)

    def _is_repeated(self, event_id: str) -> bool:
        if event_id in self._seen:
            return True
        self._seen[event_id] = None
        if len(self._seen) > _MOST_REMEMBERED:
            self._seen.popitem(last=False)
        return False

    def _count(self, name: str, number: int = 1) -> None:
        if number:
            with self._lock:
                self._counts[name] += number
