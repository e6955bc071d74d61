"""The small wrongs that a test must notice: one change of one operator, constant, return, statement or branch.

A mutant is named by its place and by what it changes, so that a survivor can be read. Text is left alone: strings,
docstrings and what is written into messages (f-strings) decide nothing. Assertions are left alone, too: they state what
cannot happen, and the types rest on them. Class bodies and default arguments are not changed, methods are.
"""

import ast
import copy
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_SWAPPED: dict[type[ast.AST], tuple[type[ast.AST], ...]] = {
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.FloorDiv,),
    ast.FloorDiv: (ast.Mult,),
    ast.Div: (ast.Mult,),
    ast.Mod: (ast.Mult,),
    ast.Pow: (ast.Mult,),
    ast.BitOr: (ast.BitAnd,),
    ast.BitAnd: (ast.BitOr,),
    ast.And: (ast.Or,),
    ast.Or: (ast.And,),
}
_OTHER_NAMES = {"any": "all", "all": "any", "min": "max", "max": "min"}
_NEVER = (ast.JoinedStr, ast.Assert, ast.arguments)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One change. `site` and `choice` find it again in a fresh tree; `lines` are those of its statement's head.

    `owner` is the qualified name of the function that must be replaced; empty for a constant of the module.
    """

    module: str
    path: str
    digest: str
    line: int
    lines: frozenset[int]
    owner: str
    site: int
    choice: int
    before: str
    after: str

    @property
    def key(self) -> str:
        """Names the mutant as long as the file does not change."""
        return f"{self.path}:{self.digest}:{self.site}:{self.choice}"

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.before} → {self.after}"


def mutants_of(path: Path, root: Path) -> list[Mutant]:
    """Every mutant of a module, in the order of its text."""
    name = path.relative_to(root).as_posix()
    module = name.removesuffix(".py").replace("/", ".")
    source = path.read_bytes()
    digest = hashlib.sha256(source).hexdigest()[:12]
    tree = ast.parse(source)
    nodes = list(ast.walk(tree))
    places = dict(_places(tree, "", frozenset(), changeable=False))
    found = []
    for site, node in enumerate(nodes):
        if node not in places:
            continue
        owner, lines = places[node]
        for choice, changed in enumerate(_changes(node)):
            found.append(
                Mutant(
                    module=module,
                    path=name,
                    digest=digest,
                    line=getattr(node, "lineno", min(lines)),
                    lines=lines,
                    owner=owner,
                    site=site,
                    choice=choice,
                    before=_shown(node),
                    after=_shown(changed),
                )
            )
    return sorted(found, key=lambda each: (each.line, each.site, each.choice))


def mutated_tree(source: str, mutant: Mutant) -> ast.Module:
    """The module with the change in it."""
    tree = ast.parse(source)
    target = list(ast.walk(tree))[mutant.site]
    changed = list(_changes(target))[mutant.choice]

    class Put(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> ast.AST:
            return ast.copy_location(changed, node) if node is target else self.generic_visit(node)

    whole = Put().visit(tree)
    assert isinstance(whole, ast.Module)
    return ast.fix_missing_locations(whole)


_Place = tuple[str, frozenset[int]]


def _places(node: ast.AST, owner: str, lines: frozenset[int], *, changeable: bool) -> Iterator[tuple[ast.AST, _Place]]:
    """Each node that may be changed, with the function it belongs to and the lines whose tests can notice it."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, _NEVER) or _is_annotation(node, child) or _is_text(child):
            continue
        if isinstance(child, ast.stmt):
            yield from _within(child, owner) if changeable else _at_the_top(child)
        else:
            if changeable:
                yield child, (owner, lines)
            yield from _places(child, owner, lines, changeable=changeable)


def _at_the_top(statement: ast.stmt) -> Iterator[tuple[ast.AST, _Place]]:
    """What may be changed in a statement of the module: functions, methods, and the values of constants."""
    if isinstance(statement, ast.FunctionDef):
        for inner in statement.body:
            yield from _within(inner, statement.name)
    elif isinstance(statement, ast.ClassDef):
        for method in (each for each in statement.body if isinstance(each, ast.FunctionDef)):
            for inner in method.body:
                yield from _within(inner, f"{statement.name}.{method.name}")
    elif isinstance(statement, (ast.Assign, ast.AnnAssign)):
        yield from _places(statement, "", frozenset({statement.lineno}), changeable=True)


def _within(statement: ast.stmt, owner: str) -> Iterator[tuple[ast.AST, _Place]]:
    if isinstance(statement, _NEVER) or _is_text(statement):
        return
    lines = _head(statement)
    yield statement, (owner, lines)
    yield from _places(statement, owner, lines, changeable=True)


def _head(statement: ast.stmt) -> frozenset[int]:
    """The lines of a statement without the statements inside it."""
    inside = [child.lineno for child in ast.iter_child_nodes(statement) if isinstance(child, ast.stmt)]
    end = min(inside) - 1 if inside else (statement.end_lineno or statement.lineno)
    return frozenset(range(statement.lineno, max(statement.lineno, end) + 1))


def _is_annotation(parent: ast.AST, child: ast.AST) -> bool:
    if isinstance(parent, ast.AnnAssign):
        return child is parent.annotation
    return isinstance(parent, ast.FunctionDef) and (child is parent.returns or child in parent.decorator_list)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _changes(node: ast.AST) -> Iterator[ast.AST]:
    yield from _changed_expression(node)
    yield from _changed_choice(node)
    yield from _changed_statement(node)


def _changed_expression(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Compare(ops=ops):
            for place, operator in enumerate(ops):
                for other in _SWAPPED.get(type(operator), ()):
                    yield _with(node, ops=[*ops[:place], other(), *ops[place + 1 :]])
        case ast.BinOp(op=operator) | ast.BoolOp(op=operator):
            if not _joins_text(node):
                for other in _SWAPPED.get(type(operator), ()):
                    yield _with(node, op=other())
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            yield operand
        case ast.Constant(value=bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(value=int() as value):
            yield ast.Constant(value + 1)
        case ast.Name(id=name, ctx=ast.Load()) if name in _OTHER_NAMES:
            yield ast.Name(_OTHER_NAMES[name], ast.Load())


def _changed_choice(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.IfExp(test=test, body=body, orelse=orelse) if not isinstance(test, ast.Compare):
            yield _with(node, test=test, body=orelse, orelse=body)
        case ast.comprehension(ifs=[_, *_] as conditions):
            for place in range(len(conditions)):
                yield _with(node, ifs=[*conditions[:place], *conditions[place + 1 :]])


def _changed_statement(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Return(value=value) if value is not None and not _is_none(value):
            yield _with(node, value=ast.Constant(None))
        case ast.If(test=test) | ast.While(test=test) if not isinstance(test, (ast.Compare, ast.UnaryOp)):
            yield _with(node, test=ast.UnaryOp(ast.Not(), test))
        case ast.Expr() | ast.AugAssign() | ast.Raise() | ast.Delete():
            yield ast.Pass()
        case ast.Continue():
            yield ast.Break()
        case ast.Break():
            yield ast.Continue()


def _with(node: ast.AST, **fields: object) -> ast.AST:
    changed = copy.copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _joins_text(node: ast.AST) -> bool:
    return isinstance(node, ast.BinOp) and any(
        isinstance(side, ast.JoinedStr) or (isinstance(side, ast.Constant) and isinstance(side.value, str))
        for side in (node.left, node.right)
    )


def _shown(node: ast.AST) -> str:
    if isinstance(node, ast.comprehension):
        node = ast.GeneratorExp(ast.Name("…", ast.Load()), [node])
    text = ast.unparse(ast.fix_missing_locations(copy.deepcopy(node))).splitlines()
    return text[0] if len(text[0]) <= 90 else f"{text[0][:87]}…"
