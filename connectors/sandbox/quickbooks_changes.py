"""Change data capture: what changed since a time, cut off where QuickBooks cuts it off.

Source: facts/quickbooks.md §3: at most 30 days back, at most 1000 objects, no paging, deleted objects last, `{}` for
an entity without changes.
"""

from datetime import datetime, timedelta

from connectors.sandbox.exchange import JSON, Reply, Request, unmodelled
from connectors.sandbox.quickbooks_ledger import QuickBooksLedger
from connectors.sandbox.quickbooks_query import QueryRefused, QueryUnmodelled
from connectors.sandbox.quickbooks_replies import changes, fault, group
from connectors.sandbox.quickbooks_rows import Entity
from connectors.sandbox.quickbooks_selection import entity_of, parse_time
from connectors.sandbox.quickbooks_switches import Scope

_PARAMETERS = frozenset({"entities", "changedSince", "minorversion", "requestid"})


def answer_changes(ledger: QuickBooksLedger, request: Request, now: datetime) -> Reply:
    """The reply to `GET /cdc`."""
    unknown = set(request.params) - _PARAMETERS
    if unknown:
        return unmodelled(f"cdc with parameter {', '.join(sorted(unknown))}")
    try:
        entities = [entity_of(name.strip()) for name in request.params.get("entities", "").split(",")]
        since = parse_time(request.params.get("changedSince", ""), ledger.switches)
    except QueryUnmodelled as refusal:
        return unmodelled(f"cdc of {refusal}")
    except QueryRefused as refusal:
        return fault("4001", str(refusal), now)
    if since < (now - timedelta(days=ledger.switches.cdc_days)).timestamp():
        detail = f"changedSince must not be more than {ledger.switches.cdc_days} days back"
        return fault(ledger.switches.cdc_too_old_code, detail, now)
    left, groups = ledger.switches.cdc_cap, []
    for entity in entities:
        texts, total = _changes_of(ledger, entity, since)
        texts = texts[:left]
        left = left - len(texts) if ledger.switches.cdc_cap_counts is Scope.REPLY else left
        counted = total if entity.value in ledger.switches.total_count_for else None
        groups.append(group(entity.value, texts, start=1, total=counted))
    return changes(groups, now)


def _changes_of(ledger: QuickBooksLedger, entity: Entity, since: float) -> tuple[list[bytes], int]:
    """The first of an entity's changes, living objects before stubs, at most the cap; and how many there are."""
    shelf, cap = ledger.books.shelves[entity], ledger.switches.cdc_cap
    inclusive = ledger.switches.cdc_includes_the_second
    first = shelf.first_at(since) if inclusive else shelf.first_after(since)
    texts = [ledger.renderer.text(row) for _, _, row in shelf.order[first : first + cap]]
    gone = [stub for stub in shelf.deleted if stub.updated_at > since or (inclusive and stub.updated_at == since)]
    texts += [JSON.encode(ledger.renderer.stub(stub)) for stub in gone[:cap]]
    return texts, len(shelf.order) - first + len(gone)
