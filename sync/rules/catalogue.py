"""The finding types: their names, how urgent they are, what they mean and what to do.

The order is that of the reference in `docs/findings.md`, which is generated from this table.
"""

import msgspec

from mappings.findings import Severity


class FindingType(msgspec.Struct, frozen=True, kw_only=True):
    """One type of finding. `severity` is what a rule gives it unless it says otherwise."""

    code: str
    slug: str
    severity: Severity
    meaning: str
    remedy: str


def _type(code: str, slug: str, severity: Severity, meaning: str, remedy: str) -> FindingType:
    return FindingType(code=code, slug=slug, severity=severity, meaning=meaning, remedy=remedy)


S1, S2, S3, S4 = Severity.S1, Severity.S2, Severity.S3, Severity.S4

_TYPES = (
    _type(
        "A1",
        "credited-in-bigtime-after-posting",
        S1,
        "A client credit was applied in BigTime to an invoice that had already been posted to QuickBooks.",
        "Remove the AccountCredit payment in BigTime; if the client is to have the credit, apply a credit memo to "
        "the invoice in QuickBooks and let it come back by the sync.",
    ),
    _type(
        "A2",
        "credited-before-posting-invoice-posted-gross",
        S2,
        "A client credit was applied in BigTime before the invoice was posted, and the invoice reached QuickBooks "
        "with its full amount: QuickBooks still asks for the credited part.",
        "Apply a credit memo of the same amount to the invoice in QuickBooks, then remove the AccountCredit payment "
        "in BigTime when the memo has been pushed back.",
    ),
    _type(
        "A3",
        "credit-carried-as-net-total",
        S3,
        "The invoice was posted net of the client credit: totals differ, balances agree.",
        "Nothing is owed twice. If invoices are meant to be posted gross, correct the total and use a credit memo.",
    ),
    _type(
        "A4",
        "same-credit-in-both-systems",
        S1,
        "The same credit was applied in BigTime and again in QuickBooks, whose memo was pushed back: BigTime shows "
        "it twice.",
        "Keep the credit in QuickBooks and remove the AccountCredit payment in BigTime.",
    ),
    _type(
        "A5",
        "marked-as-paid-without-payments",
        S2,
        "BigTime shows the invoice as paid although its payments do not cover it.",
        "Find the missing payment in QuickBooks, or take back *Mark as Paid* in BigTime.",
    ),
    _type(
        "A7",
        "credit-on-invoice-with-dead-twin",
        S2,
        "A client credit sits in BigTime on an invoice whose QuickBooks invoice is void or deleted.",
        "Void the invoice in BigTime too, or post it again; then decide about the credit.",
    ),
    _type(
        "B1",
        "credit-applied-twice-in-bigtime",
        S1,
        "The same client credit was applied more than once to one invoice in BigTime.",
        "Remove the extra AccountCredit payment in BigTime.",
    ),
    _type(
        "B2",
        "push-back-echo",
        S1,
        "One QuickBooks payment or credit arrived in BigTime more than once.",
        "Delete the second payment in BigTime; QuickBooks is right.",
    ),
    _type(
        "B3",
        "duplicate-credit-memo",
        S2,
        "Two equal credit memos were entered in QuickBooks within an hour.",
        "Void the second one before it is applied, if only one was meant.",
    ),
    _type(
        "B5",
        "payment-keyed-in-both-systems",
        S1,
        "One payment by the client was entered in BigTime and in QuickBooks.",
        "Delete the payment that was keyed by hand; keep the one that came from the bank.",
    ),
    _type(
        "B6",
        "invoice-reposted",
        S2,
        "One BigTime invoice has more than one QuickBooks invoice.",
        "Void the QuickBooks invoice that should not exist, and move credits off it first.",
    ),
    _type(
        "C1",
        "unapplied-payment",
        S4,
        "A QuickBooks payment is larger than what it was applied to: the rest is a credit of the client that "
        "BigTime cannot show.",
        "Apply the rest to an open invoice in QuickBooks, or refund it.",
    ),
    _type(
        "C2",
        "open-credit-memo",
        S4,
        "A QuickBooks credit memo has something left.",
        "Apply it to an open invoice in QuickBooks, or refund it.",
    ),
    _type(
        "C3",
        "applied-in-quickbooks-not-in-bigtime",
        S2,
        "A payment or credit was applied in QuickBooks and has not reached BigTime: BigTime still asks for it.",
        "Run the payment sync in BigTime for this invoice; if it does not come over, record it there by hand.",
    ),
    _type(
        "C4",
        "in-bigtime-gone-in-quickbooks",
        S1,
        "BigTime shows a payment that QuickBooks does not have (any more): BigTime understates what is owed.",
        "If the payment was taken back in QuickBooks for good, delete it in BigTime; else enter it in QuickBooks.",
    ),
    _type(
        "C6",
        "credit-on-unknown-invoice",
        S4,
        "A QuickBooks credit is applied to an invoice that BigTime does not have.",
        "Nothing, if the invoice was written in QuickBooks on purpose.",
    ),
    _type(
        "C6b",
        "pushed-payment-became-unapplied",
        S2,
        "BigTime shows the payment on the invoice, QuickBooks has the money but left it unapplied.",
        "Apply the payment to the invoice in QuickBooks.",
    ),
    _type(
        "D1",
        "amounts-differ",
        S2,
        "The same payment or credit has one amount in BigTime and another in QuickBooks.",
        "Correct the BigTime payment to the amount in QuickBooks.",
    ),
    _type(
        "D2",
        "applied-to-different-invoices",
        S2,
        "The same payment or credit is on one invoice in BigTime and on another in QuickBooks.",
        "Move it in QuickBooks to the invoice it is meant for; if it was linked automatically, turn off automatic "
        "application of credits.",
    ),
    _type(
        "D4",
        "booked-in-different-months",
        S3,
        "One application has its day in one month in QuickBooks and in another in BigTime.",
        "Correct the date of the payment in BigTime.",
    ),
    _type(
        "D6",
        "tax-on-one-side",
        S2,
        "The totals differ by exactly the sales tax of one side.",
        "Correct the side without tax.",
    ),
    _type(
        "D7",
        "credit-shown-as-money",
        S4,
        "A QuickBooks credit stands in BigTime under a payment type for money: reports of money received are too high.",
        "Change the payment type in BigTime if your reports rely on it.",
    ),
    _type(
        "D9",
        "rounding",
        S4,
        "The totals differ by one minor unit: rounding.",
        "Nothing.",
    ),
    _type(
        "E1",
        "invoice-edited-in-bigtime-after-posting",
        S2,
        "The total in BigTime is no longer the total that was posted to QuickBooks.",
        "Take the edit back in BigTime, or make the same change to the QuickBooks invoice.",
    ),
    _type(
        "E2",
        "payment-edited-in-bigtime-after-sync",
        S1,
        "A payment or credit in BigTime was changed or deleted after it had been in step with QuickBooks.",
        "Restore the payment in BigTime to what QuickBooks has.",
    ),
    _type(
        "E3",
        "credit-memo-edited-after-application",
        S1,
        "A credit memo was changed in QuickBooks after it had been applied.",
        "Check which amount is right; correct the memo in QuickBooks or the payment in BigTime.",
    ),
    _type(
        "E4",
        "credit-memo-gone-after-push-back",
        S1,
        "A credit memo was voided or deleted in QuickBooks after BigTime had been given its payment.",
        "Delete the pushed-back payment in BigTime, or restore the memo in QuickBooks.",
    ),
    _type(
        "E5",
        "silently-unapplied",
        S1,
        "A credit was un-applied in QuickBooks, which leaves no record there; BigTime still shows it.",
        "Delete the payment in BigTime, or apply the credit again in QuickBooks.",
    ),
    _type(
        "E6",
        "invoice-gone-with-credit-on-it",
        S1,
        "An invoice was voided or deleted in QuickBooks while payments or credits were applied to it.",
        "Void the invoice in BigTime too, and decide what the freed credit is to pay.",
    ),
    _type(
        "E7",
        "invoice-edited-in-quickbooks-after-posting",
        S2,
        "The total in QuickBooks is no longer the total that was posted.",
        "Take the edit back in QuickBooks, or make the same change to the BigTime invoice.",
    ),
    _type(
        "F1",
        "negative-balance",
        S1,
        "BigTime shows more paid and credited on an invoice than it was for.",
        "See the findings with the same incident: they name the payment that is too much.",
    ),
    _type(
        "F8",
        "credit-overspent",
        S1,
        "More has been taken from a QuickBooks credit than it was for.",
        "Un-apply what is too much, in QuickBooks.",
    ),
    _type(
        "F10",
        "balance-does-not-add-up",
        S2,
        "A system shows another balance than its own total and payments give.",
        "Open the invoice in that system; if the balance is right there, a payment is missing from what we could read.",
    ),
    _type("G1", "truncated-read", S2, "A read was cut off by the system.", "Run again; see the run's certificate."),
    _type("G2", "cursor-too-old", S2, "Changes older than the system keeps were missed.", "A full read repairs it."),
    _type("G3", "session-ended", S2, "The connection ended during the run.", "Run again, or connect again."),
    _type(
        "G4",
        "sync-under-way",
        S4,
        "An application in QuickBooks is so young that the sync may still bring it to BigTime.",
        "Nothing yet.",
    ),
    _type(
        "G5",
        "unknown-word",
        S3,
        "A system uses a word that the configuration does not know; it is not guessed at.",
        "Add the word to [bigtime_vocabulary] in the configuration.",
    ),
    _type("G6", "count-mismatch", S2, "A count of the system and ours differ.", "Run a full reconcile."),
    _type(
        "G8",
        "wrong-company-or-rights",
        S2,
        "The connection shows another company, or fewer records than before: the key may have lost rights.",
        "Check the realm, the firm and the rights of the key's user; `tieout check` walks through them.",
    ),
    _type(
        "G9",
        "preference-changed",
        S4,
        "A QuickBooks setting that moves credits was changed.",
        "Make sure the change was meant.",
    ),
    _type(
        "G10",
        "system-out-of-reach",
        S2,
        "A system could not be read, or slowed us down so much that the run stopped.",
        "Run again later; nothing was lost.",
    ),
    _type(
        "G11",
        "deletion-inferred",
        S4,
        "A BigTime record was missing from one complete read; a second one decides.",
        "Nothing yet.",
    ),
)

CATALOGUE = {entry.code: entry for entry in _TYPES}
