"""Calls held against what the installed libraries take: arguments, their values, and defaults that have changed."""

import difflib
import inspect
from dataclasses import replace
from fnmatch import fnmatchcase

import libcst as cst
import libcst.matchers as m

from helpers.drift import arguments, libraries, repair
from helpers.drift.arguments import Keyword
from helpers.drift.found import Found, short
from helpers.drift.libraries import Accepts, MissingError
from helpers.drift.report import describe
from helpers.drift.resolve import Target
from helpers.drift.table import Entry

# A call whose failure the script itself handles is no finding.
CALL_HANDLERS = {"TypeError"}
# Values that say by themselves what they are.
WRITTEN = (cst.BaseNumber, cst.BaseString, cst.UnaryOperation, cst.List, cst.Tuple, cst.ListComp)


def left_alone(entry: Entry, refused: str) -> Entry:
    """The entry of something that works with a warning, where what replaces it would raise."""
    return replace(entry, advice="; ".join(filter(None, (entry.advice, f"--fix leaves this: {refused}"))))


class Calls(Found):
    """The findings of calls."""

    def _arguments(self, node: cst.Call) -> None:
        target, shown = self._called(node)
        if target is None or target.built and not target.bound or self.guards.handled(node, CALL_HANDLERS):
            return
        target = self.resolver.today(target)
        try:
            callable_ = libraries.find(target.name)
        except MissingError:
            return
        accepts = libraries.accepts(target.name) if callable(callable_) else None
        if accepts is None or target.name.endswith(".__call__") and not accepts.anything:
            return
        names = libraries.names(target.name.removesuffix(".__init__"))
        keywords, complete = arguments.of_call(self.resolver, shown)
        given = self._given(shown, keywords, accepts)
        configured = self._configured(given)
        keywords += configured
        given = {**{keyword.name: keyword.value for keyword in configured}, **given}
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
        target = self.resolver.target(node.func)
        if target and target.instance:
            called = replace(target, name=f"{target.name}.__call__", instance=False, bound=True)
            return (None if "__call__" in target.own else called), node
        return target, node

    def _configured(self, given: dict[str, cst.BaseExpression]) -> list[Keyword]:
        """What a call of generate is told by the GenerationConfig that it is given."""
        made = self.resolver.target(given["generation_config"]) if "generation_config" in given else None
        if made is None or made.call is None or made.name.rpartition(".")[2] != "GenerationConfig":
            return []
        return arguments.of_call(self.resolver, made.call)[0]

    def _keyword(
        self, keyword: Keyword, target: Target, names: list[str], accepts: Accepts, given: dict[str, cst.BaseExpression]
    ) -> None:
        if keyword.name in target.own:
            return
        entry = self._entry(names, keyword.name, keyword.value)
        taken = keyword.name in accepts.names
        if entry and entry.beside and not self._beside(entry, given):
            entry = None
        if entry and self._harmless(entry, keyword.value, given):
            return
        certain = entry is not None
        if entry is None and not taken:
            entry = self.table.of_argument(names, keyword.name)
            entry = None if entry and entry.beside else entry
            if (
                entry and entry.value and (entry.becomes or entry.new)
            ):  # of one value alone, and this is not known to be it
                said = f"where it is {entry.value}, {entry.becomes or entry.new} stands for it"
                entry = replace(
                    entry, value="", becomes="", new="", advice="; ".join(filter(None, (said, entry.advice)))
                )
        if entry and (not taken or entry.value or entry.beside or entry.kind in ("deprecated", "ignored")):
            edits = repair.keyword(self.resolver, self.source, keyword, entry, set(given)) if certain else ()
            edits += self._made_as_before(keyword.value, entry)
            if entry.kind == "deprecated" and edits and not self._takes(entry, accepts, target, names, given):
                entry, edits = left_alone(entry, f"{short(target.name)} does not take it here"), ()
            message = describe(short(target.name), keyword.name, entry)
            self._add(keyword.node, entry.kind, keyword.name, message, entry, edits)
        elif not taken and (not accepts.anything or self._loading_refuses(keyword.name, target, names, given)):
            near = difflib.get_close_matches(keyword.name, [one for one in accepts.names if one not in given], 2, 0.85)
            hint = f"; it does take {' and '.join(near)}" if near else ""
            message = f"{short(target.name)} does not take {keyword.name}{hint}"
            self._add(keyword.node, "unknown", keyword.name, message, library=target.name.partition(".")[0])

    def _takes(self, entry: Entry, accepts: Accepts, target: Target, names: list[str], given: dict) -> bool:
        """Whether the installed library takes what a repair would put in the place of what only warns."""
        new = entry.becomes.partition("=")[0] or (entry.argument if entry.value else entry.new)
        return new in accepts.names or accepts.anything and not self._loading_refuses(new, target, names, given)

    def _refused_by(self, called: str, node: cst.CSTNode) -> str:
        """What of the call of `node` its replacement refuses: an argument, or that they are too many; nothing else."""
        call, accepts = self.resolver.parents.get(node), libraries.accepts(called) if called else None
        if not isinstance(call, cst.Call) or call.func is not node or accepts is None or accepts.anything:
            return ""
        names = libraries.names(called)
        keywords, complete = arguments.of_call(self.resolver, call)
        for keyword in keywords:
            entry = self.table.of_argument(names, keyword.name)
            if keyword.name not in accepts.names and (entry is None or entry.new not in accepts.names):
                return f"it does not take {keyword.name}"
        if not complete:
            return "its arguments are not known here"
        by_place = [arg for arg in call.args if arg.keyword is None and not arg.star]
        return f"it takes {len(accepts.names)} arguments" if len(by_place) > len(accepts.names) else ""

    def _loading_refuses(self, name: str, target: Target, names: list[str], given: dict) -> bool:
        """For from_pretrained of a model of transformers itself: it takes what its config or its constructor takes."""
        own = "transformers.PreTrainedModel.from_pretrained" in names
        model = own or target.name.startswith("transformers.AutoModel")
        remote = "trust_remote_code" in given and not m.matches(given["trust_remote_code"], m.Name("False"))
        loads = model and target.name.endswith(".from_pretrained") and not remote and "config" not in given
        return loads and libraries.loading_refuses(name)

    def _value(
        self,
        node: cst.Call,
        name: str,
        value: cst.BaseExpression,
        target: Target,
        names: list[str],
        given: dict[str, cst.BaseExpression],
    ) -> None:
        entry = self._entry(names, name, value)
        if entry and (entry.beside and self._beside(entry, given) or entry.value):
            edits = self._made_as_before(value, entry)
            self._add(value, entry.kind, name, describe(short(target.name), name, entry), entry, edits)

    def _entry(self, names: list[str], name: str, value: cst.BaseExpression) -> Entry | None:
        """The entry about an argument with this value; one about a pattern then speaks of the value itself."""
        code = self._code(value)
        entry = self.table.of_argument(names, name, code)
        return replace(entry, value=code.strip("\"'")) if entry and "*" in entry.value else entry

    def _code(self, value: cst.BaseExpression) -> str:
        """The source of a value that an entry might name; nothing for what is longer than any."""
        if isinstance(value, cst.Name):
            held = self.resolver.only_value(value)
            value = held if isinstance(held, cst.SimpleString) else value
        if isinstance(value, cst.FormattedString):
            return self.resolver.module.code_for_node(value).removeprefix(value.start)
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
        """Whether another argument, or that it is not given, makes the entry irrelevant."""
        for one in entry.unless:
            argument, _, value = one.removeprefix("not ").partition("=")
            fits = argument in given and (not value or fnmatchcase(self._code(given[argument]), value))
            if fits is not one.startswith("not "):
                return True
        return False

    def _harmless(self, entry: Entry, value: cst.BaseExpression, given: dict[str, cst.BaseExpression]) -> bool:
        """Whether an argument does not do today what the entry says: for another argument's sake, or for its value's,
        where some values are fine. One that is not written out in the script may be any of those."""
        if self._excused(entry, given):
            return True
        held = self.resolver.only_value(value) if isinstance(value, cst.Name) else None
        held = held or value
        part = isinstance(held, cst.Attribute | cst.Subscript) and isinstance(held.value, cst.Call)
        written = part or isinstance(held, WRITTEN)
        return bool(entry.fine) and (not written or self._code(held) in entry.fine)

    def _given(self, node: cst.Call, keywords: list[Keyword], accepts: Accepts) -> dict[str, cst.BaseExpression]:
        """Argument name to value, with the positional ones under the names that the signature gives them."""
        by_place = [arg.value for arg in node.args if arg.keyword is None and not arg.star]
        return {**dict(zip(accepts.names, by_place)), **{keyword.name: keyword.value for keyword in keywords}}

    def _beside(self, entry: Entry, given: dict[str, cst.BaseExpression]) -> bool:
        """Whether the argument that the entry speaks of is an instance of the class it names, or surely is of none."""
        argument, _, wanted = entry.beside.partition(": ")
        wanted, other = wanted.removeprefix("not "), wanted.startswith("not ")
        target = self.resolver.target(given[argument]) if argument in given else None
        found = libraries.find(target.name) if target and target.instance and not (other and target.own) else None
        return inspect.isclass(found) and issubclass(found, libraries.find(wanted)) is not other
