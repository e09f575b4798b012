"""Which library object an expression of a script is, followed through imports, assignments, annotations and classes.

Where a name has a value that cannot be followed (a loop, a call of something unknown), the answer is None: no finding
is better than a wrong one.
"""

import inspect
from dataclasses import dataclass, replace
from functools import cached_property

import libcst as cst
import libcst.matchers as m
from libcst.helpers import get_full_name_for_node

from helpers.drift import libraries
from helpers.drift.bindings import Binding, Bindings
from helpers.drift.source import Unit
from helpers.drift.syntax import annotation_parts, assignments, flags, is_none, own_name, string
from helpers.drift.table import Table
from helpers.drift.tree import Scope

PARSED = ("parse_args_into_dataclasses", "parse_json_file", "parse_yaml_file", "parse_dict", "parse_args_and_config")
NAMELESS = ("abc.ABC", "typing.Generic", "typing.Protocol")  # bases that bring nothing
PARSER = "HfArgumentParser"  # of transformers, and of trl, which has its own


@dataclass(frozen=True)
class Target:
    """A dotted library name. `instance`: the expression is an object of that class. `bound`: reached through one.

    `own` are the names that the script's subclass brings, `built` when its constructor is its own; `call` made it.
    """

    name: str
    instance: bool = False
    bound: bool = False
    own: frozenset[str] = frozenset()
    built: bool = False
    call: cst.Call | None = None


class Resolver(Bindings):
    """Bindings, and what they are in the installed libraries."""

    def __init__(self, unit: Unit, table: Table) -> None:
        super().__init__(unit)
        self.table = table
        self._open: set[cst.CSTNode] = set()
        self._cut = False
        self._targets: dict[cst.CSTNode, Target | None] = {}
        self._outer: dict[tuple[Scope, str], cst.CSTNode] = {}
        self._own: dict[cst.ClassDef, dict[str, list[cst.BaseExpression | None]]] = {}

    def target(self, node: cst.CSTNode) -> Target | None:
        """The library object that an expression is, or None."""
        node = self._one_of(node)
        if node in self._targets:
            return self._targets[node]
        if node in self._open:  # x = f(x)
            self._cut = True
            return None
        if not self._open:
            self._cut = False
        self._open.add(node)
        try:
            found = self._target(node)
        finally:
            self._open.discard(node)
        if not self._open or not self._cut:  # an answer that a circle cut short is not kept
            self._targets[node] = found
        return found

    def _one_of(self, node: cst.CSTNode) -> cst.CSTNode:
        """For a name of a scope further out, the same wherever it is read: the first use that was asked of."""
        if not isinstance(node, cst.Name) or node not in self.tree.scopes:
            return node
        scope = self.tree.scopes[node]
        owner = scope.owner(node.value)
        return node if owner is None or owner is scope else self._outer.setdefault((owner, node.value), node)

    def today(self, target: Target) -> Target:
        """The target where the table says it is now, if its old place is gone."""
        try:
            libraries.find(target.name)
        except libraries.MissingError as gone:
            entry = self.table.of_object([*libraries.names(target.name), f"{gone.owner}.{gone.part}"])
            if entry and entry.new and entry.kind in ("moved", "renamed"):
                return replace(target, name=entry.new)
        return target

    def own_values(self, owner: cst.ClassDef) -> dict[str, list[cst.BaseExpression | None]]:
        """What a class of the script sets on itself or its objects; None for what is no plain value."""
        if owner not in self._own:
            found: dict[str, list[cst.BaseExpression | None]] = {}
            for part in owner.body.body:
                if isinstance(part, cst.FunctionDef | cst.ClassDef):
                    found.setdefault(part.name.value, []).append(None)
            for node in self.tree.inside(owner):
                if not isinstance(node, cst.Assign | cst.AnnAssign):
                    continue
                in_body = self.parents[self.parents[node]] is owner.body
                for target, value in assignments(node):
                    name = own_name(target, in_body)
                    if name:
                        found.setdefault(name, []).append(value)
            self._own[owner] = found
        return self._own[owner]

    def _target(self, node: cst.CSTNode) -> Target | None:
        if isinstance(node, cst.Name):
            return self._of_name(node)
        if isinstance(node, cst.Attribute):
            return self._of_attribute(node, node.value, node.attr.value)
        if isinstance(node, cst.Call):
            return self._of_call(node)
        if isinstance(node, cst.Await):
            return self.target(node.expression)
        if isinstance(node, cst.IfExp):
            found = [self.target(part) for part in (node.body, node.orelse) if not is_none(part)]
            return found[0] if found and all(found) else None
        if isinstance(node, cst.Subscript) and isinstance(node.value, cst.Call):
            index = node.slice[0].slice
            place = index.value if isinstance(index, cst.Index) else None
            return self._unpacked(node.value, place.evaluated_value) if isinstance(place, cst.Integer) else None
        return None

    def _of_attribute(self, node: cst.CSTNode, value: cst.BaseExpression, name: str) -> Target | None:
        owner = self.target(value)
        if m.matches(value, m.Name("self")):
            around = self.enclosing_class(node)
            values = self.own_values(around).get(name) if around else None
            if values is not None:
                found = [self.target(one) if one is not None else None for one in values if not is_none(one)]
                return found[-1] if found and all(found) else None
        if owner is None or name in owner.own:
            return self._by_method(value, name) if owner is None else None
        whole = f"{owner.name}.{name}"
        if not owner.instance and not owner.bound:
            return Target(whole)
        held = self.table.held_by(f"{one}.{name}" for one in libraries.names(owner.name)) if owner.instance else None
        return Target(held, instance=True) if held else Target(self._forwarded(whole), bound=True)

    def _by_method(self, value: cst.BaseExpression, name: str) -> Target | None:
        """What a method is that only one class has, where its owner is named as one names such objects."""
        where = self.table.methods.get(name)
        if where is None or not self._uses_ours:
            return None
        said = value.attr.value if isinstance(value, cst.Attribute) else getattr(value, "value", "")
        fits = isinstance(said, str) and where["named"] in said.lower()
        return Target(f"{where['class']}.{name}", bound=True) if fits else None

    @cached_property
    def _uses_ours(self) -> bool:
        imports = [node for node in self.tree.nodes if isinstance(node, cst.Import | cst.ImportFrom)]
        code = " ".join(self.module.code_for_node(node) for node in imports)
        return any(name in code for name in (*libraries.LIBRARIES, "unsloth"))

    def _forwarded(self, name: str) -> str:
        """Where an attribute is that an object passes on, as a PeftModel does to its base model."""
        here: str | None = name
        while here:
            names = libraries.names(here)
            if self.table.of_object(names) or self.table.returned_by(names):
                return here
            try:
                libraries.find(here)
                return here
            except libraries.MissingError as gone:
                to = (self.table.forwards[one] for one in libraries.names(gone.owner) if one in self.table.forwards)
                owner = next(to, None)
                here = owner and f"{owner}.{gone.part}"
        return name

    def _of_call(self, node: cst.Call) -> Target | None:
        name = self.dotted(node.func) or (node.func.value if isinstance(node.func, cst.Name) else "")
        first = node.args[0].value if node.args else None
        if name == "super":
            return self._super(node)
        if name == "functools.partial":
            return self.target(first) if first is not None else None
        text = string(node.args[1].value) if name == "getattr" and len(node.args) > 1 else string(first)
        if name == "importlib.import_module" and text:
            return Target(text) if text.partition(".")[0] in libraries.LIBRARIES else None
        if name == "getattr" and text and first is not None:
            return self._of_attribute(node, first, text)
        called = self.target(node.func)
        if called is None:
            return self._promised(node.func)
        return self._made(node, self.today(called)) if not called.instance else None

    def _promised(self, func: cst.BaseExpression) -> Target | None:
        """What a function of the script says that it returns."""
        bindings = self.of(func) if isinstance(func, cst.Name) else []
        made = bindings[0].node if len(bindings) == 1 else None
        if not isinstance(made, cst.FunctionDef) or made.decorators or made.asynchronous or made.returns is None:
            return None
        return self._annotated(made.returns)

    def _made(self, node: cst.Call, called: Target) -> Target | None:
        made = self.table.returned_by(libraries.names(called.name), flags(node))
        if made == "self":
            owner = self.target(node.func.value) if isinstance(node.func, cst.Attribute) else None
            return owner if owner and owner.instance else None
        if made:  # also where only an object has it, and its class does not: PeftModel.merge_and_unload
            return Target(made, instance=True, call=node)
        try:
            found = libraries.find(called.name)
            if inspect.isclass(found):
                return replace(called, instance=True, call=node)
            owner_name, _, method = called.name.rpartition(".")
            if method.startswith("from_") and "." in owner_name and inspect.isclass(libraries.find(owner_name)):
                return replace(called, name=owner_name, instance=True, call=node)
        except libraries.MissingError:
            pass
        return None

    def _of_name(self, node: cst.Name) -> Target | None:
        bindings = self.of(node)
        if not bindings:
            return self._from_star(node)
        if all(binding.imported for binding in bindings):
            name = self.imported(node)
            return Target(name) if name and name.partition(".")[0] in libraries.LIBRARIES else None
        targets = [self._bound(one, node.value) for one in bindings if one.value is None or not is_none(one.value)]
        return targets[-1] if targets and all(targets) else None

    def _from_star(self, node: cst.Name) -> Target | None:
        """A name that only `from library import *` can have brought."""
        if len(self._stars) != 1 or not self._stars[0]:
            return None
        name = f"{self._stars[0]}.{node.value}"
        try:
            return Target(name) if libraries.find(name) is not None else None
        except libraries.MissingError:
            return None

    @cached_property
    def _stars(self) -> list[str]:
        """The modules that are imported with a star; empty strings for those of other packages."""
        nodes = [node for node in self.tree.nodes if isinstance(node, cst.ImportFrom)]
        stars = [node for node in nodes if isinstance(node.names, cst.ImportStar)]
        modules = [get_full_name_for_node(node.module) or "" for node in stars if node.module]
        return [name if name.partition(".")[0] in libraries.LIBRARIES else "" for name in modules]

    def _bound(self, binding: Binding, name: str) -> Target | None:
        if binding.imported:
            return Target(binding.imported) if binding.imported.partition(".")[0] in libraries.LIBRARIES else None
        if binding.value is not None:
            return self.target(binding.value) if binding.index is None else self._unpacked(binding.value, binding.index)
        if isinstance(binding.node, cst.ClassDef):
            return self.of_class(binding.node)
        if isinstance(binding.node, cst.Param):
            return self._of_parameter(binding.node)
        if isinstance(binding.node, cst.AnnAssign):
            return self._annotated(binding.node.annotation)
        return None

    def of_class(self, node: cst.ClassDef) -> Target | None:
        """The library class that a class of the script derives from, with what it and its other bases bring."""
        found, own = [], {*self.own_values(node)}
        for base in node.bases:
            target, names = self.target(base.value), self._mixed_in(base.value)
            if target is not None:
                found.append(target)
            elif names is None:
                return None
            own |= names or set()
        if len(found) != 1 or found[0].instance:
            return None
        built = found[0].built or bool(own & {"__init__", "__new__"})
        return replace(found[0], own=found[0].own | own, built=built)

    def _mixed_in(self, base: cst.BaseExpression) -> set[str] | None:
        """The names that a base brings which is a class of the script itself; None where that cannot be told."""
        if (self.dotted(base.value if isinstance(base, cst.Subscript) else base) or "") in NAMELESS:
            return set()
        bindings = self.of(base) if isinstance(base, cst.Name) else []
        made = bindings[0].node if len(bindings) == 1 else None
        if not isinstance(made, cst.ClassDef):
            return None
        names = [self._mixed_in(one.value) for one in made.bases]
        return None if None in names else {*self.own_values(made)}.union(*(one or () for one in names))

    def _of_parameter(self, node: cst.Param) -> Target | None:
        function = self.function(node)
        first = function.params.params[0] if function and function.params.params else None
        owner = self.parents.get(self.parents[function]) if function and node is first else None
        static = m.Decorator(m.Name("staticmethod") | m.Name("classmethod"))
        if function and isinstance(owner, cst.ClassDef) and not any(m.matches(d, static) for d in function.decorators):
            made = self.of_class(owner)
            return replace(made, instance=True) if made else None
        return self._annotated(node.annotation) if node.annotation and not node.star else None

    def _annotated(self, annotation: cst.Annotation | None) -> Target | None:
        kinds = annotation_parts(annotation.annotation) if annotation else []
        found = [self._annotation(kind) for kind in kinds]
        return replace(found[0], instance=True) if len(found) == 1 and found[0] and not found[0].instance else None

    def _annotation(self, kind: cst.BaseExpression) -> Target | None:
        text = string(kind)
        if text is None:
            return self._class(self.target(kind))
        name = text.rpartition(".")[2]
        uses = (self.target(node) for node in self.named.get(name, ()) if self.of(node))
        return self._class(next((found for found in uses if found), None))

    def _class(self, found: Target | None) -> Target | None:
        if found is None:
            return None
        found = self.today(found)
        try:
            return found if inspect.isclass(libraries.find(found.name)) else None
        except libraries.MissingError:
            return None

    def _super(self, node: cst.Call) -> Target | None:
        around = self.enclosing_class(node)
        base = self.target(around.bases[0].value) if around and len(around.bases) == 1 else None
        return replace(base, instance=True) if base and not base.instance else None

    def _unpacked(self, value: cst.BaseExpression, index: int) -> Target | None:
        """One of the objects that an argument parser of the libraries fills from the dataclasses it was made with."""
        func = value.func if isinstance(value, cst.Call) else None
        made = self.target(func.value) if isinstance(func, cst.Attribute) and func.attr.value in PARSED else None
        if (
            made is None
            or made.call is None
            or not made.call.args
            or PARSER not in [one.rpartition(".")[2] for one in libraries.names(made.name)]
        ):
            return None
        kinds = made.call.args[0].value
        if isinstance(kinds, cst.Name):
            kinds = self.only_value(kinds) or kinds
        each = [part.value for part in kinds.elements] if isinstance(kinds, cst.Tuple | cst.List) else [kinds]
        found = self._class(self.target(each[index])) if index < len(each) else None
        return replace(found, instance=True) if found else None
