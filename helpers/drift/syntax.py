"""What a node of the tree says by itself, without what its names stand for."""

import ast
from functools import cache

import libcst as cst
import libcst.matchers as m

NO_ANNOTATION = ("Optional", "Union", "Annotated")


def annotation_parts(node: cst.BaseExpression) -> list[cst.BaseExpression]:
    """The classes that an annotation allows, without None."""
    if isinstance(node, cst.BinaryOperation):
        return [part for side in (node.left, node.right) for part in annotation_parts(side)]
    if isinstance(node, cst.Subscript) and m.matches(node.value, m.OneOf(*map(m.Name, NO_ANNOTATION))):
        inner = [part.slice.value for part in node.slice if isinstance(part.slice, cst.Index)]
        return [part for one in inner for part in annotation_parts(one)]
    return [] if is_none(node) else [node]


def is_none(node: cst.CSTNode | None) -> bool:
    return isinstance(node, cst.Name) and node.value == "None"


def flags(node: cst.Call) -> set[str]:
    """The arguments that are given, and not plainly as True; ** stands for any."""
    given = {arg.keyword.value if arg.keyword else arg.star: arg.value for arg in node.args}
    return {name for name, value in given.items() if name and not m.matches(value, m.Name("True"))}


def string(node: cst.BaseExpression | None) -> str | None:
    return text(node.value) if isinstance(node, cst.SimpleString) else None


@cache
def text(literal: str) -> str:
    """What a string literal stands for. A script has few different ones, and libcst would parse each time."""
    return str(ast.literal_eval(literal))


def assignments(node: cst.CSTNode) -> list[tuple[cst.BaseExpression, cst.BaseExpression | None]]:
    """Each target with its value; None for one that is unpacked."""
    if isinstance(node, cst.AnnAssign):
        return [(node.target, node.value)]
    assign = cst.ensure_type(node, cst.Assign)
    targets = [one.target for one in assign.targets]
    unpacked = [part.value for one in targets if isinstance(one, cst.Tuple | cst.List) for part in one.elements]
    whole = [one for one in targets if not isinstance(one, cst.Tuple | cst.List)]
    return [*((one, assign.value) for one in whole), *((one, None) for one in unpacked)]


def own_name(target: cst.BaseExpression, in_body: bool) -> str:
    """`x` of self.x, or of an x in the class's body; nothing for other targets."""
    if isinstance(target, cst.Attribute) and m.matches(target.value, m.Name("self")):
        return target.attr.value
    return target.value if in_body and isinstance(target, cst.Name) else ""
