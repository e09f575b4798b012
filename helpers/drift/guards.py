"""Whether a line of a script runs today: false conditions, guards on versions and on names, try and raises."""

import re
import sys
from collections.abc import Iterator

import libcst as cst
import libcst.matchers as m
from libcst.helpers import get_full_name_for_node
from packaging.version import InvalidVersion, Version

from helpers.drift import libraries
from helpers.drift.resolve import Resolver
from helpers.drift.syntax import text

COMPARE = {
    cst.Equal: lambda a, b: a == b,
    cst.NotEqual: lambda a, b: a != b,
    cst.LessThan: lambda a, b: a < b,
    cst.LessThanEqual: lambda a, b: a <= b,
    cst.GreaterThan: lambda a, b: a > b,
    cst.GreaterThanEqual: lambda a, b: a >= b,
}
OPERATORS = {"==": cst.Equal, "!=": cst.NotEqual, "<": cst.LessThan, "<=": cst.LessThanEqual, ">": cst.GreaterThan}
OPERATORS[">="] = cst.GreaterThanEqual
# is_transformers_version(">=", "4.41"), is_peft_version_greater_than("0.6"), compare_versions("transformers", "<", "5")
VERSION_CHECK = re.compile(r"compare_versions|is_([a-z]+)_version(_greater_than)?")
# What an older or newer release is told by: a handler of these alone holds what runs where the body fails.
FALLBACKS = {"ImportError", "ModuleNotFoundError", "TypeError", "AttributeError"}
LEAVES = {"exit", "quit", "sys.exit", "os._exit", "pytest.skip"}


class Guards:
    """Answers for one module."""

    def __init__(self, resolver: Resolver) -> None:
        self.resolver = resolver
        self.catching = True
        self._known: dict[cst.CSTNode, bool | None] = {}
        self._certain = False  # what depends on nothing but the script's own constants is a switch of its user

    def handled(self, node: cst.CSTNode, errors: set[str]) -> bool:
        """Whether the script expects a failure here: a try with a handler that goes on, or `with ...raises(...)`."""
        inner = node
        for outer in self.resolver.ancestors(node) if self.catching else ():
            if isinstance(outer, cst.Try) and inner is outer.body:
                if any(_catches(handler, errors) and _goes_on(handler) for handler in outer.handlers):
                    return True
            if isinstance(outer, cst.With) and any(_expects(item.item, errors) for item in outer.items):
                return True
            inner = outer
        return False

    def fallbacks(self, node: cst.CSTNode) -> Iterator[cst.Try]:
        """The `try` statements whose failure this waits for, where the libraries alone decide whether they fail."""
        for outer in self.resolver.ancestors(node):
            if isinstance(outer, cst.ExceptHandler):
                tried = cst.ensure_type(self.resolver.parents[outer], cst.Try)
                named = set(_names(outer.type))
                if named and named <= FALLBACKS and not any(map(self._other, self.resolver.tree.inside(tried.body))):
                    yield tried

    def _other(self, node: cst.CSTNode) -> bool:
        """Whether this is an import of a package that is not looked at, and may be there or not."""
        if isinstance(node, cst.Import):
            roots = [alias.evaluated_name.partition(".")[0] for alias in node.names]
        elif isinstance(node, cst.ImportFrom) and node.module and not node.relative:
            roots = [(get_full_name_for_node(node.module) or "").partition(".")[0]]
        else:
            roots = [""] if isinstance(node, cst.ImportFrom) else []
        return any(root not in libraries.LIBRARIES for root in roots)

    def runs(self, node: cst.CSTNode, names: set[str]) -> bool:
        """Whether this can run today. `names` are the words that a guard on the thing itself would hold:
        `if hasattr(model, "old")` stands before a use of `old` that its author knows to be uncertain."""
        inner = node
        for outer in self.resolver.ancestors(node):
            for test, taken in (*_conditions(outer, inner), *_left_before(outer, inner)):
                known = self._truth(test)
                if known is not None and known is not taken or known is None and names & _words(test, self.resolver):
                    return False
            inner = outer
        return True

    def asked(self, node: cst.Name) -> bool:
        """Whether a test around this name, or one that leaves before it, asks about the name."""
        inner: cst.CSTNode = node
        for outer in self.resolver.ancestors(node):
            for test, _ in (*_conditions(outer, inner), *_left_before(outer, inner)):
                if any(m.matches(one, m.Name(node.value)) for one in self.resolver.tree.inside(test)):
                    return True
            inner = outer
        return False

    def _truth(self, test: cst.BaseExpression) -> bool | None:
        if test not in self._known:
            self._certain = False
            value = self._value(test)
            self._known[test] = bool(value[0]) if value and (self._certain or _is_literal(test)) else None
        return self._known[test]

    def _value(self, node: cst.BaseExpression, depth: int = 0) -> tuple | None:
        """The value of an expression in a tuple, where it is the same in every run with the installed libraries."""
        if depth > 8:
            return None
        if isinstance(node, cst.Name):
            constant = {"True": (True,), "False": (False,), "None": (None,), "TYPE_CHECKING": (False,)}
            self._certain |= node.value == "TYPE_CHECKING"
            if node.value in constant:
                return constant[node.value]
            bindings = self.resolver.of(node)
            if len(bindings) != 1 or bindings[0].value is None:
                return None
            value, index = self._value(bindings[0].value, depth + 1), bindings[0].index
            if index is None or value is None:
                return value
            whole = value[0]
            return (whole[index],) if isinstance(whole, tuple | list) and index < len(whole) else None
        if isinstance(node, cst.Integer | cst.Float | cst.SimpleString):
            return (node.evaluated_value,)
        if isinstance(node, cst.Tuple):
            parts = [self._value(element.value, depth + 1) for element in node.elements]
            return (tuple(part[0] for part in parts if part),) if all(parts) else None
        if isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Not):
            value = self._value(node.expression, depth + 1)
            return (not value[0],) if value else None
        if isinstance(node, cst.BooleanOperation):
            return self._both(node, depth)
        if isinstance(node, cst.Comparison) and len(node.comparisons) == 1:
            return self._compared(node, depth)
        if isinstance(node, cst.GeneratorExp | cst.ListComp):
            return self._numbers(node, depth)
        if isinstance(node, cst.Attribute | cst.Call | cst.Subscript):
            return self._version(node, depth)
        return None

    def _both(self, node: cst.BooleanOperation, depth: int) -> tuple | None:
        sides = [self._value(side, depth + 1) for side in (node.left, node.right)]
        decides = isinstance(node.operator, cst.Or)
        if any(side and bool(side[0]) is decides for side in sides):
            self._certain |= any(map(_is_literal, (node.left, node.right)))
            return (decides,)
        return (not decides,) if all(sides) else None

    def _compared(self, node: cst.Comparison, depth: int) -> tuple | None:
        right = node.comparisons[0]
        compare = COMPARE.get(type(right.operator))
        left, other = self._value(node.left, depth + 1), self._value(right.comparator, depth + 1)
        try:
            return (compare(left[0], other[0]),) if compare and left and other else None
        except TypeError:
            return None

    def _version(self, node: cst.BaseExpression, depth: int) -> tuple | None:
        """Versions: of a library, of Python, parsed, split, or a part of one."""
        name = self.resolver.dotted(node) or ""
        if name in ("typing.TYPE_CHECKING", "sys.version_info"):
            self._certain = True
            return (False,) if name.endswith("G") else (sys.version_info[:3],)
        library, _, last = name.rpartition(".")
        if last == "__version__" and library in libraries.LIBRARIES:
            return self._installed(library)
        if isinstance(node, cst.Attribute):
            owner = self._value(node.value, depth + 1)
            part = getattr(owner[0], node.attr.value, None) if owner and isinstance(owner[0], Version) else None
            return (part,) if part is not None else None
        if isinstance(node, cst.Subscript):
            return self._part(node, depth)
        return self._called(cst.ensure_type(node, cst.Call), depth)

    def _part(self, node: cst.Subscript, depth: int) -> tuple | None:
        owner, index = self._value(node.value, depth + 1), node.slice[0].slice
        if not owner or not isinstance(owner[0], tuple | list | str):
            return None
        bounds = [index.value] if isinstance(index, cst.Index) else _bounds(index)
        found = [(None,) if bound is None else self._value(bound, depth + 1) for bound in bounds]
        try:
            where = [part[0] for part in found if part]
            return (owner[0][where[0]] if isinstance(index, cst.Index) else owner[0][slice(*where)],)
        except (IndexError, TypeError):
            return None

    def _called(self, node: cst.Call, depth: int) -> tuple | None:
        name = self.resolver.dotted(node.func) or get_full_name_for_node(node.func) or ""
        if name in ("tuple", "list") and len(node.args) == 1:
            return self._numbers(node.args[0].value, depth)
        if name == "map":
            return self._numbers(node, depth)
        arguments = [self._value(arg.value, depth + 1) for arg in node.args if arg.keyword is None and not arg.star]
        if not all(arguments) or len(arguments) != len(node.args):
            return None
        values = [argument[0] for argument in arguments if argument]
        try:
            asked = VERSION_CHECK.fullmatch(name.rpartition(".")[2])
            if asked:
                return self._checked([*filter(None, [asked.group(1), asked.group(2) and ">="]), *values])
            if name.rpartition(".")[2] in ("parse", "Version", "parse_version", "LooseVersion", "StrictVersion"):
                return (Version(*values),)
            if name.endswith("metadata.version") and values[0] in libraries.LIBRARIES:
                return self._installed(values[0])
            if name in ("int", "float"):
                return ((int if name == "int" else float)(*values),)
            if isinstance(node.func, cst.Attribute) and node.func.attr.value == "join":
                owner = self._value(node.func.value, depth + 1)
                return (owner[0].join(*values),) if owner else None
            if isinstance(node.func, cst.Attribute) and node.func.attr.value in ("split", "startswith"):
                owner = self._value(node.func.value, depth + 1)
                return (getattr(owner[0], node.func.attr.value)(*values),) if owner else None
        except (InvalidVersion, TypeError, ValueError, AttributeError, IndexError):
            return None
        return None

    def _numbers(self, node: cst.BaseExpression, depth: int) -> tuple | None:
        """map(int, parts), [int(x) for x in parts], int(x) for x in parts: the parts of a version as numbers."""
        if isinstance(node, cst.Call) and m.matches(node, m.Call(m.Name("map"), [m.Arg(m.Name("int")), m.Arg()])):
            parts = node.args[1].value
        elif isinstance(node, cst.GeneratorExp | cst.ListComp) and m.matches(
            node.elt, m.Call(m.Name("int"), [m.Arg(m.Name())])
        ):
            parts = node.for_in.iter
        else:
            return None
        value = self._value(parts, depth + 1)
        try:
            return (tuple(map(int, value[0])),) if value else None
        except (TypeError, ValueError):
            return None

    def _checked(self, parts: list) -> tuple | None:
        """The answer to: library, operator, version."""
        library, operator, version = parts
        if library not in libraries.LIBRARIES or operator not in OPERATORS:
            return None
        self._certain = True
        return (COMPARE[OPERATORS[operator]](Version(libraries.find(library).__version__), Version(version)),)

    def _installed(self, library: str) -> tuple:
        self._certain = True
        return (libraries.find(library).__version__,)


def _bounds(index: cst.BaseSlice) -> list[cst.BaseExpression | None]:
    return [index.lower, index.upper] if isinstance(index, cst.Slice) else []


def _is_literal(node: cst.BaseExpression) -> bool:
    inner = node.expression if isinstance(node, cst.UnaryOperation) else node
    return isinstance(inner, cst.Integer) or isinstance(inner, cst.Name) and inner.value in ("True", "False")


def _conditions(outer: cst.CSTNode, inner: cst.CSTNode) -> list[tuple[cst.BaseExpression, bool]]:
    """The tests that decide whether `inner` runs as a part of `outer`, with the answer that it takes."""
    if isinstance(outer, cst.If | cst.IfExp) and inner is outer.body:
        return [(outer.test, True)]
    if isinstance(outer, cst.If | cst.IfExp) and inner is outer.orelse:
        return [(outer.test, False)]
    if isinstance(outer, cst.BooleanOperation) and inner is outer.right:
        return [(outer.left, isinstance(outer.operator, cst.And))]
    if isinstance(outer, cst.While) and inner is outer.body:
        return [(outer.test, True)]
    return []


def _left_before(outer: cst.CSTNode, inner: cst.CSTNode) -> list[tuple[cst.BaseExpression, bool]]:
    """The tests of what stands before `inner` in its block and does not come back: `if new: return ...`."""
    if not isinstance(outer, cst.IndentedBlock):
        return []
    before = outer.body[: next(n for n, one in enumerate(outer.body) if one is inner)]
    tests = [one for one in before if isinstance(one, cst.If) and one.orelse is None and one.body.body]
    return [(one.test, False) for one in tests if _returns(one.body.body[-1])]


def _returns(last: cst.CSTNode) -> bool:
    last = last.body[-1] if isinstance(last, cst.SimpleStatementLine) else last
    return isinstance(last, cst.Return | cst.Continue | cst.Break)


def _words(test: cst.BaseExpression, resolver: Resolver) -> set[str]:
    """The strings in a test, and in what its names stand for."""
    parts = list(resolver.tree.inside(test))
    for name in [part for part in parts if isinstance(part, cst.Name)]:
        value = resolver.only_value(name)
        parts += resolver.tree.inside(value) if value is not None else ()
    return {text(part.value) for part in parts if isinstance(part, cst.SimpleString)}


def _catches(handler: cst.ExceptHandler, errors: set[str]) -> bool:
    return handler.type is None or bool(set(_names(handler.type)) & errors)


def _goes_on(handler: cst.ExceptHandler) -> bool:
    """Not one that raises again or leaves: then the script fails all the same."""
    last = handler.body.body[-1] if handler.body.body else None
    if isinstance(last, cst.SimpleStatementLine):
        last = last.body[-1]
    if isinstance(last, cst.Expr) and isinstance(last.value, cst.Call):
        return get_full_name_for_node(last.value.func) not in LEAVES
    return not isinstance(last, cst.Raise)


def _names(node: cst.BaseExpression | None) -> list[str]:
    if isinstance(node, cst.Tuple):
        return [name for element in node.elements for name in _names(element.value)]
    return [node.value] if isinstance(node, cst.Name) else []


def _expects(node: cst.BaseExpression, errors: set[str]) -> bool:
    if not isinstance(node, cst.Call):
        return False
    last = (get_full_name_for_node(node.func) or "").rpartition(".")[2]
    suppressed = {one for arg in node.args for one in _names(arg.value)} if last == "suppress" else set()
    return last in ("raises", "assertRaises", "assertRaisesRegex") or bool(suppressed & errors)
