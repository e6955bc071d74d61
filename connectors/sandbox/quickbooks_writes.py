"""The write calls of the Accounting API, for the entities that the vendor's library is tested with.

Creating, updating (full or sparse), voiding and deleting Invoice, Payment and CreditMemo; creating and updating
Customer. Anything else is refused as unmodelled.
Source: facts/quickbooks.md §6.5 (void, delete), §7 (SyncToken, requestid, sparse).
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec

from connectors.sandbox.exchange import Reply, Request, json_reply, unmodelled
from connectors.sandbox.quickbooks_ledger import QuickBooksLedger
from connectors.sandbox.quickbooks_rendering import number
from connectors.sandbox.quickbooks_replies import fault, one, server_time
from connectors.sandbox.quickbooks_rows import Entity, LedgerRefused, Transaction

Body = Mapping[str, Any]
_PARAMETERS = frozenset({"minorversion", "requestid", "operation", "include"})
_WRITABLE = {
    entity.value.lower(): entity for entity in (Entity.INVOICE, Entity.PAYMENT, Entity.CREDIT_MEMO, Entity.CUSTOMER)
}
_LONGEST_REQUEST_ID = 50
_STALE = (
    "Stale Object Error : You and root were working on this at the same time. "
    "root finished before you did, so your work was not saved."
)


class Writes:
    """Carries writes out on a ledger; a `requestid` that was used gets its first reply again, nothing is written."""

    def __init__(self, ledger: QuickBooksLedger) -> None:
        self._ledger = ledger
        self._answered: dict[str, Reply] = {}

    def answer(self, request: Request, parts: list[str], now: datetime) -> Reply:
        """The reply to a POST under `/v3/company/{realm}/`."""
        operation = (request.params.get("operation", ""), request.params.get("include", ""))
        entity = _WRITABLE.get(parts[0].lower())
        what = f"POST {request.path} {' '.join(f'{name}={value}' for name, value in request.params.items())}"
        if entity is None or len(parts) != 1 or set(request.params) - _PARAMETERS:
            return unmodelled(what)
        request_id = request.params.get("requestid", "")
        if len(request_id) > _LONGEST_REQUEST_ID:
            return fault("2050", f"requestid is longer than {_LONGEST_REQUEST_ID} characters", now)
        if request_id in self._answered:
            return self._answered[request_id]
        try:
            body = msgspec.json.decode(request.body, type=dict[str, Any], strict=True)
            reply = self._carry_out(entity, operation, body, now)
        except LedgerRefused as refusal:
            return fault(refusal.code, str(refusal), now)
        except (msgspec.DecodeError, KeyError, TypeError, ValueError, ArithmeticError) as problem:
            return fault("2020", f"Required parameter is missing or wrong: {problem}", now)
        if reply is None:
            return unmodelled(what)
        if request_id:
            self._answered[request_id] = reply
        return reply

    def _carry_out(self, entity: Entity, operation: tuple[str, str], body: Body, now: datetime) -> Reply | None:
        row_id = str(body.get("Id") or "")
        if operation in (("", ""), ("update", "")):
            row_id = self._update(entity, row_id, body) if row_id else self._create(entity, body)
        elif operation == ("delete", "") and entity is not Entity.CUSTOMER:
            self._require_current(entity, row_id, body)
            self._deletions()[entity](row_id)
            status = {"status": "Deleted", "domain": "QBO", "Id": row_id}
            return json_reply({entity.value: status, "time": server_time(now)})
        elif (entity, *operation) in self._voids():
            self._require_current(entity, row_id, body)
            self._voids()[(entity, *operation)](row_id)
        else:
            return None
        row = self._ledger.books.shelves[entity].rows[row_id]
        return one(entity.value, self._ledger.renderer.text(row), now)

    def _deletions(self) -> Mapping[Entity, Callable[[str], None]]:
        return {
            Entity.INVOICE: self._ledger.delete_invoice,
            Entity.PAYMENT: self._ledger.delete_payment,
            Entity.CREDIT_MEMO: self._ledger.delete_credit_memo,
        }

    def _voids(self) -> Mapping[tuple[Entity, str, str], Callable[[str], None]]:
        """Credit memos are missing: the API does not void them. Source: PHP-SDK #133, facts §6.5."""
        return {
            (Entity.INVOICE, "void", ""): self._ledger.void_invoice,
            (Entity.PAYMENT, "update", "void"): self._ledger.void_payment,
        }

    def _require_current(self, entity: Entity, row_id: str, body: Body) -> None:
        row = self._ledger.books.shelves[entity].rows.get(row_id)
        if row is None:
            raise LedgerRefused(f"Object Not Found : {entity} {row_id}", code="610")
        if str(body["SyncToken"]) != str(row.sync_token):
            raise LedgerRefused(_STALE, code="5010")

    def _create(self, entity: Entity, body: Body) -> str:
        if entity is Entity.CUSTOMER:
            parent, currency = body.get("ParentRef") or {}, body.get("CurrencyRef") or {}
            return self._ledger.add_customer(
                body["DisplayName"], parent_id=parent.get("value"), currency=currency.get("value")
            )
        customer_id = body["CustomerRef"]["value"]
        if entity is Entity.PAYMENT:
            return self._create_payment(customer_id, body)
        on = _day(body.get("TxnDate")) or self._ledger.books.clock.now().date()
        tax = Decimal(str((body.get("TxnTaxDetail") or {}).get("TotalTax") or 0))
        amount, number = _sale_amount(body) + tax, str(body.get("DocNumber") or "")
        if entity is Entity.CREDIT_MEMO:
            return self._ledger.create_credit_memo(customer_id, number, amount, on=on, tax=tax)
        memo = (body.get("CustomerMemo") or {}).get("value", "")
        due = _day(body.get("DueDate"))
        return self._ledger.create_invoice(customer_id, number, amount, on=on, due=due, tax=tax, memo=memo)

    def _create_payment(self, customer_id: str, body: Body) -> str:
        charges, credits_ = self._sides(body)
        return self._ledger.receive_payment(
            customer_id,
            Decimal(str(body.get("TotalAmt") or 0)),
            on=_day(body.get("TxnDate")) or self._ledger.books.clock.now().date(),
            apply=charges,
            credits=credits_,
            reference=str(body.get("PaymentRefNum") or ""),
            note=str(body.get("PrivateNote") or ""),
        )

    def _sides(self, body: Body) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
        """What the lines of a payment settle, and what funds them."""
        charges: dict[str, Decimal] = {}
        funds: dict[str, Decimal] = {}
        for line in body.get("Line") or []:
            linked = line["LinkedTxn"][0]
            side = funds if linked["TxnType"] in ("CreditMemo", "JournalEntry", "Deposit") else charges
            side[linked["TxnId"]] = side.get(linked["TxnId"], Decimal(0)) + Decimal(str(line["Amount"]))
        return charges, funds

    def _update(self, entity: Entity, row_id: str, body: Body) -> str:
        """A sparse update changes what is given; a full one, for the attributes modelled here, does the same."""
        self._require_current(entity, row_id, body)
        if entity is Entity.CUSTOMER:
            self._update_customer(row_id, body)
        elif entity is Entity.PAYMENT:
            self._update_payment(self._ledger.books.transaction(entity, row_id), body)
        else:
            self._update_sale(self._ledger.books.transaction(entity, row_id), body)
        return row_id

    def _update_customer(self, customer_id: str, body: Body) -> None:
        customer = self._ledger.books.customer(customer_id)
        if body.get("Active") is False and customer.active:
            self._ledger.deactivate_customer(customer_id)
        elif body.get("DisplayName", customer.name) != customer.name:
            self._ledger.rename_customer(customer_id, body["DisplayName"])
        else:
            self._ledger.touch_customer(customer_id)

    def _update_sale(self, row: Transaction, body: Body) -> None:
        tax = Decimal(str((body.get("TxnTaxDetail") or {}).get("TotalTax") or 0))
        amount = _sale_amount(body) + tax if body.get("Line") else None
        on = _day(body.get("TxnDate"))
        if row.entity is Entity.CREDIT_MEMO:
            self._ledger.edit_credit_memo(row.id, amount=amount, on=on)
            return
        self._ledger.edit_invoice(
            row.id,
            amount=amount,
            number=body.get("DocNumber"),
            on=on,
            due=_day(body.get("DueDate")),
            memo=(body.get("CustomerMemo") or {}).get("value"),
            customer_id=(body.get("CustomerRef") or {}).get("value"),
        )

    def _update_payment(self, row: Transaction, body: Body) -> None:
        """Lines are all or nothing: when they are given they replace those that are there."""
        given = body.get("TotalAmt")
        total = number(row.total, row.currency) if given is None else Decimal(str(given))
        on, note, reference = _day(body.get("TxnDate")), body.get("PrivateNote"), body.get("PaymentRefNum")
        if "Line" in body:
            charges, funds = self._sides(body)
            self._ledger.replace_lines(row.id, total=total, apply=charges, credits=funds)
            row.on, row.note, row.reference = on or row.on, note or row.note, reference or row.reference
        else:
            self._ledger.edit_payment(row.id, amount=total, on=on, reference=reference, note=note)


def _sale_amount(body: Body) -> Decimal:
    """The sum of the sale lines; subtotals are the server's own."""
    lines = [line for line in body["Line"] if line.get("DetailType") == "SalesItemLineDetail"]
    if not lines:
        raise LedgerRefused("Required param missing : Line", code="2020")
    return sum((Decimal(str(line["Amount"])) for line in lines), Decimal(0))


def _day(text: Any) -> date | None:
    return date.fromisoformat(str(text)) if text else None
