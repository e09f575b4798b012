"""What the names of a module are bound to, and which of these bindings a use of the name can see."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import libcst as cst
import libcst.matchers as m
from libcst.metadata import (
    Assignment,
    BaseAssignment,
    ImportAssignment,
    MetadataWrapper,
    ParentNodeProvider,
    PositionProvider,
    ScopeProvider,
)

from helpers.drift.source import Unit

LOOPS = (cst.For, cst.While)
FUNCTIONS = (cst.FunctionDef, cst.Lambda)


@dataclass(frozen=True)
class Binding:
    """One way in which a name gets its meaning: an import, a class, a function, a parameter, or a value.

    `index` is the place of the name where the value is unpacked. A binding with none of these cannot be followed.
    """

    imported: str | None = None
    node: cst.CSTNode | None = None
    value: cst.BaseExpression | None = None
    index: int | None = None


class Bindings:
    """Answers for one unit. Reading its metadata copies the tree: visit `self.module`, not the unit's own."""

    def __init__(self, unit: Unit) -> None:
        wrapper = MetadataWrapper(unit.module, unsafe_skip_copy=True)
        self.module, self._lines = wrapper.module, unit.lines
        self.positions = wrapper.resolve(PositionProvider)
        self.parents = wrapper.resolve(ParentNodeProvider)
        self._scopes = wrapper.resolve(ScopeProvider)

    def start(self, node: cst.CSTNode) -> tuple[int, int]:
        """Line, from 1, and column, from 0, of a node in its file."""
        position = self.positions[node].start
        return self._lines[position.line - 1], position.column

    def end(self, node: cst.CSTNode) -> tuple[int, int]:
        """Where a node ends in its file."""
        position = self.positions[node].end
        return self._lines[position.line - 1], position.column

    def line(self, node: cst.CSTNode) -> int:
        """The line of the file that a node starts on, from 1."""
        return self.start(node)[0]

    def ancestors(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """The nodes around a node, from the inside out."""
        while node in self.parents:
            node = self.parents[node]
            yield node

    def of(self, node: cst.Name) -> list[Binding]:
        """The bindings that a use of a name can see; empty when it has none in this module."""
        return [self._binding(assignment, node.value) for assignment in self._reaching(node)]

    def only_value(self, node: cst.Name) -> cst.BaseExpression | None:
        """The one value that a name has at this place."""
        found = self.of(node)
        return found[0].value if len(found) == 1 and found[0].index is None else None

    def imported(self, node: cst.Name) -> str | None:
        """The dotted name that a name was imported as; None when it has another meaning, or several."""
        found = {binding.imported for binding in self.of(node)}
        return found.pop() if len(found) == 1 else None

    def dotted(self, node: cst.CSTNode) -> str | None:
        """The dotted name of an imported object, of whatever package."""
        if isinstance(node, cst.Name):
            return self.imported(node)
        owner = self.dotted(node.value) if isinstance(node, cst.Attribute) else None
        return f"{owner}.{cst.ensure_type(node, cst.Attribute).attr.value}" if owner else None

    @cached_property
    def named(self) -> dict[str, list[cst.Name]]:
        """All nodes of the module that are names, by what they say."""
        found: dict[str, list[cst.Name]] = {}
        for node in m.findall(self.module, m.Name()):
            found.setdefault(cst.ensure_type(node, cst.Name).value, []).append(cst.ensure_type(node, cst.Name))
        return found

    def uses(self, node: cst.Name) -> list[cst.CSTNode]:
        """Everything in the module that reads the name."""
        scope = self._scopes.get(node)
        return [access.node for found in (scope[node.value] if scope else ()) for access in found.references]

    def function(self, node: cst.CSTNode) -> cst.FunctionDef | None:
        """The function that a node stands in."""
        return next((outer for outer in self.ancestors(node) if isinstance(outer, cst.FunctionDef)), None)

    def enclosing_class(self, node: cst.CSTNode) -> cst.ClassDef | None:
        """The class whose method a node stands in."""
        return next((outer for outer in self.ancestors(node) if isinstance(outer, cst.ClassDef)), None)

    def _reaching(self, node: cst.Name) -> list[BaseAssignment]:
        """The assignments that may hold at this use: from the last one that surely ran before it, on."""
        scope = self._scopes.get(node)
        found = list(scope[node.value]) if scope else []
        if len(found) < 2 or any(one.scope is not scope for one in found):
            return found
        around = list(self.ancestors(node))
        blocks, here = set(around), self._place(node)
        loop = next((outer for outer in reversed(around) if isinstance(outer, LOOPS)), None)
        after = self._place_end(loop) if loop is not None else here
        seen = [(self._statement_end(one), one) for one in found]
        sure = [place for place, one in seen if place <= here and self._block(one) in blocks]
        first = max(sure, default=(0, 0))
        kept = [one for place, one in seen if first <= place and (place <= here or self._place(_node(one)) < after)]
        return kept or found

    def _statement_end(self, assignment: BaseAssignment) -> tuple[int, int]:
        node = _node(assignment)
        if isinstance(node, cst.Param):
            return self._place(node)
        if isinstance(node, cst.FunctionDef | cst.ClassDef):
            return self._place_end(node)
        statement = next((one for one in self.ancestors(node) if isinstance(one, cst.BaseSmallStatement)), node)
        return self._place_end(statement)

    def _block(self, assignment: BaseAssignment) -> cst.CSTNode | None:
        """The block that an assignment is a plain statement of; a parameter belongs to its function."""
        node = _node(assignment)
        if isinstance(node, cst.Param):
            return next((one for one in self.ancestors(node) if isinstance(one, FUNCTIONS)), None)
        if isinstance(node, cst.FunctionDef | cst.ClassDef):
            return self.parents.get(node)
        line = next((one for one in self.ancestors(node) if isinstance(one, cst.SimpleStatementLine)), None)
        return self.parents.get(line) if line is not None else None

    def _binding(self, assignment: BaseAssignment, name: str) -> Binding:
        if isinstance(assignment, ImportAssignment):
            names = {one.name for one in assignment.get_qualified_names_for(name)}
            return Binding(imported=names.pop() if len(names) == 1 else None)
        node = _node(assignment)
        if not isinstance(assignment, Assignment):
            return Binding()
        if isinstance(node, cst.ClassDef | cst.FunctionDef | cst.Param):
            return Binding(node=node)
        return self._assigned(node)

    def _assigned(self, node: cst.CSTNode) -> Binding:
        parent, index = self.parents.get(node), None
        if isinstance(parent, cst.Param):
            return Binding(node=parent)
        if isinstance(parent, cst.Element) and isinstance(around := self.parents[parent], cst.Tuple | cst.List):
            index = list(around.elements).index(parent)
            parent = self.parents[around]
        if isinstance(parent, cst.AssignTarget):
            parent = self.parents[parent]
        if not isinstance(parent, cst.Assign | cst.AnnAssign | cst.NamedExpr):
            return Binding()
        value = parent.value
        if isinstance(parent, cst.AnnAssign) and value is None:
            return Binding(node=parent)
        if index is not None and isinstance(value, cst.Tuple | cst.List) and index < len(value.elements):
            return Binding(value=value.elements[index].value)
        return Binding(value=value, index=index)

    def _place(self, node: cst.CSTNode) -> tuple[int, int]:
        position = self.positions[node].start
        return position.line, position.column

    def _place_end(self, node: cst.CSTNode) -> tuple[int, int]:
        position = self.positions[node].end
        return position.line, position.column


def _node(assignment: BaseAssignment) -> cst.CSTNode:
    return assignment.node if isinstance(assignment, Assignment | ImportAssignment) else cst.Pass()
