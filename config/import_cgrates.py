"""Shell. Reads a tariff plan of CGRateS from a folder and writes the catalogue of it into another."""

from pathlib import Path
from typing import NamedTuple

from config.cgrates_catalogue import import_tariff
from config.cgrates_files import DESTINATIONS, LAYOUTS, OLD_RATING_PLANS, RATING_PLANS, TIMINGS
from config.cgrates_tables import ImportOptions
from config.faults import ConfigError, Fault
from config.load import load_compiled_catalogue


class ImportReport(NamedTuple):
    """What is in the catalogue, and a line for each thing that is not."""

    rate_plans: tuple[str, ...]
    left_out: list[str]


def import_tariff_plan(directory: str, out: str, options: ImportOptions) -> ImportReport:
    """Carry a tariff plan over; raises ConfigError with every fault, and writes nothing then."""
    source, target = Path(directory), Path(out)
    if not source.is_dir():
        raise ConfigError([Fault("import-cgrates", directory, "is not a folder", "check the path")])
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        cure = "name a folder that is new or empty"
        raise ConfigError([Fault("import-cgrates", out, "is there, and not an empty folder", cure)])
    texts, others = _read(source)
    imported = import_tariff(texts, options)
    left_out = [f"{name}: is not read: prices are in {', '.join(LAYOUTS)}" for name in others]
    left_out += [str(item) for item in imported.left_out]
    if imported.rate_plans:
        target.mkdir(parents=True, exist_ok=True)
        for name, text in imported.files.items():
            (target / name).write_text(text, encoding="utf-8")
        load_compiled_catalogue(target)
    return ImportReport(imported.rate_plans, left_out)


def _read(source: Path) -> tuple[dict[str, str], list[str]]:
    """The texts of the files, and what else is in the folder."""
    present = {path.name: path for path in sorted(source.iterdir())}
    files = {name: present.pop(name) for name in LAYOUTS if name in present}
    needed = set(LAYOUTS) - {DESTINATIONS, TIMINGS, OLD_RATING_PLANS}
    if OLD_RATING_PLANS in files:
        needed.remove(RATING_PLANS)
    faults = [Fault(name, str(source), "is missing", "add it") for name in sorted(needed - set(files))]
    texts: dict[str, str] = {}
    for name, path in files.items():
        try:
            texts[name] = path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            faults.append(Fault(name, f"byte {error.start}", "is not UTF-8", "convert the file"))
        except OSError as error:
            faults.append(Fault(name, str(source), f"cannot be read: {error.strerror}", "check the path"))
    if faults:
        raise ConfigError(faults)
    return texts, list(present)
