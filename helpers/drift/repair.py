"""The mechanical repairs: a renamed argument, class, function or import, and an argument that may simply go.

An edit is made only where the result is certain; what needs a decision is left to the reader of the finding.
"""

import libcst as cst

from helpers.drift.arguments import Keyword
from helpers.drift.resolve import Resolver
from helpers.drift.source import Edit, Source
from helpers.drift.table import Entry


def keyword(resolver: Resolver, source: Source, found: Keyword, entry: Entry, given: set[str]) -> tuple[Edit, ...]:
    """Rename or drop an argument, or put the one that replaces it."""
    new_name = (entry.becomes.partition("=")[0] or entry.new).strip()
    if found.shared or (not entry.value or entry.becomes) and new_name in given:
        return ()
    if entry.drop:
        return (_removal(resolver, source, found),)
    if entry.becomes:
        name, _, value = entry.becomes.partition("=")
        text = f'"{name}": {value}' if isinstance(found.whole, cst.DictElement) else entry.becomes
        return (Edit(resolver.start(found.node), resolver.end(found.whole), text),)
    if entry.value and entry.new and isinstance(found.value, cst.SimpleString):
        return (_string(resolver, found.value, entry.new),)
    if entry.new and not entry.value and entry.new.isidentifier():
        if isinstance(found.node, cst.SimpleString):
            return (_string(resolver, found.node, entry.new),)
        return (_whole(resolver, found.node, entry.new),)
    return ()


def attribute(resolver: Resolver, node: cst.Attribute, entry: Entry | None) -> tuple[Edit, ...]:
    """Rename the last part of `a.b.old`, where the new name stands beside the old one."""
    if entry is None or not entry.new or entry.kind not in ("renamed", "deprecated"):
        return ()
    return (_whole(resolver, node.attr, entry.new.rpartition(".")[2]),)


def parameter(resolver: Resolver, param: cst.Param, new: str) -> tuple[Edit, ...]:
    """Rename a parameter and all that reads it, where the name stands for nothing else and the new one is free."""
    scope, name = resolver.tree.scopes[param], param.name.value
    if len(scope.sets[name]) > 1 or new in scope.sets:
        return ()
    return tuple(_whole(resolver, one, new) for one in (param.name, *scope.reads.get(name, ())))


def key(resolver: Resolver, node: cst.SimpleString, new: str) -> tuple[Edit, ...]:
    """Rename the key that a value is taken out of a dict with."""
    return (_string(resolver, node, new),)


def imports(
    resolver: Resolver, source: Source, node: cst.ImportFrom, module: str, missing: dict[cst.ImportAlias, Entry | None]
) -> tuple[Edit, ...]:
    """Rewrite one from-import and the uses of the names it brings, for the entries that say where they are now."""
    if isinstance(node.names, cst.ImportStar):
        return ()
    kept: list[cst.ImportAlias] = []
    edits: list[Edit] = []
    elsewhere: dict[str, list[str]] = {}
    for alias in node.names:
        entry, old = missing.get(alias), alias.evaluated_name
        if entry is None or not entry.new or entry.kind not in ("renamed", "moved"):
            kept.append(alias)
            continue
        new_module, new_name = _new_place(entry, module, old)
        if alias.asname is None and new_name != old:
            uses = resolver.readers(node, old, alias)
            edits += [_whole(resolver, use, new_name) for use in uses if resolver.imported(use) == f"{module}.{old}"]
        renamed = alias.with_changes(name=cst.Name(new_name))
        if new_module == module:
            kept.append(renamed)
        else:
            bare = renamed.with_changes(comma=cst.MaybeSentinel.DEFAULT)
            elsewhere.setdefault(new_module, []).append(resolver.module.code_for_node(bare))
    if kept == list(node.names):
        return ()
    lines = [f"from {new_module} import {', '.join(names)}" for new_module, names in elsewhere.items()]
    if kept:
        last = kept[-1] if node.lpar else kept[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
        lines.insert(
            0,
            resolver.module.code_for_node(
                node.with_changes(names=[*kept[:-1], last], semicolon=cst.MaybeSentinel.DEFAULT)
            ),
        )
    start, end = resolver.start(node), resolver.end(node)
    before = source.lines[start[0] - 1][: start[1]]
    alone = isinstance(around := resolver.parents[node], cst.SimpleStatementLine) and len(around.body) == 1
    text = ("\n" + before if alone else "; ").join(lines)  # behind `try:` or another statement: on the same line
    return (Edit(start, end, text), *edits)


def add(resolver: Resolver, call: cst.Call, argument: str) -> tuple[Edit, ...]:
    """One more argument behind the others of a call."""
    if not call.args:
        return ()
    last = call.args[-1]
    if isinstance(last.comma, cst.Comma):
        after = resolver.end(last.comma, last)
        return (Edit(after, after, f" {argument}"),)
    return (Edit(resolver.end(last), resolver.end(last), f", {argument}"),)


def _new_place(entry: Entry, module: str, name: str) -> tuple[str, str]:
    """Module and name of what an entry says has moved: the thing itself, or the module that it is in."""
    if module in entry.object:
        return entry.new, name
    new_module, _, new_name = entry.new.rpartition(".")
    return new_module, new_name


def _removal(resolver: Resolver, source: Source, found: Keyword) -> Edit:
    """The argument with one of its commas: the one before it on the same line, else the one after it."""
    start, end = resolver.start(found.node), resolver.end(found.whole)
    around = resolver.parents[found.whole]
    items = around.elements if isinstance(around, cst.Dict) else cst.ensure_type(around, cst.Call).args
    siblings: list[cst.CSTNode] = list(items)
    place = siblings.index(found.whole)
    before = resolver.end(siblings[place - 1]) if place else (0, 0)
    if before[0] == start[0]:
        return Edit(before, end, "")
    comma = found.whole.comma if isinstance(found.whole, cst.Arg | cst.DictElement) else None
    if isinstance(comma, cst.Comma):
        end = resolver.end(comma, found.whole)
        rest = source.lines[end[0] - 1][end[1] :]
        end = (end[0], end[1] + len(rest) - len(rest.lstrip(" \t")))
    return Edit(start, end, "")


def _string(resolver: Resolver, node: cst.SimpleString, text: str) -> Edit:
    return _whole(resolver, node, f"{node.prefix}{node.quote}{text}{node.quote}")


def _whole(resolver: Resolver, node: cst.CSTNode, text: str) -> Edit:
    return Edit(resolver.start(node), resolver.end(node), text)
