"""Pure. A whole tariff plan of CGRateS as the files of a catalogue that compiles.

A category becomes a service type with one event type; a subject of it a rate plan and a product; a subject a
bundle and a plan. What the compiler still finds wrong with a rate plan takes that rate plan out.
"""

import datetime
import re
import tomllib
from typing import NamedTuple

from config.cgrates_files import Findings, LeftOut, Row, read_rows
from config.cgrates_prices import SECONDS, PriceBook
from config.cgrates_rate_plans import rate_plan_version
from config.cgrates_tables import ImportOptions, Version, catalogue_files, code_of, rate_plan_codes
from config.cgrates_tariff import ANY, Tariff, read_tariff
from config.compile_catalogue import catalogue_faults
from config.faults import ConfigError, Fault
from config.read_catalogue import catalogue_from_tables

_RATE_PLAN = re.compile(r'rate_plan\["([^"]+)"\]')


class Imported(NamedTuple):
    """The catalogue's files by name, its rate plans, and what is not in it."""

    files: dict[str, str]
    rate_plans: tuple[str, ...]
    left_out: list[LeftOut]


def import_tariff(texts: dict[str, str], options: ImportOptions) -> Imported:
    """The catalogue of the CSV files' texts; raises ConfigError with every fault of files and options."""
    findings = Findings()
    tariff = read_tariff({name: read_rows(name, text, findings) for name, text in texts.items()}, findings)
    if findings.faults:
        raise ConfigError(findings.faults)
    units = _units(options, tariff)
    profiles = _chosen(tariff, options, findings)
    versions = _versions(tariff, profiles, units, options, findings)
    own = {
        (code_of(row.cell("Category")), code_of(row.cell("Subject")))
        for row, _ in tariff.profiles
        if row.cell("Tenant") == (options.tenant or row.cell("Tenant"))
    }
    versions, files = _compiling(versions, own, units, options, findings)
    for row in tariff.rows:
        if not findings.is_dealt_with(row):
            findings.note(row, "the line", "nothing that could be carried over names it")
    plans = tuple(dict.fromkeys(rate_plan_codes(versions).values()))
    return Imported(files, plans, findings.left_out())


def _compiling(
    versions: list[Version],
    own: set[tuple[str, str]],
    units: dict[str, str],
    options: ImportOptions,
    findings: Findings,
) -> tuple[list[Version], dict[str, str]]:
    """What is left when the rate plans that the compiler refuses are on the list, and the files of it."""
    # Each round takes a rate plan out, so there is an end to it.
    while versions:
        files = catalogue_files(versions, own, units, options)
        faults = _compile(files)
        if not faults:
            return versions, files
        codes = rate_plan_codes(versions)
        refused = {code for fault in faults for code in _RATE_PLAN.findall(fault.path)}
        if not refused & set(codes.values()):
            raise ConfigError(faults)
        left: list[Version] = []
        for version in versions:
            code = codes[version.category, version.subject]
            if code not in refused:
                left.append(version)
                continue
            for fault in faults:
                if code in _RATE_PLAN.findall(fault.path):
                    findings.note(version.row, f"subject {version.subject!r}", str(fault))
        versions = left
    return [], {}


def _units(options: ImportOptions, tariff: Tariff) -> dict[str, str]:
    """The unit of each category; faults of options are faults."""
    known = dict.fromkeys(profile.row.cell("Category") for profile in tariff.profiles)
    units = dict.fromkeys(known, SECONDS)
    faults: list[Fault] = []
    for text in options.units:
        category, _, unit = text.partition("=")
        if not unit:
            faults.append(Fault("--unit", text, "is no unit of a category", "write CATEGORY=UNIT"))
        elif category not in known:
            faults.append(_unknown("--unit", category, known))
        else:
            units[category] = unit
    faults += [_unknown("--category", name, known) for name in options.categories if name not in known]
    tenants = dict.fromkeys(profile.row.cell("Tenant") for profile in tariff.profiles)
    if options.tenant and options.tenant not in tenants:
        faults.append(_unknown("--tenant", options.tenant, tenants))
    if not options.tenant and len(tenants) > 1:
        message = f"there are {len(tenants)}: {', '.join(tenants)}"
        faults.append(
            Fault("--tenant", "RatingProfiles.csv", message, "name one; a catalogue is of one operator")
        )
    if faults:
        raise ConfigError(faults)
    return units


def _unknown(option: str, name: str, known: dict[str, None]) -> Fault:
    return Fault(option, name, "no rating profile has it", f"known are {', '.join(known) or 'none'}")


def _chosen(
    tariff: Tariff, options: ImportOptions, findings: Findings
) -> list[tuple[Row, datetime.datetime]]:
    """The rating profiles to carry over, and from when they hold."""
    chosen: list[tuple[Row, datetime.datetime]] = []
    for profile in tariff.profiles:
        row = profile.row
        if options.tenant and row.cell("Tenant") != options.tenant:
            findings.leave(row, f"tenant {row.cell('Tenant')!r}", f"--tenant is {options.tenant!r}")
        elif options.categories and row.cell("Category") not in options.categories:
            what = f"category {row.cell('Category')!r}"
            findings.leave(row, what, f"--category is {', '.join(options.categories)}")
        elif row.cell("Direction") not in ("", "*out"):
            findings.leave(row, f"Direction {row.cell('Direction')!r}", "only what goes out is rated")
        elif profile.active_from is None:
            reason = "it is counted from the moment of loading; write the time itself"
            findings.leave(row, f"ActivationTime {row.cell('ActivationTime')!r}", reason)
        elif row.cell("RatingPlanTag") not in tariff.rating_plans:
            what = f"RatingPlanTag {row.cell('RatingPlanTag')!r}"
            findings.leave(row, what, "rating plans are named by their tags only")
        else:
            chosen.append((row, profile.active_from))
    return chosen


def _versions(
    tariff: Tariff,
    profiles: list[tuple[Row, datetime.datetime]],
    units: dict[str, str],
    options: ImportOptions,
    findings: Findings,
) -> list[Version]:
    """The rating profiles that could be carried over, in the order of their lines."""
    books = {name: PriceBook(tariff, name, unit, findings) for name, unit in units.items()}
    codes = _Codes(findings)
    starts: dict[tuple[str, str, datetime.datetime], Row] = {}
    versions: list[Version] = []
    for row, start in profiles:
        category, subject = codes.take("category", row), codes.take("subject", row)
        if category is None or subject is None:
            continue
        holder = starts.setdefault((category, subject, start), row)
        if holder is not row:
            what = f"ActivationTime {row.cell('ActivationTime')!r}"
            findings.leave(row, what, f"line {holder.line} has the same subject from then on")
            continue
        tag = row.cell("RatingPlanTag")
        book, text = books[row.cell("Category")], start.isoformat().replace("+00:00", "Z")
        table = rate_plan_version(tariff, tag, text, options.currency, book, category, findings)
        if table is None:
            findings.leave(row, "the line", f"nothing of rating plan {tag!r} could be carried over")
            continue
        findings.deal_with(row)
        if fallback := row.cell("RatesFallbackSubject"):
            reason = "a subject that has no rate for a destination has none"
            findings.note(row, f"RatesFallbackSubject {fallback!r}", reason)
        versions.append(Version(category, subject, tag, row, table))
    return versions


class _Codes:
    """Codes for categories and subjects: letters that a code may not have become underscores."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._holders: dict[tuple[str, str], str] = {}

    def take(self, kind: str, row: Row) -> str | None:
        """The code of the row's category or subject; None if it is another's already."""
        text = row.cell(kind.capitalize())
        code = code_of(text)
        holder = self._holders.setdefault((kind, code), text)
        if not code or holder != text:
            reason = f"its code {code!r} is that of {kind} {holder!r}" if code else "a code is not empty"
            self._findings.leave(row, f"{kind} {text!r}", reason)
            return None
        if code != text and text != ANY:
            reason = "a code has letters, digits and . _ - +, at most 64"
            self._findings.note(row, f"{kind} {text!r} is now {code!r}", reason)
        return code


def _compile(files: dict[str, str]) -> list[Fault]:
    """What the compiler says of the texts, as they will be written."""
    tables = {name: tomllib.loads(text) for name, text in files.items()}
    catalogue, faults = catalogue_from_tables(tables)
    return faults + catalogue_faults(catalogue)
