"""Where nodes stand in their module. libcst finds that out by writing code, here only that of the statements asked for:
to write a file of a megabyte takes longer than to read it."""

import ast
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import cast

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider

from helpers.drift.tree import Tree

STATEMENTS = (cst.BaseSmallStatement, cst.BaseCompoundStatement)


class Positions(MetadataWrapper):
    """Asked for positions alone, libcst also walks the module for the providers that share a walk: there are none."""

    def visit_batched(self, visitors, *rest):
        """The module, walked where somebody waits for it."""
        return super().visit_batched(visitors, *rest) if visitors else self.module


class Places:
    """Answers for one module and the tree of it. `code` is the module's text."""

    def __init__(self, code: str, tree: Tree) -> None:
        self._code, self._tree = code, tree
        self._written: dict[cst.CSTNode, tuple[Mapping[cst.CSTNode, CodeRange], int]] = {}

    def start(self, node: cst.CSTNode) -> tuple[int, int]:
        """Line, from 1, and column, from 0, of a node that is in the tree."""
        if isinstance(node, cst.BaseCompoundStatement):
            return self._starts[node]
        found, above = self._around(node)
        return found[node].start.line + above, found[node].start.column

    def end(self, node: cst.CSTNode, of: cst.CSTNode | None = None) -> tuple[int, int]:
        """Where a node ends. `of` is what a comma belongs to: the tree has no commas."""
        found, above = self._around(of or node)
        return found[node].end.line + above, found[node].end.column

    @cached_property
    def _starts(self) -> dict[cst.CSTNode, tuple[int, int]]:
        """Line and column, in bytes, of each statement: Python's own parser says them, and is ten times as fast."""
        nodes = [node for node in self._tree.nodes if isinstance(node, STATEMENTS)]
        seen = _statements(ast.parse(self._code))
        return {node: (one.lineno, one.col_offset) for node, one in zip(nodes, seen, strict=True)}

    def _around(self, node: cst.CSTNode) -> tuple[Mapping[cst.CSTNode, CodeRange], int]:
        """Ranges in the code of a statement, of which this node is a part, and the number of lines above that code.

        That is a simple statement's own line, else, for what stands in the head of a block, the whole outermost block.
        """
        while not isinstance(node, cst.SimpleStatementLine) and not isinstance(self._tree.parents[node], cst.Module):
            node = self._tree.parents[node]
        if node not in self._written:
            first = node.body[0] if isinstance(node, cst.SimpleStatementLine) else node
            line, column = self._starts[first]
            alone = cast(cst.BaseStatement, node)
            if column:
                alone = cst.If(cst.Name("true"), cst.IndentedBlock([alone], indent=" " * column))
            part = cst.ensure_type(self._tree.nodes[0], cst.Module).with_changes(header=[], body=[alone], footer=[])
            found = Positions(part, unsafe_skip_copy=True).resolve(PositionProvider)
            self._written[node] = found, line - found[first].start.line
        return self._written[node]


def _statements(module: ast.Module) -> Iterator[ast.stmt]:
    """All statements in the order of the text."""
    stack: list[ast.AST] = [module]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.stmt):
            yield node
        inner = [getattr(node, name, []) for name in ("body", "handlers", "orelse", "finalbody", "cases")]
        stack += reversed([child for part in inner for child in part])
