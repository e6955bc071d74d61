"""BigTime's list calls, one function each, with the parameter names that each of them has.

Rows come back as raw JSON text, unread: what a row means is decided in `mappings.bigtime`.
Source: facts/bigtime.md §1.7 (parameter names differ by endpoint), §2.1, §2.2, §2.4.
"""

from datetime import date

from connectors.bigtime.client import BigTimeClient


class BigTimeReader:
    """Reads one firm. A list is complete, as far as BigTime sends all rows: it neither pages nor says how many."""

    def __init__(self, client: BigTimeClient) -> None:
        self._client = client

    @property
    def sent(self) -> int:
        """How many requests were sent until now, logins and repeated ones included."""
        return self._client.sent

    def fetch_invoices(self, first: date, last: date) -> tuple[bytes, ...]:
        """Invoices of a period, both ends included, in the simple view. Which date counts is not documented."""
        return self._client.fetch_rows(
            "/invoice/history", {"startDt": first.isoformat(), "endDt": last.isoformat()}, "invoice history"
        )

    def fetch_drafts(self) -> tuple[bytes, ...]:
        """All invoices that were not yet marked as sent."""
        return self._client.fetch_rows("/invoice/drafts", {}, "invoice drafts")

    def fetch_payments(self, first: date, last: date) -> tuple[bytes, ...]:
        """Payment rows of a period, both ends included: one row for each application to an invoice."""
        return self._client.fetch_rows(
            "/payment/history", {"startDate": first.isoformat(), "endDate": last.isoformat()}, "payment history"
        )

    def fetch_clients(self) -> tuple[bytes, ...]:
        """All clients in the basic view, inactive ones included: old invoices belong to them."""
        return self._client.fetch_rows("/client", {"ShowInactive": "true"}, "client list")

    def fetch_client_detail(self, client_id: str) -> bytes:
        """One client in the detailed view, which alone names the QuickBooks customer.

        Raises: `NotFound` when there is no such client, or none that this login may see.
        """
        return self._client.fetch_object(f"/client/detail/{client_id}", {"View": "Detailed"}, "client detail")
