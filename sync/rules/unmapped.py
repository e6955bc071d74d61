"""C7: credits of QuickBooks customers who are no BigTime client, or could be several."""

from mappings.findings import Proof
from mappings.model import Entry, Kind, RecordKey, System
from sync.rules.desk import Desk, OpenCredit, amount
from sync.rules.draft import Draft


def unmapped_client(desk: Desk) -> tuple[Draft, ...]:
    """C7: an open credit belongs to a QuickBooks customer that is no BigTime client, or could be several.

    A job is its parent's client, and a parent its jobs'. The credit itself is then told here, and not as C1 or C2.
    """
    unclear = {candidate for ambiguous in desk.links.clients.ambiguous for candidate in ambiguous.candidates}
    shared = {
        customer.id
        for customer in desk.histories
        if customer.kind is Kind.CUSTOMER and len(desk.links.clients.clients_of(customer.id)) > 1
    }
    families = _families_in_bigtime(desk)
    return tuple(
        _unmapped_draft(desk, credit, is_unclear=credit.client_id in unclear | shared)
        for credit in desk.open_credits
        if credit.remaining_minor > 0
        and not isinstance(credit.content, Entry)
        and (
            credit.client_id in unclear | shared
            or (
                RecordKey(System.QUICKBOOKS, Kind.CUSTOMER, credit.client_id) in desk.histories
                and families.isdisjoint(desk.links.clients.line_of(credit.client_id))
            )
        )
    )


def _families_in_bigtime(desk: Desk) -> frozenset[str]:
    """The customers that a BigTime client is, or is a job of."""
    links = desk.links.clients
    return frozenset(member for link in links.links for member in links.line_of(link.quickbooks_id))


def _unmapped_draft(desk: Desk, credit: OpenCredit, *, is_unclear: bool) -> Draft:
    what = "cannot be told apart among BigTime's clients" if is_unclear else "is no client in BigTime"
    return Draft(
        code="C7",
        proof=Proof.CANNOT_TELL if is_unclear else Proof.LIKELY,
        reason="names and ids leave more than one choice" if is_unclear else "no client has its name, id or invoices",
        exposure_minor=credit.remaining_minor,
        currency=credit.currency,
        client=desk.client_of(credit.client_id),
        invoice=None,
        explanation=(
            f"A credit of {amount(credit.remaining_minor, credit.currency)} belongs to a QuickBooks customer that {what}. "
            "Link the client to the customer in BigTime, or use the credit in QuickBooks."
        ),
        records=(credit.history,),
    )
