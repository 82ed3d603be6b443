"""Reads Bicep without Bicep: a real grammar (tree-sitter-bicep), the names that are used, and the values as they stand.

It cannot know what Azure makes of a property; it knows whether a file is well formed, whether every name leads
somewhere, and what is written where.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import tree_sitter_bicep
from tree_sitter import Language, Node, Parser

BUILT_IN = {
    "allowed", "description", "maxLength", "maxValue", "minLength", "minValue", "onlyIfNotExists", "secure",
    "empty", "environment", "filter", "guid", "items", "loadJsonContent", "loadTextContent", "max", "newGuid",
    "replace", "resourceGroup", "split", "string", "subscription", "subscriptionResourceId", "take", "tenant",
    "toLower", "toObject", "union", "uniqueString",
}  # fmt: skip
"""The functions and decorators of Bicep that are used here; a new one is looked up and added."""

DECLARATIONS = {
    "parameter_declaration": "param",
    "variable_declaration": "var",
    "resource_declaration": "resource",
    "module_declaration": "module",
    "output_declaration": "output",
}


@dataclass(frozen=True)
class Source:
    """An expression that is no literal, as it is written."""

    text: str


@dataclass(frozen=True)
class Declaration:
    """A parameter, variable, resource, module or output."""

    kind: str
    name: str
    node: Node
    decorators: tuple[str, ...]

    @property
    def type(self) -> str:
        """Of a parameter or output: its type. Of a resource: `Microsoft.Web/sites@2024-04-01`. Of a module: a path."""
        wanted = "string" if self.kind in {"resource", "module"} else "type"
        return _text(next(child for child in self.node.named_children if child.type == wanted)).strip("'")

    @property
    def is_existing(self) -> bool:
        """Whether a resource is only referred to."""
        return any(child.type == "existing" for child in self.node.children)

    @property
    def default(self) -> Any:
        """Of a parameter: its default, None when it has none."""
        last = self.node.named_children[-1]
        return None if last.type in {"type", "identifier"} else value(last)

    @property
    def body(self) -> dict[str, Any]:
        """Of a resource or module: its properties. A loop's or condition's are those of one turn."""
        body: Any = value(next(_bodies(self.node)))
        assert isinstance(body, dict)
        return body


class BicepFile:
    """One file."""

    def __init__(self, text: str, path: Path = Path("infra/main.bicep")) -> None:
        self.path = path
        self.root = Parser(Language(tree_sitter_bicep.language())).parse(text.encode()).root_node

    @classmethod
    def read(cls, path: Path) -> "BicepFile":
        """The file at that path."""
        return cls(path.read_text("utf-8"), path)

    @property
    def errors(self) -> list[str]:
        """Where the grammar does not fit."""
        return [
            f"{self.path.name}:{node.start_point[0] + 1}: {_text(node)[:60]!r}"
            for node in _all(self.root)
            if node.type == "ERROR" or node.is_missing
        ]

    @cached_property
    def declared(self) -> dict[str, Declaration]:
        """All that the file declares, by name; outputs by `output NAME`, since they may share another's name."""
        found: dict[str, Declaration] = {}
        decorators: tuple[str, ...] = ()
        for node in _all(self.root):
            if node.type == "decorators":
                decorators = tuple(_text(child) for child in node.named_children)
            elif node.type in DECLARATIONS:
                kind = DECLARATIONS[node.type]
                name = _text(next(child for child in node.named_children if child.type == "identifier"))
                key = f"output {name}" if kind == "output" else name
                assert key not in found, f"{self.path.name}: {name} is declared twice"
                found[key] = Declaration(kind, name, node, decorators)
                decorators = ()
        return found

    def of_kind(self, kind: str) -> dict[str, Declaration]:
        """The declarations of one kind, by name."""
        return {one.name: one for one in self.declared.values() if one.kind == kind}

    @property
    def unknown(self) -> set[str]:
        """Names that are used and lead nowhere."""
        outer = {one.name for one in self.declared.values() if one.kind != "output"}
        return set(_used(self.root, frozenset(outer | BUILT_IN)))

    @property
    def unused(self) -> set[str]:
        """Parameters and variables that nothing uses."""
        asked = {one.name for one in self.declared.values() if one.kind in {"param", "var"}}
        others = {one.name for one in self.declared.values()} - asked
        return asked - set(_used(self.root, frozenset(BUILT_IN | others)))

    def module_outputs_used(self) -> set[tuple[str, str]]:
        """Pairs of a module and an output of it that an expression asks for."""
        found = set()
        for node in _all(self.root):
            if node.type == "member_expression":
                module, _, output = _text(node).replace("!", "").partition(".outputs.")
                if output and "." not in output and module.isidentifier():
                    found.add((module, output))
        return found


def value(node: Node) -> Any:
    """A literal as Python's; anything else as `Source`. Text keeps its `${…}`."""
    match node.type:
        case "string":
            return _text(node)[1:-1].replace("\\'", "'")
        case "number":
            return int(_text(node))
        case "boolean":
            return _text(node) == "true"
        case "array":
            return [value(child) for child in node.named_children if child.type != "comment"]
        case "object":
            pairs = [child for child in node.named_children if child.type == "object_property"]
            return {
                _text(pair.named_children[0]).strip("'"): value(pair.named_children[1])
                for pair in pairs
                if len(pair.named_children) == 2  # a nested resource is not a property
            }
        case _:
            return Source(_text(node))


def _bodies(node: Node) -> Iterator[Node]:
    for child in node.named_children:
        if child.type == "object":
            yield child
        elif child.type in {"if_statement", "for_statement"}:
            yield from _bodies(child)


def _used(node: Node, known: frozenset[str]) -> Iterator[str]:
    """The identifiers below `node` that stand for something and are not in `known`."""
    if node.type == "identifier":
        if _text(node) not in known:
            yield _text(node)
        return
    inner, children = _scope(node, list(node.named_children))
    for child in children:
        yield from _used(child, known | inner)


def _scope(node: Node, children: list[Node]) -> tuple[set[str], list[Node]]:
    """The names that `node` brings along for what is in it, and its children but for those that only name something."""
    match node.type:
        case "lambda_expression":
            brought = children[:1]
        case "for_statement":
            brought = children[:1] if children[0].type == "identifier" else children[0].named_children
        case "resource_expression":
            return set(), children[:1]  # the second names a resource inside the first
        case "object_property" if len(children) == 1 or children[0].type != "identifier":
            return set(), children
        case kind if kind == "object_property" or kind in DECLARATIONS:
            brought = []
        case _:
            return set(), children
    return {_text(name) for name in brought}, children[1:]


def _all(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from _all(child)


def _text(node: Node) -> str:
    return (node.text or b"").decode()
