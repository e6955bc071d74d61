"""Groups A to C: who may credit what, what stands twice, what is in one system only."""

from mappings.findings import Severity
from sync.rules.finding_type import finding_type

S1, S2, S3, S4 = Severity.S1, Severity.S2, Severity.S3, Severity.S4

TYPES_OF_CREDITS = (
    finding_type(
        "A1",
        "credited-in-bigtime-after-posting",
        S1,
        "A client credit was applied in BigTime to an invoice that had already been posted to QuickBooks.",
        "Remove the AccountCredit payment in BigTime; if the client is to have the credit, apply a credit memo to "
        "the invoice in QuickBooks and let it come back by the sync.",
    ),
    finding_type(
        "A2",
        "credited-before-posting-invoice-posted-gross",
        S2,
        "A client credit was applied in BigTime before the invoice was posted, and the invoice reached QuickBooks "
        "with its full amount: QuickBooks still asks for the credited part.",
        "Apply a credit memo of the same amount to the invoice in QuickBooks, then remove the AccountCredit payment "
        "in BigTime when the memo has been pushed back.",
    ),
    finding_type(
        "A3",
        "credit-carried-as-net-total",
        S3,
        "The invoice was posted net of the client credit: totals differ, balances agree.",
        "Nothing is owed twice. If invoices are meant to be posted gross, correct the total and use a credit memo.",
    ),
    finding_type(
        "A4",
        "same-credit-in-both-systems",
        S1,
        "The same credit was applied in BigTime and again in QuickBooks, whose memo was pushed back: BigTime shows "
        "it twice.",
        "Keep the credit in QuickBooks and remove the AccountCredit payment in BigTime.",
    ),
    finding_type(
        "A5",
        "marked-as-paid-without-payments",
        S2,
        "BigTime shows the invoice as paid although its payments do not cover it.",
        "Find the missing payment in QuickBooks, or take back *Mark as Paid* in BigTime.",
    ),
    finding_type(
        "A7",
        "credit-on-invoice-with-dead-twin",
        S2,
        "A client credit sits in BigTime on an invoice whose QuickBooks invoice is void, deleted or not to be found.",
        "Void the invoice in BigTime too, or post it again; then decide about the credit.",
    ),
    finding_type(
        "B1",
        "credit-applied-twice-in-bigtime",
        S1,
        "The same client credit was applied more than once to one invoice in BigTime.",
        "Remove the extra AccountCredit payment in BigTime.",
    ),
    finding_type(
        "B2",
        "push-back-echo",
        S1,
        "One QuickBooks payment or credit arrived in BigTime more than once.",
        "Delete the second payment in BigTime; QuickBooks is right.",
    ),
    finding_type(
        "B3",
        "duplicate-credit-memo",
        S2,
        "Two equal credit memos were entered in QuickBooks within an hour.",
        "Void the second one before it is applied, if only one was meant.",
    ),
    finding_type(
        "B4",
        "credit-spent-in-both-systems",
        S1,
        "One credit was used in QuickBooks on one invoice and in BigTime on another, for more than it was.",
        "Remove the AccountCredit payment in BigTime.",
    ),
    finding_type(
        "B5",
        "payment-keyed-in-both-systems",
        S1,
        "One payment by the client was entered in BigTime and in QuickBooks.",
        "Delete the payment that was keyed by hand; keep the one that came from the bank.",
    ),
    finding_type(
        "B6",
        "invoice-reposted",
        S2,
        "One BigTime invoice has more than one QuickBooks invoice.",
        "Void the QuickBooks invoice that should not exist, and move credits off it first.",
    ),
    finding_type(
        "B7",
        "one-overpayment-twice",
        S2,
        "The same overpayment is a client credit in BigTime and unapplied in QuickBooks.",
        "Use it in QuickBooks only; take the credit out of BigTime.",
    ),
    finding_type(
        "B8",
        "one-credit-in-two-forms",
        S3,
        "A credit memo and a journal credit of one amount for one client stand within a month.",
        "If it is one credit, reverse the journal entry in QuickBooks.",
    ),
    finding_type(
        "C1",
        "unapplied-payment",
        S4,
        "A QuickBooks payment is larger than what it was applied to: the rest is a credit of the client that "
        "BigTime cannot show.",
        "Apply the rest to an open invoice in QuickBooks, or refund it.",
    ),
    finding_type(
        "C2",
        "open-credit-memo",
        S4,
        "A QuickBooks credit memo has something left.",
        "Apply it to an open invoice in QuickBooks, or refund it.",
    ),
    finding_type(
        "C3",
        "applied-in-quickbooks-not-in-bigtime",
        S2,
        "A payment or credit was applied in QuickBooks and has not reached BigTime: BigTime still asks for it.",
        "Run the payment sync in BigTime for this invoice; if it does not come over, record it there by hand.",
    ),
    finding_type(
        "C4",
        "in-bigtime-gone-in-quickbooks",
        S1,
        "BigTime shows a payment that QuickBooks does not have (any more): BigTime understates what is owed.",
        "If the payment was taken back in QuickBooks for good, delete it in BigTime; else enter it in QuickBooks.",
    ),
    finding_type(
        "C5",
        "client-credit-only-in-bigtime",
        S3,
        "BigTime holds a client credit that QuickBooks does not have.",
        "Enter it in QuickBooks, and use it there.",
    ),
    finding_type(
        "C6",
        "credit-on-unknown-invoice",
        S4,
        "A QuickBooks credit is applied to an invoice that BigTime does not have.",
        "Nothing, if the invoice was written in QuickBooks on purpose.",
    ),
    finding_type(
        "C6b",
        "pushed-payment-became-unapplied",
        S2,
        "BigTime shows the payment on the invoice, QuickBooks has the money but left it unapplied.",
        "Apply the payment to the invoice in QuickBooks.",
    ),
    finding_type(
        "C7",
        "client-cannot-be-told",
        S3,
        "A credit belongs to a QuickBooks customer that is no BigTime client, or could be several.",
        "Link the client to the customer in BigTime.",
    ),
    finding_type(
        "C8",
        "written-off-on-one-side",
        S3,
        "A write-off or adjustment was made in QuickBooks only.",
        "Make the same adjustment in BigTime.",
    ),
)
