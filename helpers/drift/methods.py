"""Methods that a script writes anew, held against how the installed libraries call them."""

import libcst as cst
import libcst.matchers as m

from helpers.drift import libraries, repair
from helpers.drift.calls import CALL_HANDLERS
from helpers.drift.found import Found, short
from helpers.drift.report import describe
from helpers.drift.source import Edit
from helpers.drift.syntax import is_none, string
from helpers.drift.table import Entry

NONE_HANDLERS = CALL_HANDLERS | {"AttributeError"}


class Methods(Found):
    """The findings of methods."""

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
                message = describe(short(names[0]), entry.argument, entry)
                for use, edits in self._relies_on(node, entry):
                    self._add(use, entry.kind, entry.argument, message, entry, edits)

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

    def _relies_on(self, node: cst.FunctionDef, entry: Entry) -> list[tuple[cst.CSTNode, tuple[Edit, ...]]]:
        """Where a method fails when it is not called with an argument, and the repair: a parameter without a default,
        or one whose None is used like the thing itself; kwargs[...], and a None from kwargs.get(...) likewise."""
        found: list[tuple[cst.CSTNode, tuple[Edit, ...]]] = []
        for param in (*node.params.params, *node.params.kwonly_params):
            if param.name.value != entry.argument:
                continue
            uses = self.resolver.readers(param, entry.argument, param)
            if param.default is None or is_none(param.default) and self._used_as_given(uses):
                found.append((param, repair.parameter(self.resolver, param, entry.new)))
        more = node.params.star_kwarg
        for part in self.resolver.tree.inside(node) if more else ():
            key = self._taken_out(part, more.name.value) if more else None
            if key is not None and string(key) == entry.argument:
                found.append((part, repair.key(self.resolver, key, entry.new)))
        return found

    def _taken_out(self, node: cst.CSTNode, kwargs: str) -> cst.SimpleString | None:
        """The key of `kwargs[key]`, and of `kwargs.get(key)` and `.pop(key)` where the answer must not be None."""
        key = m.SaveMatchedNode(m.SimpleString(), "key")
        method = m.Attribute(m.Name(kwargs), m.Name("get") | m.Name("pop"))
        item = m.Subscript(m.Name(kwargs), [m.SubscriptElement(m.Index(key))])
        found = m.extract(node, item) or m.extract(node, m.Call(method, [m.Arg(key), m.ZeroOrMore()]))
        if found is None:
            return None
        if isinstance(node, cst.Call):
            alone = len(node.args) == 1
            pops = m.matches(node.func, m.Attribute(attr=m.Name("pop"))) and alone
            none = alone or is_none(node.args[1].value)
            if not pops and not (none and self._used_as_given(self._holders(node))):
                return None
        return cst.ensure_type(found["key"], cst.SimpleString)

    def _holders(self, value: cst.Call) -> list[cst.BaseExpression]:
        """The expression itself, or where it is assigned to a name, all that read it there."""
        around = self.resolver.parents[value]
        target = around.targets[0].target if isinstance(around, cst.Assign) else None
        return [*self.resolver.readers(target, target.value, target)] if isinstance(target, cst.Name) else [value]

    def _used_as_given(self, uses: list) -> bool:
        """Whether a None in one of these places raises: an attribute of it, a call or an item, with no test before."""
        for use in uses:
            around = self.resolver.parents[use]
            part = isinstance(around, cst.Attribute | cst.Subscript) and around.value is use
            called = isinstance(around, cst.Call) and around.func is use
            asked = isinstance(use, cst.Name) and self.guards.asked(use)
            if (part or called) and not asked and not self.guards.handled(use, NONE_HANDLERS):
                return True
        return False
