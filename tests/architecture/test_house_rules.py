"""The rules of the house hold, and each check fails on a planted violation."""

import ast
import subprocess
from pathlib import Path

from tests.architecture.sources import PACKAGES, ROOT, functions, python_files

_ALLOWED_AT_TOP = {
    "ARCHITECTURE.md",
    "README.md",
    "config",
    "connectors",
    "docs",
    "mappings",
    "pyproject.toml",
    "requirements.lock",
    "state",
    "sync",
    "tests",
}
# What this project must never say: paths of a machine it was written on, and hosts that packages come from.
_UNSAYABLE = ("/work/main", "/work/shared", "/tmp/bash", "pypi" + ".org", "files.python" + "hosted")


def _long_functions(root: Path, *folders: str, most_lines: int = 60) -> list[str]:
    return [
        f"{path.relative_to(root)}:{node.lineno} {node.name}"
        for path in python_files(*folders, root=root)
        for node in functions(path)
        if (node.end_lineno or node.lineno) - node.lineno + 1 > most_lines
    ]


def _long_modules(root: Path, *folders: str, most_lines: int = 400) -> list[str]:
    return [
        str(path.relative_to(root))
        for path in python_files(*folders, root=root)
        if len(path.read_text("utf-8").splitlines()) > most_lines
    ]


def _floats_in(path: Path) -> list[int]:
    """Lines where a module makes, names or writes a float."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if (isinstance(node, ast.Constant) and isinstance(node.value, float))
        or (isinstance(node, ast.Name) and node.id == "float")
    ]


def _clock_reads(path: Path) -> list[int]:
    """Lines that ask the machine for the time instead of the clock that was passed in."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"now", "utcnow", "today"}
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in {"datetime", "date"}
    ]


def test_functions_have_at_most_60_lines() -> None:
    assert _long_functions(ROOT, *PACKAGES, "tests") == []


def test_modules_have_at_most_400_lines() -> None:
    assert _long_modules(ROOT, *PACKAGES) == []


def test_a_long_function_and_a_long_module_would_be_seen(tmp_path: Path) -> None:
    (tmp_path / "sync").mkdir()
    (tmp_path / "sync" / "planted.py").write_text("def long() -> None:\n" + "    pass\n" * 401)

    assert _long_functions(tmp_path, "sync") == ["sync/planted.py:1 long"]
    assert _long_modules(tmp_path, "sync") == ["sync/planted.py"]


def test_money_never_touches_float() -> None:
    pure = [*python_files("mappings"), *python_files("sync/rules"), ROOT / "sync" / "tie_out.py"]

    assert {str(path.relative_to(ROOT)): _floats_in(path) for path in pure if _floats_in(path)} == {}


def test_a_float_would_be_seen(tmp_path: Path) -> None:
    planted = tmp_path / "planted.py"
    planted.write_text("rate = 0.5\ncents = float('1')\n")

    assert _floats_in(planted) == [1, 2]


def test_only_the_clock_asks_for_the_time() -> None:
    reads = {str(path.relative_to(ROOT)): _clock_reads(path) for path in python_files(*PACKAGES) if _clock_reads(path)}

    assert set(reads) <= {"sync/clocks.py"}


def test_a_read_of_the_machines_clock_would_be_seen(tmp_path: Path) -> None:
    planted = tmp_path / "planted.py"
    planted.write_text("from datetime import datetime\nx = datetime.now()\n")

    assert _clock_reads(planted) == [2]


def test_the_top_of_the_repository_holds_only_what_was_agreed() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    tops = {name.split("/")[0] for name in listed}

    assert {top for top in tops if not top.startswith(".")} <= _ALLOWED_AT_TOP


def test_nothing_names_the_machine_it_was_written_on() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    here = str(Path(__file__).resolve().relative_to(ROOT))
    found = [
        (name, word)
        for name in listed
        if name != here and (ROOT / name).is_file()
        for word in _UNSAYABLE
        if word in (ROOT / name).read_text("utf-8", errors="replace")
    ]

    assert found == []
