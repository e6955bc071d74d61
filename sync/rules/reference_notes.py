"""What the reference says of each type beside meaning, detection and remedy: where to act, and what it is not. Text.

`OWN_WORDS` describe how a type is seen where one rule finds several types. `WITHOUT_A_FINDING` are the types of the
field's catalogue that never appear as a finding of their own, with the reason.
"""

import msgspec

_BT, _QB = "BigTime", "QuickBooks"
_BOTH, _EITHER = "BigTime and QuickBooks", "BigTime or QuickBooks"
_RUN = "Tieout"


class Note(msgspec.Struct, frozen=True):
    """Where a person acts, what looks like the type and is not, and what the two APIs cannot show of it ("" nothing)."""

    where: str
    is_not: str
    limits: str = ""


_NO_STAMPS = "BigTime gives no creation stamps: proved only when a complete read after posting did not show the credit."
_NO_NAMES = "Neither system names the other's record: likely at most, from client, amount, invoice and days."
_ONLY_VERSIONS = (
    "QuickBooks keeps no trace: proved by our own earlier version, and unseen if it happened before our first."
)

NOTES = {
    "A1": Note(
        _BT, "a push-back of a QuickBooks credit, a credit seen before posting (A2), or a back-dated day", _NO_STAMPS
    ),
    "A2": Note(
        _BOTH, "an invoice posted net of its credit (A3), or one whose memo is still on its way (G4)", _NO_STAMPS
    ),
    "A3": Note(_QB, "an edited total (E1, E7): the difference is exactly the credit, and the balances agree"),
    "A4": Note(_BT, "two real credits of one amount: those are two credits in QuickBooks, too", _NO_NAMES),
    "A5": Note(_BT, "an invoice whose payments cover it and that is marked as paid besides"),
    "A7": Note(_BT, "a credit on an invoice that was posted again: its living twin counts"),
    "B1": Note(
        _BT,
        "instalments weeks apart, a reversed pair, or two credits with two reference numbers",
        "BigTime does not say what a credit was for: two real credits of one amount are possible, hence likely.",
    ),
    "B2": Note(_BT, "one credit pushed in parts, or a push that BigTime reversed and repeated", _NO_NAMES),
    "B3": Note(
        _QB,
        "a credit that comes every month, a memo whose double is void, or memos with other lines",
        "QuickBooks does not say what was meant: likely at most.",
    ),
    "B4": Note(_BT, "a credit that still reaches for both, or one that was un-applied in between", _NO_NAMES),
    "B5": Note(_EITHER, "two equal payments with two references, or the same reference weeks later", _NO_NAMES),
    "B6": Note(_QB, "a rebill with another total, or an invoice that is posted again after a void", _NO_NAMES),
    "B7": Note(
        _BT,
        "an overpayment that only one of the systems keeps (C1, C5)",
        "BigTime's API lists no client credits: the rest is the payment's total less the rows that we saw.",
    ),
    "B8": Note(_QB, "a memo and an entry of different amounts, clients or months", "What was meant cannot be told."),
    "C1": Note(_QB, "an error: BigTime has no place for an overpayment. S3 once it is older than 30 days"),
    "C2": Note(_QB, "an error: BigTime has no credit memos. S3 once it is older than 30 days"),
    "C3": Note(
        _BT, "an application younger than the grace period (G4), or one on an invoice that BigTime does not have"
    ),
    "C4": Note(
        _EITHER,
        "a payment that was deleted and entered again: it is paired first",
        "Proved when we stored QuickBooks' application; otherwise BigTime's row is all there is, and nobody can tell.",
    ),
    "C5": Note(
        _QB,
        "a payment that was taken back by a negative row",
        "BigTime's API lists no client credits: the rest is the payment's total less the rows that we saw.",
    ),
    "C6": Note(_QB, "an invoice that was written in QuickBooks on purpose: then nothing is to be done"),
    "C6b": Note(_QB, "an overpayment (C1): here BigTime shows the same money on an invoice"),
    "C7": Note(_BT, "a customer that BigTime never had: firms may have clients in QuickBooks only"),
    "C8": Note(_BT, "a credit memo that the sync lost (C3), or an entry within the grace period"),
    "D1": Note(_BT, "one credit in parts (D8), or a payment that the sync may still bring"),
    "D2": Note(
        _QB,
        "two clients' equal amounts, or two credits of which each is on its own invoice",
        "Proved when the payment used to be on BigTime's invoice, or carries QuickBooks' own note; else likely.",
    ),
    "D3": Note(_EITHER, "a job of the client, his parent, or a customer he was merged into (E10)"),
    "D4": Note(_BT, "a day's difference: that is midnight in another time zone"),
    "D5": Note(_EITHER, "an exchange rate: BigTime's figure is compared as it stands", "BigTime names no currency."),
    "D6": Note(_EITHER, "a difference that only happens to be near the tax: it is exactly the tax of one side"),
    "D7": Note(_BT, "a wrong balance: only reports of money received are off"),
    "D8": Note(_RUN, "a difference: the sums agree"),
    "D9": Note(_RUN, "two units or more: that is an edit (E1, E7)"),
    "E1": Note(
        _BT,
        "a note or a purchase order number that was changed, or an invoice posted net (A3)",
        "Which side moved is proved by a version that agreed; without one an untouched QuickBooks invoice points at BigTime.",
    ),
    "E2": Note(
        _BT,
        "a push that BigTime reversed and repeated with the same amount",
        "BigTime keeps no row ids: edited and deleted-and-keyed-again look the same, and are told as one change.",
    ),
    "E3": Note(_QB, "a memo that was lowered and still covers what is taken from it", _ONLY_VERSIONS),
    "E4": Note(
        _EITHER, "a note with the word *voided* on a memo that is worth something, or a payment of 0", _ONLY_VERSIONS
    ),
    "E5": Note(_EITHER, "a credit that was moved to another invoice (D2), or put back (E11)", _ONLY_VERSIONS),
    "E6": Note(_BT, "an open credit (C1, C2): what was freed is told here, once", _ONLY_VERSIONS),
    "E7": Note(_QB, "a balance, token or e-mail status that changed, or an invoice posted net (A3)"),
    "E8": Note(
        _QB,
        "a change made before the books were closed, or of a text only",
        "The closing date is read daily: a change within hours of closing is judged by the date that we knew.",
    ),
    "E9": Note(_QB, "a void, or a number that only looks like another one (9 and 9.1)"),
    "E10": Note(_QB, "a rename or an inactive customer alone"),
    "E11": Note(_RUN, "an error: net nothing; the gross figures of applied balance show both events"),
    "F1": Note(_BT, "a credit note in BigTime: the invoice's own total must not be negative"),
    "F2": Note(_BT, "an invoice whose balance shows it: that is F1"),
    "F4": Note(
        _QB,
        "an error: it is an opportunity",
        "A retainer that is meant for something else looks the same from outside.",
    ),
    "F5": Note(_QB, "a credit younger than 180 days by its own date; the law of the state decides, not this page"),
    "F6": Note(_QB, "an entry with a note; a number alone is no occasion"),
    "F7": Note(_QB, "a refund that is linked to another credit", _NO_NAMES),
    "F8": Note(_QB, "a credit with nothing left: that is used up"),
    "F9": Note(_QB, "a credit whose payments are all here: its roll-forward adds up"),
    "F10": Note(_EITHER, "two lists of BigTime that were read while one changed: S4 until the grace period is over"),
    "F11": Note(_QB, "money beyond an invoice: only credit counts"),
    "G1": Note(_RUN, "a complete read of nothing"),
    "G2": Note(_RUN, "a cursor within 29 days: the change list reaches that far"),
    "G3": Note(_EITHER, "a refusal for lack of rights (G8)"),
    "G4": Note(_RUN, "a payment that is older than the grace period: that is C3"),
    "G5": Note(_RUN, "a known word in another spelling of upper and lower case"),
    "G6": Note(_RUN, "a record that was made while we counted: it is counted again"),
    "G8": Note(_EITHER, "a firm that is smaller than last year: losses within one read count"),
    "G9": Note(_QB, "a setting that moves no credit"),
    "G10": Note(_RUN, "a single slow answer: it is asked again"),
    "G11": Note(_RUN, "a deletion: a second complete read has to agree"),
}

_AUTHORITY = "A client credit (payment type AccountCredit) in BigTime that no QuickBooks credit stands for, "
_COMES_BACK = "BigTime shows a payment that a stored version of the QuickBooks payment had on the invoice, and the latest has not: "
OWN_WORDS = {
    "A1": f"{_AUTHORITY}applied after the invoice was posted. Example: INV-101 of 1,000.00 posted 1 March, AccountCredit "
    "200.00 on 5 March: QuickBooks asks for 1,000.00, BigTime for 800.00.",
    "A2": f"{_AUTHORITY}applied before the invoice was posted with its full total. Example: total 1,000.00, credit 200.00 "
    "before posting, QuickBooks open 1,000.00.",
    "B2": "A BigTime payment beside one of the same amount that is already in step with QuickBooks, which has one. Example: "
    "a credit memo of 300.00 applied once, and 300.00 twice in BigTime.",
    "B5": "A BigTime payment beside the one that came by the sync, told from an echo by another reference or payment type, "
    "or because it was there before QuickBooks had the payment; or two QuickBooks payments of one client, amount and "
    "reference within three days of which one is applied to nothing. Example: 1,000.00 keyed in both: BigTime shows "
    "2,000.00, or QuickBooks 1,000.00 unapplied.",
    "B7": "A BigTime payment larger than its rows, and QuickBooks has the same rest unapplied, by the same reference or "
    "within three days. Example: 150.00 on 100.00 leaves 50.00 in both; it is 50.00, not 100.00.",
    "C5": "A BigTime payment larger than its rows, of whose rest QuickBooks has nothing. Example: BigTime 120.00, QuickBooks 0.",
    "C1": "UnappliedAmt of a QuickBooks payment. Example: paid 150.00 on an invoice of 100.00: 50.00.",
    "C2": "What is left of a QuickBooks credit memo, with its age.",
    "C4": f"{_COMES_BACK}it was money, and it is gone. Or no version ever had it (then the cause cannot be told).",
    "E3": f"{_COMES_BACK}its memo's amount was lowered. Or a memo has less than what is taken from it. Example: 500.00 with "
    "400.00 applied, edited to 300.00: 100.00 has no credit behind it.",
    "E4": f"{_COMES_BACK}its memo was voided or deleted.",
    "E5": f"{_COMES_BACK}it was a credit, which is still there. Example: 300.00 applied and pushed back, then its link "
    "payment deleted: QuickBooks asks for 300.00 again, BigTime does not.",
    "E1": "The totals differ, and an earlier BigTime version had QuickBooks' total. Example: 1,000.00 posted, 900.00 in "
    "BigTime now: −100.00. S3 when it was changed on the day of posting, before anybody can have booked it.",
    "E7": "The totals differ, and an earlier QuickBooks version had BigTime's total.",
    "G1": "An answer held as many records as the system gives at most, and could not be read in parts.",
    "G2": "The change list does not reach back to where we stopped.",
    "G3": "The system refused our access in the middle of a run.",
    "G6": "The system's own COUNT and ours differ.",
    "G8": "The company's name or id is another one, or a list lost most of what it had.",
    "G10": "A system did not answer, or answered *too many requests* for too long.",
}

WITHOUT_A_FINDING = {
    "A6": "BigTime client credit held for a client with posted invoices. **cannot_tell**: BigTime's API has no call that "
    "lists client credits. What a payment left over is told as C5 or B7; a credit that was granted without a payment is "
    "seen only once it is applied (A1, A2). A report made in BigTime may show it, but its columns are nowhere written down, "
    "and Tieout does not guess at them.",
    "F3": "Client credit differs between the systems. **In parts**: BigTime's figure is not readable (see A6). Each part "
    "that can be seen is a finding of its own (C1, C2, C5, B7), so a difference is never told twice.",
    "G7": "Clock skew and time zones. **Prevented**: the watermark is the server's own time less an overlap, days are "
    "judged in the company's time zone, and a day's difference is never a finding.",
    "G12": "Duplicates made by our own paging. **Prevented**: records are kept by their id, pages are keyset, equal content "
    "writes nothing; payment rows of BigTime, which have no id, get one that does not depend on the order of arrival.",
}
