"""Shell. Reads settings and catalogues from files; what they mean is decided in the pure modules."""

import datetime
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from config.catalogue import Catalogue
from config.compile_catalogue import CompiledCatalogue, catalogue_faults, compile_catalogue
from config.faults import ConfigError, Fault
from config.read_catalogue import catalogue_from_tables
from config.read_settings import settings_from_table
from config.settings import Settings

SAMPLE_DIRECTORY = Path(__file__).parent / "samples" / "mobile_operator"


def load_settings(path: str | None, environ: Mapping[str, str]) -> Settings:
    """Defaults, then the file, then the environment; raises ConfigError with every fault."""
    faults: list[Fault] = []
    table = {} if path is None else _read_toml(Path(path), faults)
    settings, found = settings_from_table(table, path or "settings", environ)
    if faults or found:
        raise ConfigError(faults + found)
    return settings


def load_catalogue(directory: str | Path) -> Catalogue:
    """The catalogue of all *.toml files of a folder, by name; raises ConfigError with every fault."""
    faults: list[Fault] = []
    paths = sorted(Path(directory).glob("*.toml"))
    if not paths:
        raise ConfigError([Fault(str(directory), "", "holds no *.toml file", "check the path")])
    catalogue, found = catalogue_from_tables({path.name: _read_toml(path, faults) for path in paths})
    # With a file that cannot be read, every reference into it would be reported too.
    if not faults:
        found += catalogue_faults(catalogue)
    if faults or found:
        raise ConfigError(faults + found)
    return catalogue


def load_compiled_catalogue(directory: str | Path) -> CompiledCatalogue:
    """The catalogue of a folder, ready for use; "" stands for the sample that comes with us."""
    return compile_catalogue(load_catalogue(directory or SAMPLE_DIRECTORY))


def _read_toml(path: Path, faults: list[Fault]) -> dict[str, Any]:
    """A file's tables, dates as ISO text; an empty one and a fault if it cannot be read."""
    try:
        with path.open("rb") as file:
            table = tomllib.load(file)
    except OSError as error:
        faults.append(Fault(str(path), "", f"cannot be read: {error.strerror}", "check the path"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        faults.append(Fault(str(path), "", f"is not TOML: {error}", "correct it there"))
    else:
        return {name: _with_texts(value) for name, value in table.items()}
    return {}


def _with_texts(value: Any) -> Any:
    """TOML's dates and times as the text they were written as, so that one reader takes both forms."""
    if isinstance(value, dict):
        return {name: _with_texts(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_with_texts(inner) for inner in value]
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return value
