"""What the reconciliation says: findings, their claims, and the lines of the tie-out."""

import hashlib
from datetime import datetime
from enum import StrEnum

import msgspec

from mappings.model import RecordKey


class Severity(StrEnum):
    """How urgent a finding is; the order of the members is the order of urgency."""

    S1 = "S1"  # money or the rule is wrong on a client document
    S2 = "S2"  # the books disagree: act before this close
    S3 = "S3"  # review
    S4 = "S4"  # information; leaves the verdict clean


class Proof(StrEnum):
    """How sure we are."""

    PROVED = "proved"  # our own versions, or the systems' own links, show it
    LIKELY = "likely"  # the pattern fits and nothing contradicts it
    CANNOT_TELL = "cannot_tell"  # the amount is exact, the cause is not to be had from the two APIs


class FindingStatus(StrEnum):
    """Where a finding is in the exception queue."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"  # somebody is on it
    RESOLVED = "resolved"  # the cause was gone in a complete run, or a person closed it
    EXPECTED = "expected"  # a person has said, with a reason, that this is how it should be


class Evidence(msgspec.Struct, frozen=True, order=True):
    """One version of one record that a finding rests on; `sha256` names the raw record in the store."""

    key: RecordKey
    sha256: str


class Claim(msgspec.Struct, frozen=True, order=True):
    """The part of one posted invoice's BigTime − QuickBooks difference that a finding explains.

    `invoice_id` is BigTime's Sid. Negative: BigTime shows the client owing less.
    """

    invoice_id: str
    amount_minor: int


class InvoiceRef(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An invoice as a reader knows it: its number, and its id in each system ("" where it has none)."""

    number: str
    bigtime: str = ""
    quickbooks: str = ""


class ClientRef(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A client as a reader knows him: the name, and the id in each system ("" where there is none)."""

    name: str
    bigtime: str = ""
    quickbooks: str = ""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One discrepancy, with the money it explains and the records that prove it.

    `claims` are disjoint from those of every other finding; their sum is `claim_minor`. `exposure_minor` ≥ 0
    is the money at stake. `fingerprint` is the same in every run as long as the same records are concerned.
    `incident` joins findings with one cause, which `cause` names ("" when nobody can tell).
    `explanation` is one paragraph in a bookkeeper's words: what is
    seen, what it means, what to do and in which system. `reason` says why the proof state is what it is.
    """

    company: str
    code: str
    slug: str
    severity: Severity
    proof: Proof
    reason: str
    currency: str
    exposure_minor: int
    claims: tuple[Claim, ...] = ()
    client: ClientRef
    invoice: InvoiceRef | None
    evidence: tuple[Evidence, ...]
    explanation: str
    fingerprint: str
    incident: str
    cause: str = ""

    @property
    def claim_minor(self) -> int:
        """The part of BigTime − QuickBooks that this finding explains; 0 when both agree on the wrong thing."""
        return sum(claim.amount_minor for claim in self.claims)

    @property
    def title(self) -> str:
        """The slug as a reader writes it: "credited in BigTime after posting"."""
        return title_from_slug(self.slug)


# What reads wrong without its hyphen or comma.
_WITH_MARKS = {
    "credited-before-posting-invoice-posted-gross": "credited before posting, invoice posted gross",
    "push-back-echo": "push-back echo",
    "applied-in-quickbooks-not-in-bigtime": "applied in quickbooks, not in bigtime",
    "in-bigtime-gone-in-quickbooks": "in bigtime, gone in quickbooks",
    "credit-memo-gone-after-push-back": "credit memo gone after push-back",
    "re-dated-or-renumbered": "re-dated or renumbered",
    "re-applied": "re-applied",
    "roll-forward-break": "roll-forward break",
}


def title_from_slug(slug: str) -> str:
    """A type's slug as words, with the systems' names as they are spelt."""
    words = _WITH_MARKS.get(slug) or slug.replace("-", " ")
    return words.replace("bigtime", "BigTime").replace("quickbooks", "QuickBooks")


class TieLine(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The tie-out of one posted invoice: `bigtime_minor` − `quickbooks_minor` = `claimed_minor` + residual."""

    invoice: InvoiceRef
    client: ClientRef
    currency: str
    bigtime_minor: int
    quickbooks_minor: int
    claimed_minor: int

    @property
    def difference_minor(self) -> int:
        """What has to be explained."""
        return self.bigtime_minor - self.quickbooks_minor

    @property
    def residual_minor(self) -> int:
        """What no finding explains; 0 on complete data."""
        return self.difference_minor - self.claimed_minor


class BookResult(msgspec.Struct, frozen=True, kw_only=True):
    """What the rules say of one book.

    `recheck_at` is the next moment at which the same records would give another result (a grace period ends,
    an item turns stale); None when only a changed record can change it.
    """

    findings: tuple[Finding, ...]
    tie_lines: tuple[TieLine, ...]
    recheck_at: datetime | None


class TieOut(msgspec.Struct, frozen=True, kw_only=True):
    """The statement that two sets of books agree, for one currency: difference = explained + residual.

    `gross_minor` is the sum of the differences' sizes, so that +1,000 and −1,000 do not pass for nothing.
    """

    currency: str
    invoice_count: int
    bigtime_minor: int
    quickbooks_minor: int
    explained_minor: int
    gross_minor: int

    @property
    def difference_minor(self) -> int:
        """BigTime − QuickBooks."""
        return self.bigtime_minor - self.quickbooks_minor

    @property
    def residual_minor(self) -> int:
        """What no finding explains; 0 on complete data."""
        return self.difference_minor - self.explained_minor


class Verdict(StrEnum):
    """The outcome of a run; there is one green state, and an incomplete run never reaches it."""

    INCOMPLETE = "incomplete"
    FINDINGS = "findings"
    CLEAN = "clean"


class Gap(msgspec.Struct, frozen=True, order=True):
    """Something that a run could not read: a gate code of group G, and a sentence with what to do."""

    code: str
    system: str
    sentence: str


def fingerprint(company: str, code: str, keys: tuple[RecordKey, ...], discriminator: str = "") -> str:
    """The identity of a finding over runs: from the company, the code and the records, never from a message.

    `discriminator` tells two findings of one code on the same records apart (for example the amount of the
    second of two equal duplicates); leave it empty where the records suffice.
    """
    text = "\x1f".join((company, code, *sorted(str(key) for key in keys), discriminator))
    return hashlib.sha256(text.encode()).hexdigest()
