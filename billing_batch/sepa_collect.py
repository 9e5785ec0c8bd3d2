"""Pure. Direct debits to a pain.008.001.08 file, by the EPC's rules, the same bytes for the same run.

Identifiers are derived from the run and the bill, so a rerun gives the same file and the bank's own check
for duplicates protects. What the schema does not catch (checksums, characters, decimals) is checked here
before anything is written (EPC130-08, SEPA Core Direct Debit).
"""

import datetime
import re
from collections.abc import Iterator
from typing import NamedTuple
from xml.sax.saxutils import escape

from stdnum import iban
from stdnum.eu import at_02

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.008.001.08"
# The characters every European bank must take.
CHARACTERS = re.compile(r"[A-Za-z0-9/\-?:().,'+ ]*")
# Neither begins nor ends with a slash, and never has two in a row.
IDENTIFIER = re.compile(r"(?!/)(?!.*//)[A-Za-z0-9/\-?:().,'+]{1,35}(?<!/)")
BIC = re.compile(r"[A-Z]{6}[A-Z2-9][A-NP-Z0-9]([A-Z0-9]{3})?")
NAME_MAX, TEXT_MAX, IDENTIFIER_MAX = 70, 140, 35
AMOUNT_MINOR_MAX = 99_999_999_999
# Since November 2016 a first collection may be sent as recurring.
SEQUENCE_TYPE = "RCUR"
# What is not of the Latin alphabet that banks take, in the spelling people use instead.
SPELLINGS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss", "č": "c", "š": "s", "ž": "z",
     "Č": "C", "Š": "S", "Ž": "Z", "ć": "c", "đ": "d", "é": "e", "è": "e", "á": "a", "&": "+"}
)  # fmt: skip


class Creditor(NamedTuple):
    """Who collects."""

    name: str
    iban: str
    bic: str
    creditor_id: str


class Collection(NamedTuple):
    """One direct debit: a bill of a debtor with a mandate."""

    bill_id: int
    bill_number: int
    mandate_row: int
    mandate_id: str
    signed_on: datetime.date
    debtor: str
    iban: str
    bic: str  # empty: IBAN only
    amount_minor: int
    invoice_number: int | None = None  # None: a bill without an invoice

    @property
    def end_to_end_id(self) -> str:
        """What the bank's answers name the debit by."""
        return f"BILL-{self.bill_number}"

    @property
    def remittance(self) -> str:
        """What the debtor reads on the statement: the number on the paper they have."""
        if self.invoice_number is None:
            return f"Bill {self.bill_number}"
        return f"Invoice {self.invoice_number}"


class Run(NamedTuple):
    """What makes a file this file."""

    message_id: str
    created: datetime.datetime
    collection_date: datetime.date


def latin(text: str, length: int) -> str:
    """Text in the characters that every bank takes, cut to a length."""
    spelled = "".join(c if CHARACTERS.fullmatch(c) else " " for c in text.translate(SPELLINGS))
    single = re.sub(r"/{2,}", "/", " ".join(spelled.split()))
    return single.strip(" /")[:length].strip(" /")


def creditor_faults(creditor: Creditor) -> list[str]:
    """What is wrong with the settings' creditor; empty = nothing."""
    faults = []
    if not latin(creditor.name, NAME_MAX):
        faults.append("sepa.creditor_name is empty: the bank wants a name")
    if not iban.is_valid(creditor.iban):
        faults.append(f"sepa.iban {creditor.iban!r} is no IBAN")
    if creditor.bic and not BIC.fullmatch(creditor.bic):
        faults.append(f"sepa.bic {creditor.bic!r} is no BIC")
    if not at_02.is_valid(creditor.creditor_id):
        faults.append(f"sepa.creditor_id {creditor.creditor_id!r} is no creditor identifier")
    return faults


def collection_fault(one: Collection) -> str:
    """Why a debit must not be sent; empty = nothing."""
    if not iban.is_valid(one.iban):
        return f"IBAN {one.iban!r} is not valid"
    if one.bic and not BIC.fullmatch(one.bic):
        return f"BIC {one.bic!r} is not valid"
    if not IDENTIFIER.fullmatch(one.mandate_id):
        return f"mandate {one.mandate_id!r} has characters that banks do not take"
    if not 1 <= one.amount_minor <= AMOUNT_MINOR_MAX:
        return f"amount {euros(one.amount_minor)} is not between 0.01 and 999999999.99"
    if not latin(one.debtor, NAME_MAX):
        return f"name {one.debtor!r} cannot be written in characters that banks take"
    return ""


def euros(amount_minor: int) -> str:
    """Cents as decimal text."""
    return f"{amount_minor // 100}.{amount_minor % 100:02d}"


def pain008(run: Run, creditor: Creditor, collections: list[Collection]) -> Iterator[str]:
    """The file in pieces; all collections are sound and are taken on one day."""
    count, total = len(collections), euros(sum(one.amount_minor for one in collections))
    name = escape(latin(creditor.name, NAME_MAX))
    created = run.created.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    yield (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="{NAMESPACE}"><CstmrDrctDbtInitn>\n'
        f"<GrpHdr><MsgId>{run.message_id}</MsgId><CreDtTm>{created}</CreDtTm><NbOfTxs>{count}</NbOfTxs>"
        f"<CtrlSum>{total}</CtrlSum><InitgPty><Nm>{name}</Nm></InitgPty></GrpHdr>\n"
        f"<PmtInf><PmtInfId>{run.message_id}-1</PmtInfId><PmtMtd>DD</PmtMtd><BtchBookg>true</BtchBookg>"
        f"<NbOfTxs>{count}</NbOfTxs><CtrlSum>{total}</CtrlSum>"
        f"<PmtTpInf><SvcLvl><Cd>SEPA</Cd></SvcLvl><LclInstrm><Cd>CORE</Cd></LclInstrm>"
        f"<SeqTp>{SEQUENCE_TYPE}</SeqTp></PmtTpInf><ReqdColltnDt>{run.collection_date.isoformat()}</ReqdColltnDt>"
        f"<Cdtr><Nm>{name}</Nm></Cdtr><CdtrAcct><Id><IBAN>{iban.compact(creditor.iban)}</IBAN></Id></CdtrAcct>"
        f"<CdtrAgt>{_agent(creditor.bic)}</CdtrAgt><ChrgBr>SLEV</ChrgBr>"
        f"<CdtrSchmeId><Id><PrvtId><Othr><Id>{at_02.compact(creditor.creditor_id)}</Id>"
        "<SchmeNm><Prtry>SEPA</Prtry></SchmeNm></Othr></PrvtId></Id></CdtrSchmeId>\n"
    )
    for one in collections:
        yield (
            f"<DrctDbtTxInf><PmtId><EndToEndId>{one.end_to_end_id}</EndToEndId></PmtId>"
            f'<InstdAmt Ccy="EUR">{euros(one.amount_minor)}</InstdAmt>'
            f"<DrctDbtTx><MndtRltdInf><MndtId>{escape(one.mandate_id)}</MndtId>"
            f"<DtOfSgntr>{one.signed_on.isoformat()}</DtOfSgntr></MndtRltdInf></DrctDbtTx>"
            f"<DbtrAgt>{_agent(one.bic)}</DbtrAgt><Dbtr><Nm>{escape(latin(one.debtor, NAME_MAX))}</Nm></Dbtr>"
            f"<DbtrAcct><Id><IBAN>{iban.compact(one.iban)}</IBAN></Id></DbtrAcct>"
            f"<RmtInf><Ustrd>{one.remittance}</Ustrd></RmtInf></DrctDbtTxInf>\n"
        )
    yield "</PmtInf></CstmrDrctDbtInitn></Document>\n"


def _agent(bic: str) -> str:
    """A bank by its BIC, or the word that says IBAN only."""
    if bic:
        return f"<FinInstnId><BICFI>{bic}</BICFI></FinInstnId>"
    return "<FinInstnId><Othr><Id>NOTPROVIDED</Id></Othr></FinInstnId>"
