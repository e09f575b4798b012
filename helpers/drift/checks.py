"""Walk a module and hold its imports, attributes and calls against what is installed and against the table."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cached_property
from typing import Any

import libcst as cst
import libcst.matchers as m
from libcst.helpers import get_full_name_for_node

from helpers.drift import libraries, repair
from helpers.drift.calls import CALL_HANDLERS, Calls
from helpers.drift.found import short
from helpers.drift.libraries import MissingError
from helpers.drift.report import Finding, describe
from helpers.drift.resolve import Target
from helpers.drift.source import Source
from helpers.drift.syntax import text
from helpers.drift.table import Entry, Table

# An import or an attribute whose failure the script itself handles is no finding.
IMPORT_HANDLERS = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}
ATTRIBUTE_HANDLERS = CALL_HANDLERS | {"AttributeError"}


def findings(source: Source, table: Table) -> list[Finding]:
    """All findings of a file, in the order of its lines."""
    return sorted(
        (one for unit in source.units for one in Checker(source, unit, table).findings()), key=lambda f: f.line
    )


class Checker(Calls):
    """All findings of one unit."""

    def findings(self) -> list[Finding]:
        """The findings of this unit."""
        self.look(self.resolver.tree.nodes)
        aged = any(finding.kind != "default" for finding in self._found)
        return [*self._found, *(self._defaults if aged else [])]

    def look(self, nodes: Iterable[cst.CSTNode]) -> None:
        """Collect what is found at these nodes."""
        look: dict[type, Callable[[Any], None]] = {
            cst.ImportFrom: self._import_from,
            cst.Import: self._import,
            cst.Attribute: self._used,
            cst.Call: self._call,
            cst.FunctionDef: self._function,
        }
        for node in nodes:
            if type(node) in look:
                look[type(node)](node)

    def _import_from(self, node: cst.ImportFrom) -> None:
        module = get_full_name_for_node(node.module) if node.module and not node.relative else None
        if not module or not self._ours(module) or isinstance(node.names, cst.ImportStar):
            return
        if self.guards.handled(node, IMPORT_HANDLERS):
            return
        missing: dict[cst.ImportAlias, tuple[Entry | None, MissingError]] = {}
        for alias in node.names:
            name = f"{module}.{alias.name.value}"
            try:
                libraries.find(name)
            except MissingError as error:
                names = [*libraries.names(name), f"{error.owner}.{error.part}"]
                missing[alias] = self.table.of_object(names), error
        edits = repair.imports(
            self.resolver, self.source, node, module, {alias: entry for alias, (entry, _) in missing.items()}
        )
        for alias, (entry, gone) in missing.items():
            subject, whole = f"{module}.{alias.name.value}", f"{gone.owner}.{gone.part}"
            repaired = edits if entry and entry.new else ()
            if f"{module}.".startswith(f"{whole}.") and (entry is None or whole in entry.object):
                if entry or not _maybe_other(module):
                    self._object(node.module, whole, entry, gone, repaired)  # the module itself, once
            else:
                self._object(alias, subject, entry, gone, repaired)

    def _import(self, node: cst.Import) -> None:
        for alias in node.names:
            module = get_full_name_for_node(alias.name)
            if module and self._ours(module) and not self.guards.handled(node, IMPORT_HANDLERS):
                try:
                    libraries.find(module)
                except MissingError as error:
                    entry = self.table.of_object([module])
                    if entry or not _maybe_other(module):
                        self._object(alias, module, entry, error)

    def _used(self, node: cst.Attribute) -> None:
        target = self.resolver.target(node)
        if target is not None and not target.instance:
            self._attribute(node, target, node.attr)

    def _call(self, node: cst.Call) -> None:
        if m.matches(node, m.Call(m.Name("getattr"), args=[m.Arg(), m.Arg(m.SimpleString())])):
            found = self.resolver.target(node)
            if found is not None and not found.instance:
                self._attribute(node, found, node.args[1].value)
        self._arguments(node)

    def _attribute(self, node: cst.CSTNode, target: Target, named: cst.CSTNode) -> None:
        if self.guards.handled(node, ATTRIBUTE_HANDLERS):
            return
        entry, gone = self.table.of_object(libraries.names(target.name)), None
        try:
            libraries.find(target.name)
        except MissingError as error:
            gone = error
            elsewhere = gone.owner != target.name.rpartition(".")[0]
            if entry is None and target.bound and not elsewhere:
                entry = self._former_field(node, gone)
            elsewhere = elsewhere or target.bound or isinstance(self.resolver.parents[node], cst.AssignTarget)
            if entry is None and elsewhere and not self._never_set(node, gone):  # or reported where it was imported
                return
        if gone is not None or entry is not None and entry.kind in ("deprecated", "ignored"):
            renamed = repair.attribute(self.resolver, node, entry) if isinstance(node, cst.Attribute) else ()
            edits = renamed + self._made_as_before(node, entry)
            self._object(named, target.name, entry, gone, edits, target.bound)

    def _never_set(self, node: cst.CSTNode, gone: MissingError) -> bool:
        """Whether an attribute is read that neither the object's class nor anything in the script can have set."""
        if not isinstance(node, cst.Attribute) or isinstance(self.resolver.parents[node], cst.AssignTarget | cst.Del):
            return False
        owner = self.resolver.target(node.value)
        if owner is None or not owner.instance or owner.name not in (gone.owner, *libraries.names(gone.owner)):
            return False
        made = self.resolver.target(owner.call.func) if owner.call else None
        exact = made is not None and not made.instance and made.name == owner.name
        return gone.part not in self._written and libraries.surely_lacks(gone.owner, gone.part, exact)

    @cached_property
    def _written(self) -> set[str]:
        """The names that the script gives to attributes of whatever object."""
        targets = (node for node in self.resolver.tree.nodes if isinstance(node, cst.Attribute))
        return {node.attr.value for node in targets if self.resolver.stored(node)}

    def _former_field(self, node: cst.CSTNode, gone: MissingError) -> Entry | None:
        """The entry about an argument that was a field of the object, where the field is read and is gone, too."""
        entry = self.table.of_argument(libraries.names(gone.owner), gone.part)
        if entry is None or entry.beside or entry.value or not libraries.lacks(gone.owner, gone.part):
            return None
        written = isinstance(self.resolver.parents[node], cst.AssignTarget | cst.AugAssign | cst.Del)
        return replace(entry, kind="ignored") if written else entry

    def _function(self, node: cst.FunctionDef) -> None:
        owner = next(iter(self.resolver.ancestors(node)), None)
        owner = self.resolver.parents.get(owner) if isinstance(owner, cst.IndentedBlock) else None
        if not isinstance(owner, cst.ClassDef):
            return
        for base in owner.bases:
            target = self.resolver.target(base.value)
            names = libraries.names(f"{target.name}.{node.name.value}") if target else []
            for entry in self.table.of_kind("override", names):
                takes = {param.name.value for param in (*node.params.params, *node.params.kwonly_params)}
                if entry.argument not in takes and not self._takes_more(node, entry):
                    self._add(node, entry.kind, entry.argument, describe(short(names[0]), entry.argument, entry), entry)
            if target and not self.table.of_kind("override", names):
                self._places(node, target.name, names)
            for entry in self.table.of_kind("ungiven", names):
                for use in self._relies_on(node, entry.argument):
                    self._add(use, entry.kind, entry.argument, describe(short(names[0]), entry.argument, entry), entry)

    def _places(self, node: cst.FunctionDef, base: str, names: list[str]) -> None:
        """A method of a base written again with fewer places than the base cannot be called without, or with more."""
        known = libraries.places(f"{base}.{node.name.value}")
        static = any(
            m.matches(one, m.Decorator(m.Name("staticmethod") | m.Name("property"))) for one in node.decorators
        )
        if known is None or static or isinstance(node.params.star_arg, cst.Param) or node.params.star_kwarg:
            return
        own = node.params.params[1:]
        asked = [param for param in own if param.default is None]
        if len(own) < known[0] or len(asked) > known[1]:
            takes = f"{known[0]} arguments" if known[0] == known[1] else f"{known[0]} to {known[1]} arguments"
            message = f"{short(names[0])} is now called with {takes}, this takes {len(asked)} to {len(own)}"
            self._add(node, "unknown", names[0], message, library=base.partition(".")[0])

    def _takes_more(self, node: cst.FunctionDef, entry: Entry) -> bool:
        """Whether a method takes one argument more than it names: by place where the library gives it by place."""
        params, by_place = node.params, entry.value == "by place"
        more = params.star_arg if by_place else params.star_kwarg
        known = libraries.accepts(entry.object[0])
        place = known.names.index(entry.argument) + 1 if known and by_place else len(params.params)
        return isinstance(more, cst.Param) or len(params.params) > place

    def _relies_on(self, node: cst.FunctionDef, argument: str) -> list[cst.CSTNode]:
        """Where a method fails when it is not called with an argument: a parameter without a default, kwargs[...]."""
        wanted = [
            param
            for param in (*node.params.params, *node.params.kwonly_params)
            if param.name.value == argument and param.default is None
        ]
        more = node.params.star_kwarg
        if not more:
            return [*wanted]
        key = m.SubscriptElement(m.Index(m.SimpleString(m.MatchIfTrue(lambda value: text(value) == argument))))
        read = m.Subscript(m.Name(more.name.value), [key])
        inside = self.resolver.tree.inside(node)
        return [*wanted, *(part for part in inside if isinstance(part, cst.Subscript) and m.matches(part, read))]

    def _ours(self, module: str) -> bool:
        """Whether a module is of a library that is looked at, and not of the same name beside the script."""
        first = module.partition(".")[0]
        beside = self.source.path.parent / first
        return first in libraries.LIBRARIES and not beside.is_dir() and not beside.with_suffix(".py").is_file()


def _maybe_other(module: str) -> bool:
    """Whether a module that is not there may be of another package: many projects have a folder `datasets`."""
    return module.startswith("datasets.")
