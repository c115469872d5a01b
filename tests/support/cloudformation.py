"""The SAM transform and the intrinsic functions of CloudFormation, offline.

`sam deploy` uploads the template and AWS runs the transform; the SAM CLI contains the same library.
`Stack.resolve` evaluates intrinsic functions.
"""

import json
import os
import shutil
import subprocess
from copy import deepcopy
from functools import cache
from typing import Any

import pytest

from tests.lambda_emulator.runtime import SAM
from tests.support.templates import MAIN_TEMPLATE, Template

STACK_ID = (
    "arn:aws:cloudformation:eu-central-1:123456789012:stack/my-stack/"
    "51af3dc0-da77-11e4-872e-1234567b63df"
)
NO_VALUE = object()
_PROGRAM = """
import json, sys
from samtranslator.translator.transform import transform

class NoPolicies:
    def load(self):
        return {}

for line in sys.stdin:
    print(json.dumps(transform(*json.loads(line), NoPolicies())), flush=True)
"""


@cache
def sam_transform(layer: str = "one", code: str = "one", **parameters: str) -> Template:
    """Transform the template; `layer` and `code` name the uploaded artifacts."""
    packaged = deepcopy(MAIN_TEMPLATE)
    packaged["Globals"]["Function"]["CodeUri"] = f"s3://bucket/{code}"
    packaged["Resources"]["SharedLayer"]["Properties"]["ContentUri"] = f"s3://bucket/{layer}"
    translator = _translator()
    assert translator.stdin
    assert translator.stdout
    translator.stdin.write(json.dumps((packaged, parameters)) + "\n")
    translator.stdin.flush()
    return dict(json.loads(translator.stdout.readline()))


@cache
def _translator() -> "subprocess.Popen[str]":
    """A process with SAM's translator, which takes a second to start; it ends with this process."""
    uvx = shutil.which("uvx")
    if uvx is None:
        pytest.skip("uvx, which runs the SAM CLI, is not on PATH")
    return subprocess.Popen(
        [uvx, "--from", SAM, "python", "-W", "ignore", "-c", _PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"AWS_DEFAULT_REGION": "eu-central-1"},
        text=True,
    )


class Stack:
    """A template with parameter values; evaluates intrinsic functions.

    `Fn::GetAtt` returns the attribute's name, unless `attributes` has a value for it.
    """

    def __init__(
        self, template: Template, attributes: dict[str, str] | None = None, **parameters: str
    ) -> None:
        declared = template.get("Parameters", {})
        unknown = parameters.keys() - declared.keys()
        assert not unknown, f"no such parameters: {unknown}"
        self._conditions = template.get("Conditions", {})
        self._attributes = attributes or {}
        self._known: dict[str, Any] = {
            "AWS::StackId": STACK_ID,
            "AWS::StackName": "my-stack",
            "AWS::Region": "eu-central-1",
            "AWS::Partition": "aws",
            "AWS::AccountId": "123456789012",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::NoValue": NO_VALUE,
        }
        for name, parameter in declared.items():
            value = parameters.get(name, parameter.get("Default", name))
            listed = parameter["Type"] == "CommaDelimitedList"
            self._known[name] = str(value).split(",") if listed else value

    def holds(self, condition: str) -> bool:
        return bool(self.resolve(self._conditions[condition]))

    def resolve(self, value: Any) -> Any:
        if isinstance(value, list):
            return [each for each in map(self.resolve, value) if each is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name == "Ref":
                return self._known.get(argument, argument)
            if name == "Condition" and isinstance(argument, str):
                return self.holds(argument)
            if name.startswith("Fn::"):
                return getattr(self, f"_{name[4:].lower()}")(argument)
        found = {name: self.resolve(each) for name, each in value.items()}
        return {name: each for name, each in found.items() if each is not NO_VALUE}

    def _if(self, argument: Any) -> Any:
        condition, true, false = argument
        return self.resolve(true if self.holds(condition) else false)

    def _equals(self, argument: Any) -> bool:
        one, other = map(self.resolve, argument)
        return str(one) == str(other)

    def _not(self, argument: Any) -> bool:
        return not self.resolve(argument[0])

    def _and(self, argument: Any) -> bool:
        return all(map(self.resolve, argument))

    def _or(self, argument: Any) -> bool:
        return any(map(self.resolve, argument))

    def _eachmemberequals(self, argument: Any) -> bool:
        members, value = map(self.resolve, argument)
        return all(member == value for member in members)

    def _join(self, argument: Any) -> str:
        separator, parts = argument
        return str(separator).join(map(str, self.resolve(parts)))

    def _split(self, argument: Any) -> list[str]:
        separator, text = map(self.resolve, argument)
        return str(text).split(separator)

    def _select(self, argument: Any) -> Any:
        place, parts = map(self.resolve, argument)
        return parts[int(place)]

    def _getatt(self, argument: Any) -> str:
        name = argument if isinstance(argument, str) else ".".join(argument)
        return self._attributes.get(name, name)

    def _sub(self, argument: Any) -> str:
        text, own = (argument, {}) if isinstance(argument, str) else argument
        names = {name: self.resolve(value) for name, value in own.items()}
        for name in {part.partition("}")[0] for part in text.split("${")[1:]}:
            known = names.get(name, self._known.get(name))
            text = text.replace(f"${{{name}}}", str(self._getatt(name) if known is None else known))
        return str(text)
