"""Where nodes stand in their module. libcst finds that out by writing code, here only that of the statements asked for:
to write a file of a megabyte takes longer than to read it."""

import ast
from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import cached_property
from typing import Any

import libcst as cst
from libcst.metadata import PositionProvider
from libcst.metadata.position_provider import PositionProvidingCodegenState

from helpers.drift.tree import Tree, is_a

Range = tuple[tuple[int, int], tuple[int, int]]
STATEMENTS = (cst.BaseSmallStatement, cst.BaseCompoundStatement)


class Written(PositionProvidingCodegenState):
    """Writes code and keeps where each node of it starts and ends, as pairs of line and column: not the code itself.

    libcst's own state does the same in four times the time, and a statement has a hundred nodes.
    """

    def __init__(self, module: cst.Module, indent: int) -> None:
        super().__init__(module.default_indent, module.default_newline, PositionProvider(), [" " * indent])
        self.ranges: dict[cst.CSTNode, Range] = {}
        self._open: list[tuple[int, int]] = []

    def add_indent_tokens(self) -> None:
        """Move on by the indentation of the block."""
        self.column += sum(map(len, self.indent_tokens))

    def add_token(self, value: str) -> None:
        """Move on by a piece of code."""
        if "\n" in value or "\r" in value:
            self._update_position(value)
        else:
            self.column += len(value)

    def before_codegen(self, node: cst.CSTNode) -> None:
        """A node starts here, with what belongs to it."""
        self._open.append((self.line, self.column))

    def after_codegen(self, node: cst.CSTNode) -> None:
        """A node ends here, where it has not said itself what its code is."""
        self.ranges.setdefault(node, (self._open.pop(), (self.line, self.column)))

    def record_syntactic_position(self, node, *, start_node=None, end_node=None) -> Any:
        """What is written meanwhile is a node without its white space."""
        return Mark(self, node, start_node, end_node)


class Mark(AbstractContextManager):
    """The writing of one node without its white space."""

    def __init__(self, state: Written, node: cst.CSTNode, first: cst.CSTNode | None, last: cst.CSTNode | None) -> None:
        self._state, self._node, self._first, self._last = state, node, first, last

    def __enter__(self) -> None:
        self._start = self._state.line, self._state.column

    def __exit__(self, *_) -> None:
        state, ranges = self._state, self._state.ranges
        start = self._start if self._first is None else ranges[self._first][0]
        ranges[self._node] = start, (state.line, state.column) if self._last is None else ranges[self._last][1]


class Places:
    """Answers for one module and the tree of it. `code` is the module's text."""

    def __init__(self, code: str, tree: Tree) -> None:
        self._code, self._tree = code, tree
        self._written: dict[cst.CSTNode, tuple[dict[cst.CSTNode, Range], int]] = {}

    def start(self, node: cst.CSTNode) -> tuple[int, int]:
        """Line, from 1, and column, from 0, of a node that is in the tree."""
        if isinstance(node, cst.BaseCompoundStatement):
            return self._starts[node]
        found, above = self._around(node)
        (line, column), _ = found[node]
        return line + above, column

    def end(self, node: cst.CSTNode, of: cst.CSTNode | None = None) -> tuple[int, int]:
        """Where a node ends. `of` is what a comma belongs to: the tree has no commas."""
        found, above = self._around(of or node)
        _, (line, column) = found[node]
        return line + above, column

    @cached_property
    def _starts(self) -> dict[cst.CSTNode, tuple[int, int]]:
        """Line and column, in bytes, of each statement: Python's own parser says them, and is ten times as fast."""
        nodes = [node for node in self._tree.nodes if is_a(type(node), STATEMENTS)]
        seen = _statements(ast.parse(self._code))
        return {node: (one.lineno, one.col_offset) for node, one in zip(nodes, seen, strict=True)}

    def _around(self, node: cst.CSTNode) -> tuple[dict[cst.CSTNode, Range], int]:
        """Ranges in the code of a statement, of which this node is a part, and the number of lines above that code.

        That is a simple statement's own line, else, for what stands in the head of a block, the whole outermost block.
        """
        while not isinstance(node, cst.SimpleStatementLine) and not isinstance(self._tree.parents[node], cst.Module):
            node = self._tree.parents[node]
        if node not in self._written:
            first = node.body[0] if isinstance(node, cst.SimpleStatementLine) else node
            line, column = self._starts[first]
            state = Written(cst.ensure_type(self._tree.nodes[0], cst.Module), column)
            node._codegen(state)
            self._written[node] = state.ranges, line - state.ranges[first][0][0]
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
