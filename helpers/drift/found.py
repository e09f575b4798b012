"""The findings of one unit as they are collected: what each says, where it stands, and whether it runs today."""

from collections.abc import Iterable

import libcst as cst

from helpers.drift import pins, repair
from helpers.drift.guards import Guards
from helpers.drift.libraries import MissingError
from helpers.drift.report import RAISES, Finding
from helpers.drift.resolve import Resolver
from helpers.drift.source import Source, Unit
from helpers.drift.table import Entry, Table


class Found:
    """Collects the findings of one unit; defaults apart, because they count only in a script that shows its age."""

    def __init__(self, source: Source, unit: Unit, table: Table) -> None:
        self.source, self.table = source, table
        self.resolver = Resolver(unit, table)
        self.guards = Guards(self.resolver)
        self._found: dict[Finding, None] = {}
        self._defaults: list[Finding] = []
        self._fails: dict[cst.Try, bool] = {}

    def look(self, nodes: Iterable[cst.CSTNode]) -> None:
        """Collect what is found at these nodes."""
        raise NotImplementedError

    def _reached(self, node: cst.CSTNode) -> bool:
        """Whether no `except ImportError` around it waits for a failure that does not come today."""
        return all(self._fails_today(tried) for tried in self.guards.fallbacks(node))

    def _fails_today(self, tried: cst.Try) -> bool:
        """Whether something in the body of a `try` raises today, looked at as if nothing caught it."""
        if tried not in self._fails:
            kept = self._found, self._defaults, self.guards.catching
            self._found, self._defaults, self.guards.catching = {}, [], False
            self.look(self.resolver.tree.inside(tried.body))
            self._fails[tried] = any(finding.level == RAISES for finding in self._found)
            self._found, self._defaults, self.guards.catching = kept
        return self._fails[tried]

    def _made_as_before(self, node: cst.CSTNode, entry: Entry | None) -> tuple:
        """The repair at the call that made an object, for the entries that say what to add there."""
        value = node.value if isinstance(node, cst.Attribute) else node
        made = self.resolver.target(value)
        return repair.add(self.resolver, made.call, entry.made) if entry and entry.made and made and made.call else ()

    def _object(self, node, name: str, entry: Entry | None, gone: MissingError | None, edits=(), bound=False) -> None:
        if entry is None:
            self._add(node, "unknown", name, str(gone), library=name.partition(".")[0])
            return
        owner, _, last = name.rpartition(".")
        what = {
            "deprecated": f"{last} still works, with a warning",
            "ignored": f"nothing reads {last} any more" if gone else f"{last} is there and does nothing",
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
        if not self.guards.runs(node, names) or not self._reached(node):
            return None
        line = self.resolver.line(node)
        pinned = pins.note(entry.object[0].partition(".")[0] if entry else library, entry, self.source.pins)
        return Finding(self.source.place(line), line, kind, subject, message, entry, tuple(edits), pinned)


def short(name: str) -> str:
    """How a message names an object: the class, or the class and its method."""
    parts = name.removesuffix(".__call__").split(".")
    return ".".join(parts[-2:]) if len(parts) > 2 and parts[-2][:1].isupper() else parts[-1]
