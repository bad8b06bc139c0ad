"""The house rules that no linter knows: what would be argued about in a review stands here."""

import ast
import functools
import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src" / "sendrail"
MODULES = sorted(SRC.rglob("*.py"))
PYTHON = [
    path
    for folder in ("src", "tests", "bench", "docs")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if not {".venv", "node_modules", "build"} & set(path.parts)
]
TEXTS = [
    path
    for path in sorted(ROOT.rglob("*"))
    if path.suffix in {".py", ".md", ".toml", ".txt", ".c", ".h", ".cjs", ".json", ".yml", ""}
    and path.is_file()
    and not {".git", ".venv", "node_modules", "build", "vendor"} & set(path.parts)
    and not any(part.endswith("_cache") for part in path.parts)
    and not {".hypothesis", "sendrail-data"} & set(path.parts)
]

LINES_MAX = 800
LINES_GOOD = 500
FUNCTION_LINES_MAX = 60
# Such a name says nothing, so that everything ends up in it.
EMPTY_NAMES = {
    "utils",
    "util",
    "helpers",
    "helper",
    "manager",
    "managers",
    "common",
    "base",
    "misc",
}
CLOCKS = {
    ("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today"),
    ("time", "time"), ("time", "time_ns"), ("time", "monotonic"), ("time", "monotonic_ns"),
}  # fmt: skip
# Where the time is read: the clock itself, a part of a random-looking name, and a deadline on a
# thread that no simulation owns.
MAY_READ_CLOCKS = {
    "clock.py": {"time_ns", "monotonic"},
    "api/request_ids.py": {"time_ns"},
    "drain.py": {"monotonic"},
    "storage/sqlite/store.py": {"monotonic"},
    "storage/postgres/store.py": {"monotonic"},
    "storage/postgres/checkup.py": {"time"},
    "storage/sqlite/checkup.py": {"time"},
}
STATEMENT = re.compile(
    r"\s*(SELECT\s.+\sFROM\s|SELECT\s+(count|max|min|1)\b|INSERT\s+(OR\s+\w+\s+)?INTO\s|"
    r"UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s|PRAGMA\s)",
    re.DOTALL,
)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def room_of(path: Path) -> str:
    return path.relative_to(SRC).as_posix()


@functools.cache
def tree_of(path: Path) -> ast.Module:
    """Return a file of the package as a tree; half of these tests look at all of them."""
    return ast.parse(path.read_text("utf-8"), str(path))


@pytest.fixture(scope="module", autouse=True)
def _trees() -> Iterator[None]:
    yield
    tree_of.cache_clear()  # some 150 MB


def calls_in(tree: ast.AST) -> Iterator[tuple[int, str, str]]:
    """Yield line, owner and name of every call such as `owner.name()`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            last = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
            yield node.lineno, last, node.func.attr


def texts_in(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and text of every literal that is no docstring, with `?` for holes."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if id(node) not in docstrings:
                yield node.lineno, node.value
        elif isinstance(node, ast.JoinedStr):
            parts = (part.value if isinstance(part, ast.Constant) else "?" for part in node.values)
            yield node.lineno, "".join(map(str, parts))


def test_a_file_is_read_in_one_sitting():
    lines = {name_of(path): len(path.read_text("utf-8").splitlines()) for path in PYTHON}
    too_long = {name: count for name, count in lines.items() if count > LINES_MAX}
    assert not too_long, f"over {LINES_MAX} lines: {too_long}"
    longish = {name: count for name, count in lines.items() if count > LINES_GOOD}
    if longish:
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn(f"over {LINES_GOOD} lines, better split soon: {longish}", stacklevel=1)


def test_a_function_fits_on_a_screen():
    too_long = [
        f"{name_of(path)}:{node.lineno} {node.name} has {lines} lines"
        for path in PYTHON
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or 0) - node.lineno + 1) > FUNCTION_LINES_MAX
    ]
    assert not too_long


def test_a_module_is_named_for_what_it_does():
    assert not [name_of(path) for path in PYTHON if path.stem.lower() in EMPTY_NAMES]
    assert not [name_of(path) for path in PYTHON if path.parent.name.lower() in EMPTY_NAMES]


def test_time_is_asked_for_in_one_place():
    naked = [
        f"{name_of(path)}:{line} {owner}.{name}()"
        for path in MODULES
        for line, owner, name in calls_in(tree_of(path))
        if (owner, name) in CLOCKS and name not in MAY_READ_CLOCKS.get(room_of(path), set())
    ]
    assert not naked, "take the time as an argument, or from a `Clock`"


def test_only_the_settings_read_the_environment():
    readers = [
        f"{name_of(path)}:{node.lineno}"
        for path in MODULES
        if room_of(path) != "settings.py"
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute)
        and node.attr in {"environ", "environb", "getenv"}
        and getattr(node.value, "id", "") == "os"
        # Whether colours are wanted is a custom of terminals, not a setting of ours.
        and room_of(path) != "cli/output.py"
    ]
    assert not readers


def test_sql_is_written_in_storage_only():
    elsewhere = [
        f"{name_of(path)}:{line} {text.strip()[:40]}"
        for path in MODULES
        if not room_of(path).startswith("storage/")
        for line, text in texts_in(tree_of(path))
        if STATEMENT.match(text)
    ]
    assert not elsewhere


def test_only_the_command_line_prints():
    printing = [
        f"{name_of(path)}:{node.lineno}"
        for path in MODULES
        if not room_of(path).startswith("cli/")
        for statement in tree_of(path).body
        # What stands here runs as `python -m`, and is a command, too.
        if not (isinstance(statement, ast.If) and "__name__" in ast.dump(statement.test))
        for node in ast.walk(statement)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print"
    ]
    assert not printing


def test_every_module_says_what_it_is():
    silent = [name_of(path) for path in MODULES if not ast.get_docstring(tree_of(path))]
    assert not silent


@pytest.mark.parametrize("room", sorted(path.parent for path in SRC.glob("*/__init__.py")))
def test_every_room_is_explained(room):
    assert ast.get_docstring(tree_of(room / "__init__.py"))
    architecture = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    assert f"`{room.name}/`" in architecture, "name the room in docs/architecture.md"


@pytest.mark.parametrize("module", sorted(path.name for path in SRC.glob("[a-z]*.py")))
def test_every_module_beside_the_rooms_is_explained(module):
    assert f"`{module}`" in (ROOT / "docs" / "architecture.md").read_text("utf-8")


def lines_matching(pattern: str) -> list[str]:
    # This file names what it looks for.
    matches = re.compile(pattern).search
    return [
        f"{name_of(path)}:{at} {line.strip()[:60]}"
        for path in TEXTS
        if path != Path(__file__)
        for at, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if matches(line)
    ]


def test_nothing_is_left_for_later():
    assert not lines_matching(r"TODO|FIXME|\bXXX\b"), "do it, or open an issue"


def test_nothing_names_the_machine_it_was_written_on():
    homes = {str(Path.home()), "/home", "/Users"} - {"/"}
    places = [re.escape(str(ROOT)), *(rf"{re.escape(home)}/\w" for home in sorted(homes))]
    assert not lines_matching("|".join(places))


def test_the_locks_name_no_registry():
    for lock in sorted((ROOT / "requirements").glob("*.txt")):
        text = lock.read_text("utf-8")
        assert "://" not in text
        assert "--hash=sha256:" in text
