"""What the names of a module are bound to, and which of these bindings a use of the name can see."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from typing import NamedTuple

import libcst as cst
from libcst.helpers import get_full_name_for_node

from helpers.drift.places import Places
from helpers.drift.source import Unit
from helpers.drift.tree import Scope, Tree

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


class Setting(NamedTuple):
    """A node that sets a name: the end of its statement, its place among the name's and in the text, its block."""

    end: int
    number: int
    order: int
    block: cst.CSTNode | None
    node: cst.CSTNode


class Bindings:
    """Answers for one unit."""

    def __init__(self, unit: Unit) -> None:
        self.module, self._lines = unit.module, unit.lines
        self.tree = Tree(unit.module)
        self.parents, self.named = self.tree.parents, self.tree.named
        self._places = Places(unit.code, self.tree)
        self._settings: dict[tuple[Scope, str], tuple[list[Setting], list[int]]] = {}
        self._readers: dict[tuple[Scope, str], dict[cst.CSTNode, list[cst.Name]]] = {}

    def start(self, node: cst.CSTNode) -> tuple[int, int]:
        """Line, from 1, and column, from 0, of a node in its file."""
        line, column = self._places.start(node)
        return self._lines[line - 1], column

    def end(self, node: cst.CSTNode, of: cst.CSTNode | None = None) -> tuple[int, int]:
        """Where a node ends in its file; `of` is what a comma belongs to."""
        line, column = self._places.end(node, of)
        return self._lines[line - 1], column

    def line(self, node: cst.CSTNode) -> int:
        """The line of the file that a node starts on, from 1."""
        return self.start(node)[0]

    def ancestors(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """The nodes around a node, from the inside out."""
        while node in self.parents:
            node = self.parents[node]
            yield node

    def stored(self, node: cst.Attribute) -> bool:
        """Whether an attribute is set here, not read."""
        around = self.parents.get(node)
        if isinstance(around, cst.Element) and isinstance(self.parents[around], cst.Tuple | cst.List):
            around = self.parents.get(self.parents[around])
        return isinstance(around, cst.AssignTarget | cst.AugAssign | cst.For | cst.WithItem) or (
            isinstance(around, cst.AnnAssign) and around.target is node
        )

    def of(self, node: cst.Name) -> list[Binding]:
        """The bindings that a use of a name can see; empty when it has none in this module."""
        return [self._binding(one) for one in self._reaching(node)]

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

    def uses(self, node: cst.Name) -> list[cst.Name]:
        """Everything in the module that may read what the name stands for at this place, where that is one thing."""
        found = self._reaching(node)
        return self.readers(node, node.value, found[0]) if len(found) == 1 else []

    def readers(self, place: cst.CSTNode, name: str, setting: cst.CSTNode) -> list[cst.Name]:
        """The uses of a name that can see this setting of it. `place` is a node of a scope that has the name."""
        scope = self.tree.scopes[place].owner(name)
        if scope is None:
            return []
        if (scope, name) not in self._readers:
            seen = self._readers[scope, name] = {}
            for use in scope.reads.get(name, []):
                for one in self._reaching(use):
                    seen.setdefault(one, []).append(use)
        return self._readers[scope, name].get(setting, [])

    def function(self, node: cst.CSTNode) -> cst.FunctionDef | None:
        """The function that a node stands in."""
        return next((outer for outer in self.ancestors(node) if isinstance(outer, cst.FunctionDef)), None)

    def enclosing_class(self, node: cst.CSTNode) -> cst.ClassDef | None:
        """The class whose method a node stands in."""
        return next((outer for outer in self.ancestors(node) if isinstance(outer, cst.ClassDef)), None)

    def _reaching(self, node: cst.Name) -> list[cst.CSTNode]:
        """What sets the name and may hold at this use: from the last that surely ran before it, on."""
        if node not in self.tree.scopes:  # inside an import
            return []
        here = self.tree.scopes[node]
        scope = here.owner(node.value)
        found = scope.sets[node.value] if scope else []
        if len(found) < 2 or scope is not here:
            return found
        seen, ends = self._in_order(scope, node.value)
        around = list(self.ancestors(node))
        blocks, place = set(around), self.tree.order[node]
        loop = next((outer for outer in reversed(around) if isinstance(outer, LOOPS)), None)
        after = self.tree.last[loop] if loop is not None else place
        past = bisect_right(ends, place)
        while past and self._awaits(seen[past - 1], place):
            past -= 1
        first = next((n for n in range(past - 1, -1, -1) if seen[n].block in blocks), 0)
        first = bisect_left(ends, ends[first], 0, past)  # what one statement sets twice
        later = takewhile(lambda one: one.order < after, seen[past:])
        again = [one for one in later if loop is not None or not self._awaits(one, place)]
        kept = [one.node for one in sorted([*seen[first:past], *again], key=lambda one: one.number)]
        return kept or found

    def _awaits(self, one: Setting, place: int) -> bool:
        """Whether an assignment waits for what stands at this place: the x on the right of `x = x.to(device)`."""
        return one.order < place <= one.end and isinstance(self.parents[one.node], cst.AssignTarget | cst.Element)

    def _in_order(self, scope: Scope, name: str) -> tuple[list[Setting], list[int]]:
        """All that sets a name, by the ends of their statements; asked of each use, and in a long script there are
        many of both."""
        if (scope, name) not in self._settings:
            seen = [
                Setting(self._statement_end(one), number, self._order(one), self._block(one), one)
                for number, one in enumerate(scope.sets[name])
            ]
            seen.sort(key=lambda one: (one.end, one.number))
            self._settings[scope, name] = seen, [one.end for one in seen]
        return self._settings[scope, name]

    def _order(self, node: cst.CSTNode) -> int:
        return self.tree.order[self.parents[node] if isinstance(node, cst.ImportAlias) else node]

    def _statement_end(self, node: cst.CSTNode) -> int:
        if isinstance(node, cst.Param | cst.ImportAlias):
            return self._order(node)
        if isinstance(node, cst.FunctionDef | cst.ClassDef):
            return self.tree.last[node]
        statement = next((one for one in self.ancestors(node) if isinstance(one, cst.BaseSmallStatement)), node)
        return self.tree.last[statement]

    def _block(self, node: cst.CSTNode) -> cst.CSTNode | None:
        """The block that an assignment is a plain statement of; a parameter belongs to its function."""
        if isinstance(node, cst.Param):
            return next((one for one in self.ancestors(node) if isinstance(one, FUNCTIONS)), None)
        if isinstance(node, cst.FunctionDef | cst.ClassDef):
            return self.parents.get(node)
        line = next((one for one in self.ancestors(node) if isinstance(one, cst.SimpleStatementLine)), None)
        return self.parents.get(line) if line is not None else None

    def _binding(self, node: cst.CSTNode) -> Binding:
        if isinstance(node, cst.ImportAlias):
            return Binding(imported=self._imported_as(node))
        if isinstance(node, cst.ClassDef | cst.FunctionDef | cst.Param):
            return Binding(node=node)
        return self._assigned(node)

    def _imported_as(self, alias: cst.ImportAlias) -> str:
        around = self.parents[alias]
        if not isinstance(around, cst.ImportFrom):
            return alias.evaluated_name if alias.asname else alias.evaluated_name.partition(".")[0]
        module = get_full_name_for_node(around.module) if around.module else ""
        return f"{'.' * len(around.relative)}{module}.{alias.evaluated_name}"

    def _assigned(self, node: cst.CSTNode) -> Binding:
        parent, index = self.parents.get(node), None
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
