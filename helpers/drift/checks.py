"""Walk a module and hold its imports, attributes and calls against what is installed and against the table."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cached_property
from typing import Any

import libcst as cst
import libcst.matchers as m
from libcst.helpers import get_full_name_for_node

from helpers.drift import libraries, repair
from helpers.drift.calls import CALL_HANDLERS, Calls, left_alone
from helpers.drift.libraries import MissingError
from helpers.drift.methods import Methods
from helpers.drift.report import Finding
from helpers.drift.resolve import Target
from helpers.drift.source import Source
from helpers.drift.table import Entry, Table

# An import or an attribute whose failure the script itself handles is no finding.
IMPORT_HANDLERS = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}
ATTRIBUTE_HANDLERS = CALL_HANDLERS | {"AttributeError"}


def findings(source: Source, table: Table) -> list[Finding]:
    """All findings of a file, in the order of its lines."""
    return sorted(
        (one for unit in source.units for one in Checker(source, unit, table).findings()), key=lambda f: f.line
    )


class Checker(Calls, Methods):
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
        if isinstance(node, cst.Attribute) and self._brought(self.resolver.target(node.value), node.attr.value):
            return
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
            if entry and entry.kind == "deprecated" and (refused := self._refused_by(entry.new, node)):
                entry, edits = left_alone(entry, refused), ()
            if entry and gone and isinstance(node, cst.Attribute) and self.resolver.stored(node):
                if not target.bound:  # the script puts it back itself
                    return
                entry = replace(entry, kind="ignored")
            self._object(named, target.name, entry, gone, edits, target.bound)

    def _brought(self, owner: Target | None, name: str) -> bool:
        """Whether the object may be one of a class of the script that has this of its own: an object that the script
        made is of the class that it called."""
        if owner is None or not owner.instance or owner.call is not None:
            return False
        return any(name in own.own and owner.name in (own.name, *libraries.names(own.name)) for own in self._classes)

    @cached_property
    def _classes(self) -> list[Target]:
        """What the classes of the script derive from."""
        nodes = (node for node in self.resolver.tree.nodes if isinstance(node, cst.ClassDef))
        return [found for found in map(self.resolver.of_class, nodes) if found]

    def _never_set(self, node: cst.CSTNode, gone: MissingError) -> bool:
        """Whether an attribute is read that neither the object's class nor anything in the script can have set."""
        if not isinstance(node, cst.Attribute) or isinstance(self.resolver.parents[node], cst.AssignTarget | cst.Del):
            return False
        owner = self.resolver.target(node.value)
        if owner is None or not owner.instance or owner.name not in (gone.owner, *libraries.names(gone.owner)):
            return False
        made = self.resolver.target(owner.call.func) if owner.call else None
        exact = made is not None and not made.instance and made.name == owner.name
        exact = exact or m.matches(node.value, m.Name("self")) and not gone.owner.endswith("Mixin")
        if gone.part in self._written or self._sets_by_name:
            return False
        return libraries.surely_lacks(gone.owner, gone.part, exact)

    @cached_property
    def _written(self) -> set[str]:
        """The names that the script gives to attributes of whatever object, or of its own classes."""
        nodes = self.resolver.tree.nodes
        targets = (node for node in nodes if isinstance(node, cst.Attribute) and self.resolver.stored(node))
        classes = [self.resolver.own_values(node) for node in nodes if isinstance(node, cst.ClassDef)]
        return {node.attr.value for node in targets}.union(*classes)

    @cached_property
    def _sets_by_name(self) -> bool:
        """Whether the script sets attributes whose names only running it shows."""
        calls = (node for node in self.resolver.tree.nodes if isinstance(node, cst.Call))
        return any(m.matches(node.func, m.Name("setattr")) for node in calls)

    def _former_field(self, node: cst.CSTNode, gone: MissingError) -> Entry | None:
        """The entry about an argument that was a field of the object, where the field is read and is gone, too."""
        entry = self.table.of_argument(libraries.names(gone.owner), gone.part)
        if entry is None or entry.beside or entry.value or not libraries.lacks(gone.owner, gone.part):
            return None
        written = isinstance(self.resolver.parents[node], cst.AssignTarget | cst.AugAssign | cst.Del)
        return replace(entry, kind="ignored") if written else entry

    def _ours(self, module: str) -> bool:
        """Whether a module is of a library that is looked at, and not of the same name beside the script."""
        first = module.partition(".")[0]
        beside = self.source.path.parent / first
        return first in libraries.LIBRARIES and not beside.is_dir() and not beside.with_suffix(".py").is_file()


def _maybe_other(module: str) -> bool:
    """Whether a module that is not there may be of another package: many projects have a folder `datasets`."""
    return module.startswith("datasets.")
