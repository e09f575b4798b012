"""Walk a module and hold its imports, attributes and calls against what is installed and against the table."""

import difflib
import inspect
from collections.abc import Callable
from typing import Any

import libcst as cst
import libcst.matchers as m
from libcst.helpers import get_full_name_for_node

from helpers.drift import arguments, libraries, pins, repair
from helpers.drift.arguments import Keyword
from helpers.drift.guards import Guards
from helpers.drift.libraries import Accepts, MissingError
from helpers.drift.report import Finding, describe
from helpers.drift.resolve import Resolver, Target
from helpers.drift.source import Source, Unit
from helpers.drift.table import Entry, Table

# An import or a call whose failure the script itself handles is no finding.
IMPORT_HANDLERS = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}
CALL_HANDLERS = {"TypeError"}
ATTRIBUTE_HANDLERS = CALL_HANDLERS | {"AttributeError"}


def findings(source: Source, table: Table) -> list[Finding]:
    """All findings of a file, in the order of its lines."""
    return sorted(
        (one for unit in source.units for one in Checker(source, unit, table).findings()), key=lambda f: f.line
    )


class Checker:
    """Collects the findings of one unit; defaults apart, because they count only in a script that shows its age."""

    def __init__(self, source: Source, unit: Unit, table: Table) -> None:
        self.source, self.table = source, table
        self.resolver = Resolver(unit, table)
        self.guards = Guards(self.resolver)
        self._found: dict[Finding, None] = {}
        self._defaults: list[Finding] = []

    def findings(self) -> list[Finding]:
        """The findings of this unit."""
        look: dict[type, Callable[[Any], None]] = {
            cst.ImportFrom: self._import_from,
            cst.Import: self._import,
            cst.Attribute: self._used,
            cst.Call: self._call,
            cst.FunctionDef: self._function,
        }
        for node in self.resolver.tree.nodes:
            if type(node) in look:
                look[type(node)](node)
        aged = any(finding.kind != "default" for finding in self._found)
        return [*self._found, *(self._defaults if aged else [])]

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
        edits = repair.imports(self.resolver, node, module, {alias: entry for alias, (entry, _) in missing.items()})
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
        target, shown = self._called(node)
        if target is None or target.instance or target.built or self.guards.handled(node, CALL_HANDLERS):
            return
        target = self.resolver.today(target)
        try:
            callable_ = libraries.find(target.name)
        except MissingError:
            return
        accepts = libraries.accepts(target.name) if callable(callable_) else None
        if accepts is None:
            return
        names = libraries.names(target.name.removesuffix(".__init__"))
        keywords, complete = arguments.of_call(self.resolver, shown)
        given = self._given(shown, keywords, accepts)
        for keyword in keywords:
            self._keyword(keyword, target, names, accepts, given)
        for name, value in given.items():
            if name not in {keyword.name for keyword in keywords}:
                self._value(shown, name, value, target, names, given)
        if complete:
            self._changed_defaults(node, target, names, accepts, given)

    def _called(self, node: cst.Call) -> tuple[Target | None, cst.Call]:
        """What a call calls, and the call with its arguments alone: partial(f, a=1) is seen as f(a=1)."""
        if self.resolver.dotted(node.func) == "functools.partial" and node.args and not node.args[0].star:
            return self.resolver.target(node.args[0].value), node.with_changes(args=node.args[1:])
        return self.resolver.target(node.func), node

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
            if entry is None and elsewhere:  # set on the object itself, or reported where it was imported
                return
        if gone is not None or entry is not None and entry.kind in ("deprecated", "ignored"):
            renamed = repair.attribute(self.resolver, node, entry) if isinstance(node, cst.Attribute) else ()
            edits = renamed + self._made_as_before(node, entry)
            self._object(named, target.name, entry, gone, edits, target.bound)

    def _former_field(self, node: cst.CSTNode, gone: MissingError) -> Entry | None:
        """The entry about an argument that was a field of the object, where the field is read and is gone, too."""
        entry = self.table.of_argument(libraries.names(gone.owner), gone.part)
        written = isinstance(self.resolver.parents[node], cst.AssignTarget | cst.AugAssign | cst.Del)
        if entry is None or written or entry.beside or not libraries.lacks(gone.owner, gone.part):
            return None
        return entry

    def _made_as_before(self, node: cst.CSTNode, entry: Entry | None) -> tuple:
        """The repair at the call that made an object, for the entries that say what to add there."""
        value = node.value if isinstance(node, cst.Attribute) else node
        made = self.resolver.target(value)
        return repair.add(self.resolver, made.call, entry.made) if entry and entry.made and made and made.call else ()

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
                if entry.argument not in takes and node.params.star_kwarg is None:
                    self._add(node, entry.kind, entry.argument, describe(short(names[0]), entry.argument, entry), entry)

    def _keyword(
        self, keyword: Keyword, target: Target, names: list[str], accepts: Accepts, given: dict[str, cst.BaseExpression]
    ) -> None:
        if keyword.name in target.own:
            return
        code = self._code(keyword.value)
        entry = self.table.of_argument(names, keyword.name, code)
        taken = keyword.name in accepts.names
        if entry and entry.beside and not self._beside(entry, given):
            entry = None
        certain = entry is not None
        if entry is None and not taken:
            entry = self.table.of_argument(names, keyword.name)
            entry = None if entry and entry.beside else entry
        if entry and (not taken or entry.value or entry.beside or entry.kind in ("deprecated", "ignored")):
            edits = repair.keyword(self.resolver, self.source, keyword, entry, set(given)) if certain else ()
            edits += self._made_as_before(keyword.value, entry)
            message = describe(short(target.name), keyword.name, entry)
            self._add(keyword.node, entry.kind, keyword.name, message, entry, edits)
        elif not taken and (not accepts.anything or self._loading_refuses(keyword, target, names, given)):
            near = difflib.get_close_matches(keyword.name, accepts.names, 2)
            hint = f"; it does take {' and '.join(near)}" if near else ""
            message = f"{short(target.name)} does not take {keyword.name}{hint}"
            self._add(keyword.node, "unknown", keyword.name, message, library=target.name.partition(".")[0])

    def _loading_refuses(self, keyword: Keyword, target: Target, names: list[str], given: dict) -> bool:
        """For from_pretrained of a model of transformers itself: it takes what its config or its constructor takes."""
        own = "transformers.PreTrainedModel.from_pretrained" in names
        model = own or target.name.startswith("transformers.AutoModel")
        remote = "trust_remote_code" in given and not m.matches(given["trust_remote_code"], m.Name("False"))
        loads = model and target.name.endswith(".from_pretrained") and not remote and "config" not in given
        return loads and libraries.loading_refuses(keyword.name)

    def _value(
        self,
        node: cst.Call,
        name: str,
        value: cst.BaseExpression,
        target: Target,
        names: list[str],
        given: dict[str, cst.BaseExpression],
    ) -> None:
        entry = self.table.of_argument(names, name, self._code(value))
        if entry and (entry.beside and self._beside(entry, given) or entry.value):
            edits = self._made_as_before(value, entry)
            self._add(value, entry.kind, name, describe(short(target.name), name, entry), entry, edits)

    def _code(self, value: cst.BaseExpression) -> str:
        """The source of a value that an entry might name; nothing for what is longer than any."""
        if isinstance(
            value, cst.Name | cst.SimpleString | cst.Integer | cst.Float | cst.Attribute | cst.UnaryOperation
        ):
            return self.resolver.module.code_for_node(value)
        return ""

    def _changed_defaults(
        self, node: cst.Call, target: Target, names: list[str], accepts: Accepts, given: dict[str, cst.BaseExpression]
    ) -> None:
        alias = {other for name in given if (other := self._other_name(names, name)) is not None}
        for entry in self.table.of_kind("default", names):
            own = self._other_name(names, entry.argument)
            known = alias | set(given) | target.own
            if entry.argument not in known and own not in given and not self._excused(entry, given):
                message = describe(short(target.name), entry.argument, entry)
                found = self._finding(node, "default", entry.argument, message, entry)
                self._defaults += [found] if found else []

    def _other_name(self, names: list[str], argument: str) -> str | None:
        """The newer name of an argument that the table says was renamed or is on its way out."""
        entry = self.table.of_argument(names, argument, "")
        return entry.new if entry and entry.new else None

    def _excused(self, entry: Entry, given: dict[str, cst.BaseExpression]) -> bool:
        """Whether another argument makes the entry's own default irrelevant."""
        argument, _, value = entry.unless.partition("=")
        return argument in given and value in ("", self._code(given[argument]))

    def _given(self, node: cst.Call, keywords: list[Keyword], accepts: Accepts) -> dict[str, cst.BaseExpression]:
        """Argument name to value, with the positional ones under the names that the signature gives them."""
        by_place = [arg.value for arg in node.args if arg.keyword is None and not arg.star]
        return {**dict(zip(accepts.names, by_place)), **{keyword.name: keyword.value for keyword in keywords}}

    def _beside(self, entry: Entry, given: dict[str, cst.BaseExpression]) -> bool:
        """Whether the other argument that the entry speaks of is an instance of the class it names."""
        argument, _, wanted = entry.beside.partition(": ")
        target = self.resolver.target(given[argument]) if argument in given else None
        found = libraries.find(target.name) if target and target.instance else None
        return inspect.isclass(found) and issubclass(found, libraries.find(wanted))

    def _object(self, node, name: str, entry: Entry | None, gone: MissingError | None, edits=(), bound=False) -> None:
        if entry is None:
            self._add(node, "unknown", name, str(gone), library=name.partition(".")[0])
            return
        owner, _, last = name.rpartition(".")
        what = {
            "deprecated": f"{last} still works, with a warning",
            "ignored": f"{last} is there and does nothing",
        }.get(entry.kind, f"{short(owner)} no longer has {last}")
        use = f": use {short(entry.new) if bound else entry.new}" if entry.new else ""
        since = f" ({entry.since})" if entry.since else ""
        message = f"{what}{use}{'; ' if entry.advice else ''}{entry.advice}{since}"
        self._add(node, entry.kind, name, message, entry, edits)

    def _add(
        self, node, kind: str, subject: str, message: str, entry: Entry | None = None, edits=(), library: str = ""
    ) -> None:
        found = self._finding(node, kind, subject, message, entry, edits, library)
        if found:
            self._found[found] = None

    def _finding(
        self, node, kind: str, subject: str, message: str, entry: Entry | None, edits=(), library: str = ""
    ) -> Finding | None:
        """The finding at a node; None where the script sees to it that this does not run today."""
        names = {subject.rpartition(".")[2], *([entry.new.rpartition(".")[2]] if entry and entry.new else ())}
        if not self.guards.runs(node, names):
            return None
        line = self.resolver.line(node)
        pinned = pins.note(entry.object[0].partition(".")[0] if entry else library, entry, self.source.pins)
        return Finding(self.source.place(line), line, kind, subject, message, entry, tuple(edits), pinned)

    def _ours(self, module: str) -> bool:
        """Whether a module is of a library that is looked at, and not of the same name beside the script."""
        first = module.partition(".")[0]
        beside = self.source.path.parent / first
        return first in libraries.LIBRARIES and not beside.is_dir() and not beside.with_suffix(".py").is_file()


def _maybe_other(module: str) -> bool:
    """Whether a module that is not there may be of another package: many projects have a folder `datasets`."""
    return module.startswith("datasets.")


def short(name: str) -> str:
    """How a message names an object: the class, or the class and its method."""
    parts = name.split(".")
    return ".".join(parts[-2:]) if len(parts) > 2 and parts[-2][:1].isupper() else parts[-1]
