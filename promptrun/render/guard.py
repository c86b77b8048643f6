"""A parsed template, rewritten so that whatever it makes is counted by the budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jinja2 import nodes
from jinja2.exceptions import TemplateSyntaxError
from jinja2.visitor import NodeTransformer

if TYPE_CHECKING:
    from typing import NoReturn

MAX_NODES = 20_000
MAX_NESTING = 60


class TooLargeError(TemplateSyntaxError):
    """A template that nobody writes by hand."""


def require_small_tree(tree: nodes.Node) -> None:
    """Refuse a tree that the compiler, which recurses, could not walk in time."""
    count = 0
    level: list[nodes.Node] = [tree]
    for _ in range(MAX_NESTING):
        level = [child for node in level for child in node.iter_child_nodes()]
        count += len(level)
        if count > MAX_NODES:
            raise TooLargeError("a template is too large", 1)
        if not level:
            return
    raise TooLargeError("a template nests too deeply", level[0].lineno)


def guard(tree: nodes.Template) -> nodes.Template:
    """The same template with every loop, list, slice, comparison and `~` behind the budget."""
    guarded: nodes.Template = _Guard().visit(tree)
    return guarded


def as_value(tree: nodes.Template, target: str) -> nodes.Template | None:
    """A template that assigns its value to `target`, where it is one whole expression."""
    match tree.body:
        case [nodes.Output(nodes=[expression])] if not isinstance(expression, nodes.TemplateData):
            value = _filter(expression, " value")
            assign = nodes.Assign(nodes.Name(target, "store"), value, lineno=1)
            return nodes.Template([assign], lineno=1)
    return None


def _filter(node: nodes.Expr, name: str) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


# ruff: noqa: N802, N815 -- Jinja's visitor calls the methods by the names of its classes
class _Guard(NodeTransformer):
    def visit_For(self, node: nodes.For) -> nodes.Node:
        self.generic_visit(node)
        true = nodes.Const(True, lineno=node.lineno)
        node.body.insert(0, nodes.ExprStmt(_filter(true, " tick"), lineno=node.lineno))
        if node.test is not None:
            tick = _filter(nodes.Const(True, lineno=node.lineno), " tick")
            node.test = nodes.And(tick, node.test, lineno=node.lineno)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        self.generic_visit(node)
        return _filter(nodes.List(node.nodes, lineno=node.lineno), " concat")

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:
        self.generic_visit(node)
        return _filter(node, " weighed") if node.ctx == "load" else node

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:
        self.generic_visit(node)
        return _filter(node, " weighed") if isinstance(node.arg, nodes.Slice) else node

    def _weigh(self, node: nodes.Expr) -> nodes.Node:
        self.generic_visit(node)
        return _filter(node, " weighed")

    visit_List = visit_Dict = visit_Compare = _weigh

    def _refuse(self, node: nodes.Node) -> NoReturn:
        raise TemplateSyntaxError("`autoescape` is for HTML", node.lineno)

    visit_ScopedEvalContextModifier = visit_EvalContextModifier = _refuse
