"""The parsed CloudFormation templates: `!Ref A` is `{"Ref": "A"}`, `!Sub x` is `{"Fn::Sub": x}`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.support.sam import ROOT, TEMPLATE_PATHS

Template = dict[str, Any]


class _Loader(yaml.CSafeLoader):
    """A YAML loader with CloudFormation's short forms."""


def _short_form(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        return {name: value.split(".", 1) if suffix == "GetAtt" else value}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {name: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _short_form)


def load_template(path: Path) -> Template:
    template: Template = yaml.load(path.read_text("utf-8"), _Loader)  # noqa: S506  # a SafeLoader
    return template


# By path, relative to the repository root.
TEMPLATES = {str(path.relative_to(ROOT)): load_template(path) for path in TEMPLATE_PATHS}
MAIN_TEMPLATE = TEMPLATES["template.yaml"]


def of_type(kind: str) -> Iterator[tuple[str, Template, Template]]:
    """Yield the resources of a type in all templates: name, resource, template."""
    for template in TEMPLATES.values():
        for name, resource in template["Resources"].items():
            if resource["Type"] == kind:
                yield name, resource, template


def functions() -> dict[str, Template]:
    """Return the properties of each function, without the globals."""
    kind = "AWS::Serverless::Function"
    return {name: resource["Properties"] for name, resource, _ in of_type(kind)}


def statements() -> Iterator[tuple[str, str, Template]]:
    """Yield the statements of all policies: template path, resource name, statement."""
    for path, template in TEMPLATES.items():
        for name, resource in template["Resources"].items():
            for statement in _find_statements(resource.get("Properties", {})):
                yield path, name, statement


def _find_statements(value: Any) -> Iterator[Template]:
    if isinstance(value, dict):
        if "Effect" in value:
            yield value
        for inner in value.values():
            yield from _find_statements(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _find_statements(inner)


def as_list(value: Any) -> list[Any]:
    """Return the value as a list; CloudFormation accepts a single item for a list of one."""
    return value if isinstance(value, list) else [value]
