"""Run mutants against the tests that reach their lines, each in a forked process that has imported everything.

The tests are collected once. A first process runs them all and notes which lines of the chosen modules each of them
reaches; then every mutant gets a process of its own, in which the changed function's code is put in the place of the
right one and the tests that reach the changed line run, the quickest first, until one fails.
"""

import ast
import functools
import hashlib
import json
import os
import random
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from tests.mutation.mutants import Mutant, mutants_of, mutated_tree

_LONGEST_SECONDS = 60  # a loop that no longer ends
# As long as the tests keep the processor while their lines are noted; without that they take about half of it. Not by
# the clock: on a busy machine fewer tests would be asked, and the score would be another.
_SLOW_TEST_SECONDS = 2.0  # a slower test is not asked
_BUDGET_SECONDS = 8.0  # all the tests that one mutant is held against, of every test module in turn
KILLED, SURVIVED, UNREACHED = "killed", "survived", "unreached"

Reached = dict[str, set[int]]  # by module path


@dataclass(kw_only=True)
class Plan:
    """What to mutate, and what is known already: `verdicts` by the key of a mutant, kept in `kept_in`."""

    root: Path
    paths: tuple[str, ...]
    reachable: tuple[str, ...]
    sample: int
    seed: int
    jobs: int
    until: float
    kept_in: Path
    verdicts: dict[str, str] = field(default_factory=dict)

    def mutants(self) -> list[Mutant]:
        """The mutants of this run: all of a module, or as many as the sample asks for, drawn by the seed.

        A smaller sample of the same seed is part of a larger one, and the first of every module come first.
        """
        ranked: list[tuple[int, str, Mutant]] = []
        for path in self.paths:
            every = mutants_of(self.root / path, self.root)
            random.Random(f"{self.seed}:{path}").shuffle(every)
            chosen = every[: self.sample] if self.sample else every
            ranked += [(rank, path, mutant) for rank, mutant in enumerate(chosen)]
        return [mutant for _, _, mutant in sorted(ranked, key=lambda each: each[:2])]

    def keep(self) -> None:
        """Write down the verdicts, so that the next slice goes on from here."""
        self.kept_in.write_text(json.dumps(self.verdicts))


class MutationSession:
    """The pytest plugin that replaces its loop."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Learn which test reaches what, then run the mutants until the time is over."""
        from hypothesis import settings  # pytest wants to see it first

        from tests.unit.test_rules_on_histories import SEEDS, lived

        settings.register_profile("mutation", deadline=None, max_examples=25, derandomize=True, database=None)
        settings.load_profile("mutation")
        items = {item.nodeid: item for item in session.items}
        plan = self.plan
        for seed in SEEDS if any("rules" in path for path in plan.paths) else ():
            lived(seed)  # what happened is the same for every mutant of the rules, and is told once
        reached = self._reached(items)
        todo = [mutant for mutant in plan.mutants() if mutant.key not in plan.verdicts]

        def judge(part: list[Mutant]) -> dict[str, str]:
            verdicts = {}
            for mutant in part:
                if time.monotonic() > plan.until:
                    break
                verdicts[mutant.key] = _verdict(mutant, reached, items, plan.root)
            return verdicts

        for verdicts in _in_children([functools.partial(judge, todo[one :: plan.jobs]) for one in range(plan.jobs)]):
            plan.verdicts |= verdicts
        plan.keep()
        return True

    def _reached(self, items: dict[str, pytest.Item]) -> dict[str, Any]:
        """What each test reaches; remembered by test module, until the module or any source changes."""
        plan = self.plan
        place, state = plan.kept_in.with_suffix(".reached"), _state_of_sources(plan.root)
        known = json.loads(place.read_text()) if place.exists() else {}
        if known.get("state") != state:
            known = {"state": state, "modules": {}}
        by_module: dict[str, list[pytest.Item]] = defaultdict(list)
        for item in items.values():
            by_module[str(item.path)].append(item)
        new = {}
        for path, members in by_module.items():
            digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
            if known["modules"].get(path, {}).get("digest") != digest:
                new[path] = (digest, members)
        parts = [list(new.values())[one :: plan.jobs] for one in range(plan.jobs)]
        works = [functools.partial(_reach, [item for _, members in part for item in members], plan) for part in parts]
        found = {name: each for reached in _in_children(works) for name, each in reached.items()}
        for path, (digest, members) in new.items():
            reached = {item.nodeid: found[item.nodeid] for item in members if item.nodeid in found}
            known["modules"][path] = {"digest": digest, "reached": reached}
        place.write_text(json.dumps(known))
        return {name: each for path in by_module for name, each in known["modules"][path]["reached"].items()}


def _state_of_sources(root: Path) -> str:
    """Changes with every source file and every file that tests share."""
    digest = hashlib.sha256()
    for folder in ("config", "connectors", "mappings", "state", "sync", "tests"):
        for path in sorted((root / folder).rglob("*.py")):
            if not path.name.startswith("test_") and "mutation" not in path.parts:
                digest.update(path.read_bytes())
    return digest.hexdigest()


def _verdict(mutant: Mutant, reached: dict[str, Any], items: dict[str, pytest.Item], root: Path) -> str:
    """Whether any test notices."""
    tests = [
        (seconds, name)
        for name, (seconds, lines) in reached.items()
        if not mutant.lines.isdisjoint(lines.get(mutant.path, ())) or (not mutant.owner and mutant.path in lines)
    ]
    if not tests:
        return UNREACHED
    chosen, spent = [], 0.0
    for seconds, name in _in_turn(tests):
        spent += seconds
        if spent <= _BUDGET_SECONDS:
            chosen.append(items[name])
    answer = _in_child(lambda: _survives(mutant, chosen, root), wait_seconds=_LONGEST_SECONDS)
    return SURVIVED if answer is True else KILLED


def _in_turn(tests: list[tuple[float, str]]) -> list[tuple[float, str]]:
    """The quickest test of each test module, then the second of each, and so on: every module has its say."""
    rank: dict[str, int] = defaultdict(int)
    ranked = []
    for seconds, name in sorted(tests):
        module = name.partition("::")[0]
        ranked.append((rank[module], seconds, name))
        rank[module] += 1
    return [(seconds, name) for _, seconds, name in sorted(ranked)]


def _survives(mutant: Mutant, tests: Sequence[pytest.Item], root: Path) -> bool:
    put_in_place(mutant, root)
    return all(_passes(test) for test in tests)


def _passes(item: pytest.Item) -> bool:
    reports = runtestprotocol(item, log=False, nextitem=None)
    return not any(report.failed for report in reports)


def _reach(items: Iterable[pytest.Item], plan: Plan) -> dict[str, Any]:
    """By test: how long it takes, and which lines of the chosen modules it reaches."""
    files = {str(plan.root / path): path for path in plan.reachable}
    found = {}
    for item in items:
        lines: Reached = defaultdict(set)
        sys.settrace(_tracer(files, lines))
        started = time.process_time()
        passed = _passes(item)
        sys.settrace(None)
        assert passed, f"{item.nodeid} does not pass by itself"
        seconds = time.process_time() - started
        if seconds <= _SLOW_TEST_SECONDS:
            found[item.nodeid] = (seconds, {path: sorted(each) for path, each in lines.items()})
    return found


def _tracer(files: dict[str, str], lines: Reached) -> Callable[[FrameType, str, object], Any]:
    def enter(frame: FrameType, event: str, _: object) -> Any:
        path = files.get(frame.f_code.co_filename)
        if path is None:
            return None
        seen = lines[path]
        seen.add(frame.f_lineno)

        def step(frame: FrameType, event: str, _: object) -> Any:
            seen.add(frame.f_lineno)
            return step

        return step

    return enter


def _start(work: Callable[[], object], *, wait_seconds: int) -> tuple[int, int]:
    """A forked process that does the work, and the pipe on which it answers."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        signal.alarm(wait_seconds)
        code = 1
        try:
            with os.fdopen(writer, "w") as out:
                json.dump(work(), out)
            code = 0
        except AssertionError as wrong:
            os.write(2, f"{wrong}\n".encode())
        finally:
            os._exit(code)
    os.close(writer)
    return child, reader


def _answer(child: int, reader: int) -> object:
    """What a process said; None when it died or did not answer in time."""
    with os.fdopen(reader) as answer:
        text = answer.read()
    os.waitpid(child, 0)
    try:
        return json.loads(text)
    except ValueError:
        return None


def _in_child(work: Callable[[], object], *, wait_seconds: int) -> object:
    return _answer(*_start(work, wait_seconds=wait_seconds))


def _in_children(works: Sequence[Callable[[], dict[str, Any]]]) -> list[dict[str, Any]]:
    """The answers of several processes that work side by side. Raises: `RuntimeError` when one of them died."""
    started = [_start(work, wait_seconds=3600) for work in works]
    answers = [_answer(*each) for each in started]
    if any(not isinstance(answer, dict) for answer in answers):
        raise RuntimeError("a part of the run died: see what it said above")
    return [answer for answer in answers if isinstance(answer, dict)]


def put_in_place(mutant: Mutant, root: Path) -> None:
    """Make this process run the mutant: the function's code is replaced, a constant is set wherever it was imported."""
    module = sys.modules[mutant.module]
    tree = mutated_tree((root / mutant.path).read_text(), mutant)
    filename = str(root / mutant.path)
    if mutant.owner:
        function = _function(module, mutant.owner)
        function.__code__ = _code(compile(tree, filename, "exec"), mutant.owner, function.__code__)
    else:
        _set_constant(module, tree, mutant, filename)


def _function(module: ModuleType, owner: str) -> FunctionType:
    found: Any = module
    for name in owner.split("."):
        found = vars(found)[name]
    if isinstance(found, property):
        found = found.fget
    elif isinstance(found, (staticmethod, classmethod)):
        found = found.__func__
    elif isinstance(found, functools.cached_property):
        found = found.func
    while hasattr(found, "__wrapped__"):
        found = found.__wrapped__
    assert isinstance(found, FunctionType), f"{owner} is not a function"
    return found


def _code(code: CodeType, owner: str, old: CodeType) -> CodeType:
    for name in owner.split("."):
        code = next(
            each
            for each in code.co_consts
            if isinstance(each, CodeType)
            and each.co_name == name
            and (name != old.co_name or each.co_firstlineno == old.co_firstlineno)
        )
    return code


def _set_constant(module: ModuleType, tree: ast.Module, mutant: Mutant, filename: str) -> None:
    statement = next(
        each for each in tree.body if isinstance(each, (ast.Assign, ast.AnnAssign)) and each.lineno in mutant.lines
    )
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    names = [target.id for target in targets if isinstance(target, ast.Name)]
    old = {name: vars(module)[name] for name in names}
    exec(compile(ast.Module([statement], []), filename, "exec"), vars(module))
    for other in list(sys.modules.values()):
        for name in names:
            if vars(other).get(name) is old[name]:
                setattr(other, name, vars(module)[name])
