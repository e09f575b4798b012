"""Calls held against what the installed libraries take: arguments, their values, and defaults that have changed."""

import difflib
import inspect
from dataclasses import replace

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


class Calls(Found):
    """The findings of calls."""

    def _arguments(self, node: cst.Call) -> None:
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
            message = describe(short(target.name), keyword.name, entry)
            self._add(keyword.node, entry.kind, keyword.name, message, entry, edits)
        elif not taken and (not accepts.anything or self._loading_refuses(keyword, target, names, given)):
            near = difflib.get_close_matches(keyword.name, [one for one in accepts.names if one not in given], 2, 0.85)
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
        """Whether the argument that the entry speaks of is an instance of the class it names, or surely is of none."""
        argument, _, wanted = entry.beside.partition(": ")
        wanted, other = wanted.removeprefix("not "), wanted.startswith("not ")
        target = self.resolver.target(given[argument]) if argument in given else None
        found = libraries.find(target.name) if target and target.instance and not (other and target.own) else None
        return inspect.isclass(found) and issubclass(found, libraries.find(wanted)) is not other
