"""Which library object an expression of a script is, followed through imports, aliases and plain assignments.

Where a name has a value that cannot be followed (a parameter, a loop, a call of the user's own), the answer is None:
no finding is better than a wrong one.
"""

import inspect
from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst
from libcst.metadata import (
    MetadataWrapper,
    ParentNodeProvider,
    PositionProvider,
    QualifiedNameSource,
    ScopeProvider,
)

from helpers.drift import libraries
from helpers.drift.table import Table


@dataclass(frozen=True)
class Target:
    """A dotted library name. `instance`: the expression is an object of that class. `bound`: reached through one."""

    name: str
    instance: bool = False
    bound: bool = False


@dataclass(frozen=True)
class Keyword:
    """An argument given by name, as `name=value` or as a key of a dict that is passed with **.

    `node` is what carries the name in the source; `whole` is the argument or dict element. `shared`: the dict has other
    uses, so that renaming its key might break them.
    """

    name: str
    value: cst.BaseExpression
    node: cst.Name | cst.SimpleString
    whole: cst.Arg | cst.DictElement
    shared: bool = False


class Resolver:
    """Answers for one module. Reading its metadata copies the tree: visit `self.module`, not the one passed in."""

    def __init__(self, module: cst.Module, table: Table) -> None:
        wrapper = MetadataWrapper(module)
        self.module, self.table = wrapper.module, table
        self.positions = wrapper.resolve(PositionProvider)
        self.parents = wrapper.resolve(ParentNodeProvider)
        self._scopes = wrapper.resolve(ScopeProvider)
        self._open: set[cst.CSTNode] = set()

    def target(self, node: cst.CSTNode) -> Target | None:
        """The library object that an expression is, or None."""
        if node in self._open:  # x = f(x)
            return None
        self._open.add(node)
        try:
            if isinstance(node, cst.Name):
                return self._of_name(node)
            if isinstance(node, cst.Attribute):
                owner = self.target(node.value)
                bound = owner is not None and (owner.instance or owner.bound)
                return Target(f"{owner.name}.{node.attr.value}", bound=bound) if owner else None
            if isinstance(node, cst.Call):
                return self._of_call(node)
            return None
        finally:
            self._open.discard(node)

    def imported(self, node: cst.Name) -> str | None:
        """The dotted name that a name was imported as; None when it has another meaning, or several."""
        scope = self._scopes.get(node)
        found = scope.get_qualified_names_for(node) if scope else set()
        names = {one.name for one in found if one.source is QualifiedNameSource.IMPORT}
        return names.pop() if len(names) == len(found) == 1 else None

    def keywords(self, call: cst.Call) -> tuple[list[Keyword], bool]:
        """The arguments given by name, and whether these are all (no ** of something that cannot be read here)."""
        found, complete = [], True
        for arg in call.args:
            if arg.keyword:
                found.append(Keyword(arg.keyword.value, arg.value, arg.keyword, arg))
            elif arg.star == "**":
                inner = self._dict(arg.value)
                complete = complete and inner is not None
                found += inner or []
            elif arg.star == "*":
                complete = False
        return found, complete

    def ancestors(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """The nodes around a node, from the inside out."""
        while node in self.parents:
            node = self.parents[node]
            yield node

    def line(self, node: cst.CSTNode) -> int:
        """The line that a node starts on, from 1."""
        return self.positions[node].start.line

    def _of_call(self, node: cst.Call) -> Target | None:
        called = self.target(node.func)
        if called is None:
            return None
        try:
            made = self.table.returned_by(libraries.names(called.name))
            if made:
                return Target(made, instance=True)
            if inspect.isclass(libraries.find(called.name)):
                return Target(called.name, instance=True)
            owner, _, method = called.name.rpartition(".")
            if method.startswith("from_") and "." in owner and inspect.isclass(libraries.find(owner)):
                return Target(owner, instance=True)
        except libraries.MissingError:
            pass
        return None

    def _of_name(self, node: cst.Name) -> Target | None:
        name = self.imported(node)
        if name is not None:
            return Target(name) if name.partition(".")[0] in libraries.LIBRARIES else None
        values = self._values(node)
        targets = [(self.line(value), self.target(value)) for value in values]
        if not targets or any(target is None for _, target in targets):
            return None
        before = [pair for pair in targets if pair[0] <= self.line(node)] or targets
        return max(before, key=lambda pair: pair[0])[1]

    def _values(self, node: cst.Name) -> list[cst.CSTNode]:
        """What the name is bound to, wherever; empty when one binding is of a kind that cannot be followed."""
        scope = self._scopes.get(node)
        values: list[cst.CSTNode] = []
        for assignment in scope[node.value] if scope else ():
            bound = getattr(assignment, "node", None)
            parent = self.parents.get(bound) if bound is not None else None
            if isinstance(parent, cst.AssignTarget):
                parent = self.parents[parent]
            if isinstance(bound, cst.ClassDef):
                base = self._inherited(bound)
                if base is None:
                    return []
                values.append(base)
            elif isinstance(parent, cst.Assign | cst.AnnAssign | cst.NamedExpr) and parent.value is not None:
                values.append(parent.value)
            else:
                return []
        return values

    def _inherited(self, node: cst.ClassDef) -> cst.CSTNode | None:
        """The one base whose constructor a class without its own has."""
        own = {part.name.value for part in node.body.body if isinstance(part, cst.FunctionDef)}
        return node.bases[0].value if len(node.bases) == 1 and not own & {"__init__", "__new__"} else None

    def _dict(self, node: cst.CSTNode) -> list[Keyword] | None:
        """The items of a dict literal, of dict(...), or of a name that is bound to one and to nothing else."""
        shared = False
        if isinstance(node, cst.Name):
            values, uses = self._values(node), self._uses(node)
            if len(values) != 1 or uses > 1 and self._changed(node):
                return None
            node, shared = values[0], uses > 1
        if isinstance(node, cst.Dict):
            found = [
                Keyword(str(e.key.evaluated_value), e.value, e.key, e, shared)
                for e in node.elements
                if isinstance(e, cst.DictElement) and isinstance(e.key, cst.SimpleString)
            ]
            return found if len(found) == len(node.elements) else None
        if isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value == "dict":
            found = [Keyword(a.keyword.value, a.value, a.keyword, a, shared) for a in node.args if a.keyword]
            return found if len(found) == len(node.args) else None
        return None

    def _accesses(self, node: cst.Name) -> list[cst.CSTNode]:
        scope = self._scopes[node]
        return [a.node for found in scope[node.value] for a in found.references] if scope else []

    def _uses(self, node: cst.Name) -> int:
        return len(self._accesses(node))

    def _changed(self, node: cst.Name) -> bool:
        """Whether the dict is touched by anything but ** in calls: an item set or deleted, a method called on it."""
        parents = [self.parents[use] for use in self._accesses(node)]
        return not all(isinstance(parent, cst.Arg) and parent.star == "**" for parent in parents)
