"""One walk over a module: parents, order, and which scope each name belongs to.

libcst's own providers say the same in six walks, which for a file of a megabyte is most of the time.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any

import libcst as cst

# Where a name is set: the node's type and the field that holds it.
STORES = {
    cst.AssignTarget: "target",
    cst.AnnAssign: "target",
    cst.AugAssign: "target",
    cst.NamedExpr: "target",
    cst.For: "target",
    cst.CompFor: "target",
    cst.AsName: "name",
}
PASS_ON = (cst.Tuple, cst.List, cst.Element, cst.StarredElement)
# Names that are no variables.
LABELS = {cst.Attribute: "attr", cst.Arg: "keyword", cst.NameItem: "name"}
IMPORTS = (cst.Import, cst.ImportFrom)
ELSEWHERE = (cst.Global, cst.Nonlocal)
NAMED = (cst.FunctionDef, cst.ClassDef, cst.Param)
OWN_SCOPE = (cst.Lambda, cst.ListComp, cst.SetComp, cst.DictComp, cst.GeneratorExp)
# What of these belongs to the scope around them.
OUTSIDE = {cst.FunctionDef: ("decorators", "returns"), cst.ClassDef: ("decorators", "bases", "keywords")}
SILENT = {
    "leading_lines",
    "lines_after_decorators",
    "header",
    "footer",
    "lpar",
    "rpar",
    "lbracket",
    "rbracket",
    "comma",
}
SILENT |= {"semicolon", "equal", "colon", "dot", "lbrace", "rbrace", "indent", "default_indent"}


@contextmanager
def no_garbage() -> Iterator[None]:
    """A tree is many objects, none of them garbage: to look through them again and again takes a third of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@dataclass(eq=False)
class Scope:
    """Names and the nodes that set and read them."""

    parent: "Scope | None" = None
    of_class: bool = False
    sets: dict[str, list[cst.CSTNode]] = field(default_factory=dict)
    reads: dict[str, list[cst.Name]] = field(default_factory=dict)
    elsewhere: dict[str, "Scope"] = field(default_factory=dict)

    def owner(self, name: str) -> "Scope | None":
        """The scope that a name used here belongs to; None for builtins."""
        here: Scope | None = self
        while here is not None:
            if name in here.elsewhere:
                return here.elsewhere[name]
            if name in here.sets and (here is self or not here.of_class):
                return here
            here = here.parent
        return None


class Tree:
    """The nodes of a module in the order of the text, without what stands inside imports."""

    def __init__(self, module: cst.Module) -> None:
        self.nodes: list[cst.CSTNode] = []
        self.parents: dict[cst.CSTNode, cst.CSTNode] = {}
        self.order: dict[cst.CSTNode, int] = {}
        self.last: dict[cst.CSTNode, int] = {}
        self.scopes: dict[cst.CSTNode, Scope] = {}
        self.named: dict[str, list[cst.Name]] = {}
        self._walk(module)

    def inside(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """The node and all nodes in it."""
        return iter(self.nodes[self.order[node] : self.last[node] + 1])

    def _walk(self, module: cst.Module) -> None:
        everywhere = Scope()
        stack: list[Any] = [(module, everywhere, False)]  # a node to enter, with its scope, or one to leave
        reads: list[tuple[cst.Name, Scope]] = []
        while stack:
            entry = stack.pop()
            if not isinstance(entry, tuple):
                self.last[entry] = len(self.nodes) - 1
                continue
            node, scope, stores = entry
            self.order[node] = len(self.nodes)
            self.nodes.append(node)
            self.scopes[node] = scope
            stack.append(node)
            kind = type(node)
            if kind is cst.Name:
                self.named.setdefault(node.value, []).append(node)
                if stores:
                    scope.sets.setdefault(node.value, []).append(node)
                else:
                    reads.append((node, scope))
            elif kind in IMPORTS:
                self._imports(node, scope)
            elif kind in ELSEWHERE:
                for item in node.names:
                    name = item.name.value
                    found = everywhere if isinstance(node, cst.Global) or not scope.parent else scope.parent.owner(name)
                    scope.elsewhere[name] = found or everywhere
            else:
                stack += reversed(list(self._children(node, scope, stores)))
        for node, scope in reads:
            owner = scope.owner(node.value)
            if owner is not None:
                owner.reads.setdefault(node.value, []).append(node)
        for inner in set(self.scopes.values()):
            for name, outer in inner.elsewhere.items():
                outer.sets.setdefault(name, []).extend(inner.sets.pop(name, []))

    def _children(self, node: Any, scope: Scope, stores: bool) -> Iterator[tuple[cst.CSTNode, Scope, bool]]:
        inner = scope
        kind: Any = type(node)
        named = kind in NAMED
        if named:
            scope.sets.setdefault(node.name.value, []).append(node)
        if kind in OUTSIDE:
            inner = Scope(scope, kind is cst.ClassDef)
        elif kind in OWN_SCOPE:
            inner = Scope(scope)
        store, label = STORES.get(kind), LABELS.get(kind)
        outside = OUTSIDE.get(kind, ())
        for name in _fields(kind):
            value = getattr(node, name)
            for child in value if isinstance(value, tuple | list) else (value,):
                if not is_a(child.__class__, cst.CSTNode):
                    continue
                self.parents[child] = node
                if name == label or named and name == "name":
                    continue
                passes = stores and kind in PASS_ON and name in ("elements", "value")
                before = kind is cst.Param and name in ("annotation", "default") and scope.parent
                yield child, before or (scope if name in outside else inner), name == store or passes

    def _imports(self, node: cst.Import | cst.ImportFrom, scope: Scope) -> None:
        if isinstance(node, cst.ImportFrom) and node.module:
            self.parents[node.module] = node
        if isinstance(node.names, cst.ImportStar):
            return
        for alias in node.names:
            self.parents[alias] = node
            bound = alias.evaluated_alias or alias.evaluated_name.partition(".")[0]
            if isinstance(node, cst.ImportFrom):
                bound = alias.evaluated_alias or alias.evaluated_name
            scope.sets.setdefault(bound, []).append(alias)


@cache
def is_a(kind: Any, of: type | tuple[type, ...]) -> bool:
    """Whether all objects of a class are of another: libcst's are abstract, and to ask each of them takes long."""
    return issubclass(kind, of)


@cache
def _fields(kind: type) -> tuple[str, ...]:
    """The fields that hold nodes with a meaning: no white space, commas or brackets."""
    return tuple(one.name for one in fields(kind) if "whitespace" not in one.name and one.name not in SILENT)
