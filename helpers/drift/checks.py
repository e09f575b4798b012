"""Walk a module and hold its imports, attributes and calls against what is installed and against the table."""

import difflib
import inspect

import libcst as cst
from libcst.helpers import get_full_name_for_node

from helpers.drift import libraries, repair
from helpers.drift.libraries import Accepts, MissingError
from helpers.drift.report import Finding, describe
from helpers.drift.resolve import Keyword, Resolver, Target
from helpers.drift.source import Source
from helpers.drift.table import Entry, Table

# An import or a call whose failure the script itself handles is no finding.
IMPORT_HANDLERS = {"ImportError", "ModuleNotFoundError", "Exception"}
CALL_HANDLERS = {"TypeError"}


class Checker(cst.CSTVisitor):
    """Collects the findings of one file; defaults apart, because they count only in a script that shows its age."""

    def __init__(self, source: Source, table: Table) -> None:
        super().__init__()
        self.source, self.table = source, table
        self.resolver = Resolver(source.module, table)
        self._found: list[Finding] = []
        self._defaults: list[Finding] = []

    def findings(self) -> list[Finding]:
        """All findings in the order of their lines."""
        self.resolver.module.visit(self)
        aged = any(finding.kind != "default" for finding in self._found)
        return sorted(self._found + (self._defaults if aged else []), key=lambda found: found.line)

    def visit_ImportFrom(self, node: cst.ImportFrom) -> bool:
        module = get_full_name_for_node(node.module) if node.module and not node.relative else None
        if not module or not ours(module) or isinstance(node.names, cst.ImportStar):
            return False
        if self._handled(node, IMPORT_HANDLERS):
            return False
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
            repaired = edits if entry and entry.new else ()
            self._object(alias, f"{module}.{alias.name.value}", entry, gone, repaired)
        return False

    def visit_Import(self, node: cst.Import) -> bool:
        for alias in node.names:
            module = get_full_name_for_node(alias.name)
            if module and ours(module) and not self._handled(node, IMPORT_HANDLERS):
                try:
                    libraries.find(module)
                except MissingError as error:
                    self._object(alias, module, self.table.of_object([module]), error)
        return False

    def visit_Attribute(self, node: cst.Attribute) -> None:
        target = self.resolver.target(node)
        if target is None or target.instance or self._handled(node, CALL_HANDLERS | {"AttributeError"}):
            return
        entry, gone = self.table.of_object(libraries.names(target.name)), None
        try:
            libraries.find(target.name)
        except MissingError as error:
            gone = error
            elsewhere = target.bound or gone.owner != target.name.rpartition(".")[0]
            if entry is None and elsewhere:  # set on the object itself, or reported where it was imported
                return
        if gone is not None or entry is not None and entry.kind in ("deprecated", "ignored"):
            edits = repair.attribute(self.resolver, node, entry)
            self._object(node.attr, target.name, entry, gone, edits, target.bound)

    def visit_Call(self, node: cst.Call) -> None:
        target = self.resolver.target(node.func)
        if target is None or target.instance or self._handled(node, CALL_HANDLERS):
            return
        try:
            callable_ = libraries.find(target.name)
        except MissingError:
            return
        accepts = libraries.accepts(target.name) if callable(callable_) else None
        if accepts is None:
            return
        names = libraries.names(target.name)
        keywords, complete = self.resolver.keywords(node)
        given = self._given(node, keywords, accepts)
        for keyword in keywords:
            self._keyword(keyword, target, names, accepts, given)
        for name, value in given.items():
            if name not in {keyword.name for keyword in keywords}:
                self._value(node, name, value, target, names)
        if complete:
            self._changed_defaults(node, target, names, accepts, given)

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
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
        code = self.resolver.module.code_for_node(keyword.value)
        entry = self.table.of_argument(names, keyword.name, code)
        taken = keyword.name in accepts.names
        if entry and entry.beside and not self._beside(entry, given):
            entry = None
        certain = entry is not None
        if entry is None and not taken:
            entry = self.table.of_argument(names, keyword.name)
        if entry and (not taken or entry.value or entry.beside or entry.kind in ("deprecated", "ignored")):
            edits = repair.keyword(self.resolver, self.source, keyword, entry, set(given)) if certain else ()
            message = describe(short(target.name), keyword.name, entry)
            self._add(keyword.node, entry.kind, keyword.name, message, entry, edits)
        elif not taken and not accepts.anything:
            near = difflib.get_close_matches(keyword.name, accepts.names, 2)
            hint = f"; it does take {' and '.join(near)}" if near else ""
            message = f"{short(target.name)} does not take {keyword.name}{hint}"
            self._add(keyword.node, "unknown", keyword.name, message)

    def _value(self, node: cst.Call, name: str, value: cst.BaseExpression, target: Target, names: list[str]) -> None:
        entry = self.table.of_argument(names, name, self.resolver.module.code_for_node(value))
        if entry and entry.value:
            self._add(value, entry.kind, name, describe(short(target.name), name, entry), entry)

    def _changed_defaults(
        self, node: cst.Call, target: Target, names: list[str], accepts: Accepts, given: dict[str, cst.BaseExpression]
    ) -> None:
        alias = {other for name in given if (other := self._other_name(names, name)) is not None}
        for entry in self.table.of_kind("default", names):
            own = self._other_name(names, entry.argument)
            if entry.argument not in alias | set(given) and own not in given and not self._excused(entry, given):
                message = describe(short(target.name), entry.argument, entry)
                line = self.resolver.line(node)
                self._defaults.append(Finding(self.source.place(line), line, "default", entry.argument, message, entry))

    def _other_name(self, names: list[str], argument: str) -> str | None:
        """The newer name of an argument that the table says was renamed or is on its way out."""
        entry = self.table.of_argument(names, argument, "")
        return entry.new if entry and entry.new else None

    def _excused(self, entry: Entry, given: dict[str, cst.BaseExpression]) -> bool:
        """Whether another argument makes the entry's own default irrelevant."""
        argument, _, value = entry.unless.partition("=")
        return argument in given and value in ("", self.resolver.module.code_for_node(given[argument]))

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
            self._add(node, "unknown", name, str(gone))
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

    def _add(self, node, kind: str, subject: str, message: str, entry: Entry | None = None, edits=()) -> None:
        line = self.resolver.line(node)
        found = Finding(self.source.place(line), line, kind, subject, message, entry, tuple(edits))
        if found not in self._found:
            self._found.append(found)

    def _handled(self, node: cst.CSTNode, handlers: set[str]) -> bool:
        """Whether the script expects this to fail: inside a try with such a handler, or under `with ...raises(...)`."""
        inner = node
        for outer in self.resolver.ancestors(node):
            if isinstance(outer, cst.Try) and inner is outer.body:
                kinds = {name for handler in outer.handlers for name in _names(handler.type)}
                if kinds & handlers:
                    return True
            if isinstance(outer, cst.With) and any(_is_raises(item.item) for item in outer.items):
                return True
            inner = outer
        return False


def ours(module: str) -> bool:
    """Whether a module belongs to one of the libraries that are looked at."""
    return module.partition(".")[0] in libraries.LIBRARIES


def short(name: str) -> str:
    """How a message names an object: the class, or the class and its method."""
    parts = name.split(".")
    return ".".join(parts[-2:]) if len(parts) > 2 and parts[-2][:1].isupper() else parts[-1]


def _names(node: cst.BaseExpression | None) -> list[str]:
    if isinstance(node, cst.Tuple):
        return [name for element in node.elements for name in _names(element.value)]
    return [node.value] if isinstance(node, cst.Name) else []


def _is_raises(node: cst.BaseExpression) -> bool:
    name = get_full_name_for_node(node.func) if isinstance(node, cst.Call) else None
    return name is not None and name.rpartition(".")[2] in ("raises", "assertRaises", "assertRaisesRegex")
