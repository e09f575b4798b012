"""The arguments of a call by their names: written out, in a dict that is passed with **, or set on it line by line."""

from dataclasses import dataclass

import libcst as cst
import libcst.matchers as m

from helpers.drift.resolve import Resolver
from helpers.drift.syntax import text

# What may be done to a dict without taking a key away from it.
KEEPS = ("get", "items", "keys", "values", "copy", "update", "setdefault")
READERS = ("print", "len", "sorted", "str", "repr", "list", "dict", "pprint")
# Where a dict is looked at and stays as it is: {**d}, f"{d}", `x in d`, `for x in d`, d | other.
READ = (
    cst.StarredDictElement, cst.FormattedStringExpression, cst.ComparisonTarget, cst.Comparison, cst.For, cst.CompFor,
    cst.BinaryOperation, cst.BooleanOperation, cst.If, cst.IfExp, cst.UnaryOperation,
)  # fmt: skip


@dataclass(frozen=True)
class Keyword:
    """An argument given by name: `name=value`, a key of a dict that is passed with **, or `dict[name] = value`.

    `node` is what carries the name in the source; `whole` is the argument, dict element or assignment. `shared`: the
    dict has other uses, so that renaming its key might break them.
    """

    name: str
    value: cst.BaseExpression
    node: cst.Name | cst.SimpleString
    whole: cst.CSTNode
    shared: bool = False


def of_call(resolver: Resolver, call: cst.Call) -> tuple[list[Keyword], bool]:
    """The arguments given by name, and whether these are all (no ** of something that cannot be read here)."""
    found, complete = [], True
    for arg in call.args:
        if arg.keyword:
            found.append(Keyword(arg.keyword.value, arg.value, arg.keyword, arg))
        elif arg.star == "**":
            inner = _of_dict(resolver, arg.value)
            complete = complete and inner is not None
            found += inner or []
        elif arg.star == "*":
            complete = False
    return found, complete


def _of_dict(resolver: Resolver, node: cst.BaseExpression) -> list[Keyword] | None:
    """The items of a dict literal, of dict(...), or of a name that is bound to one and only gains keys."""
    if isinstance(node, cst.Dict) and any(isinstance(one, cst.StarredDictElement) for one in node.elements):
        alone = [one for one in node.elements if isinstance(one, cst.DictElement)]
        others = [_of_dict(resolver, one.value) for one in node.elements if isinstance(one, cst.StarredDictElement)]
        own = _literal(node.with_changes(elements=alone), shared=False)
        return None if own is None or None in others else [*own, *(key for other in others for key in other or ())]
    if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.BitOr):
        sides = [_of_dict(resolver, side) for side in (node.left, node.right)]
        return None if None in sides else [key for side in sides for key in side or ()]
    if not isinstance(node, cst.Name):
        return _literal(node, shared=False)
    value, uses = resolver.only_value(node), resolver.uses(node)
    found = _literal(value, shared=len(uses) > 1) if value is not None else None
    for use in uses:
        added = _added(resolver, use)
        if added is None or found is None:
            return None
        found += added
    return found


def _literal(node: cst.CSTNode, shared: bool) -> list[Keyword] | None:
    if isinstance(node, cst.Dict):
        found = [
            Keyword(text(e.key.value), e.value, e.key, e, shared)
            for e in node.elements
            if isinstance(e, cst.DictElement) and isinstance(e.key, cst.SimpleString)
        ]
        return found if len(found) == len(node.elements) else None
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value == "dict":
        found = [Keyword(a.keyword.value, a.value, a.keyword, a, shared) for a in node.args if a.keyword]
        return found if len(found) == len(node.args) else None
    return None


def _added(resolver: Resolver, use: cst.CSTNode) -> list[Keyword] | None:
    """The keys that one use of a dict's name sets; None where it may lose some."""
    parent = resolver.parents[use]
    if isinstance(parent, READ):
        return []
    if isinstance(parent, cst.Arg):
        func = cst.ensure_type(resolver.parents[parent], cst.Call).func
        method = isinstance(func, cst.Attribute) and not m.matches(func.value, m.Name("self"))  # wandb.init(config=kw)
        reader = method or m.matches(func, m.OneOf(*map(m.Name, READERS)))
        return [] if parent.star == "**" or reader else None
    if isinstance(parent, cst.Attribute):
        call = resolver.parents[parent]
        if parent.attr.value not in KEEPS or not isinstance(call, cst.Call):
            return None
        if parent.attr.value != "update":
            return []
        inner = [_literal(arg.value, True) for arg in call.args if not arg.keyword]
        named = [Keyword(a.keyword.value, a.value, a.keyword, a, True) for a in call.args if a.keyword]
        return None if None in inner else named + [keyword for found in inner for keyword in found or ()]
    if isinstance(parent, cst.Subscript):
        return _set(resolver, parent)
    return None


def _set(resolver: Resolver, item: cst.Subscript) -> list[Keyword] | None:
    """`dict["key"] = value`, or a key that is read."""
    target, index = resolver.parents[item], item.slice[0].slice
    key = index.value if isinstance(index, cst.Index) else None
    if isinstance(target, cst.Del | cst.AugAssign):
        return None
    if not isinstance(target, cst.AssignTarget):
        return []
    whole = cst.ensure_type(resolver.parents[target], cst.Assign)
    return [Keyword(text(key.value), whole.value, key, whole, True)] if isinstance(key, cst.SimpleString) else None
