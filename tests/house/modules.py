"""Shell. The modules of the project as the house tests see them."""

import ast
import functools
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Imports point down this list and never up.
LAYERS = ("rating_kernels", "config", "balance_store", "customer_care", "charging", "billing_batch", "bench")


@functools.cache
def modules() -> dict[str, Path]:
    """Every module of the packages, by its dotted name."""
    found = {}
    for layer in LAYERS:
        for path in sorted((ROOT / layer).rglob("*.py")):
            found[".".join(path.relative_to(ROOT).with_suffix("").parts)] = path
    return found


@functools.cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


@functools.cache
def kind(path: Path) -> str:
    """The first word of the module's docstring."""
    return (ast.get_docstring(tree(path)) or "").split(" ")[0]


def imports(path: Path) -> set[str]:
    """Everything a module imports, inside functions too; `from a import b` counts as a.b where that is a module."""
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import; write the whole name"
            base = node.module or ""
            for alias in node.names:
                whole = f"{base}.{alias.name}"
                found.add(whole if whole in modules() else base)
    return found
