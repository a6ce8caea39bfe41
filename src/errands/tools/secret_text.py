"""Arguments that may hold a secret: how a model marks them, how a reference becomes a value, how values stay unseen."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated
from urllib.parse import quote, unquote, urlsplit

from pydantic import AfterValidator, BaseModel, GetJsonSchemaHandler, ValidationInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from errands.core.outcomes import StepFailed
from errands.core.values import Json

_REFERENCE = re.compile(r"secret:([A-Za-z_][A-Za-z0-9_.-]*)")
_SHORTEST_REDACTED = 4


class Reference(str):
    """A reference that stands where a secret may stand, `secret:NAME`, not yet resolved."""

    __slots__ = ()


class Revealed(str):
    """A secret's value, and the reference it came from. Its `repr` shows only the latter."""

    reference: str

    def __new__(cls, value: str, reference: str) -> "Revealed":
        made = super().__new__(cls, value)
        made.reference = reference
        return made

    def __repr__(self) -> str:
        return f"<{self.reference}>"


@dataclass(frozen=True, slots=True)
class AcceptsSecret:
    """Marks a text argument that may be `secret:NAME`. Validation context: `Mapping[str, str]` of values, or none."""

    literal: str | None = ".*"
    """Pattern that a text which is no reference must match; `None`: only a reference will do."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(schema) | {"x-accepts-secret": True}

    def check(self, value: str, info: ValidationInfo) -> str:
        """The value itself, a `Reference`, or, once values are known, a `Revealed`."""
        match = _REFERENCE.fullmatch(value)
        if match:
            known = info.context or {}
            return Revealed(known[match[1]], value) if match[1] in known else Reference(value)
        if self.literal is None or not re.fullmatch(self.literal, value, re.DOTALL):
            raise ValueError("must be a reference to a secret, such as secret:NAME")
        return value


_any = AcceptsSecret()
_only = AcceptsSecret(literal=None)

SecretText = Annotated[str, _any, AfterValidator(_any.check)]
"""Text, or `secret:NAME`."""
SecretOnly = Annotated[str, _only, AfterValidator(_only.check)]
"""`secret:NAME`, nothing else: what it holds decides where a call goes."""


def references(value: object, path: str = "") -> Iterator[tuple[str, str, bool]]:
    """Every `secret:NAME` in validated arguments: path, name, and whether it stands where a secret may stand."""
    match value:
        case str():
            found = _REFERENCE.fullmatch(value)
            if found:
                yield path, found[1], isinstance(value, Reference)
        case BaseModel():
            for name, inner in value.__dict__.items():
                alias = type(value).model_fields[name].alias or name
                yield from references(inner, f"{path}.{alias}" if path else alias)
        case Mapping():
            for name, inner in value.items():
                yield from references(inner, f"{path}.{name}" if path else str(name))
        case list() | tuple():
            for index, inner in enumerate(value):
                yield from references(inner, f"{path}[{index}]")
        case _:
            pass


@dataclass(slots=True)
class Scrubber:
    """Takes the secrets of one call out of texts. A second line: what a run records is redacted again."""

    _forms: dict[str, str] = field(default_factory=dict)

    def learn(self, name: str, value: str) -> None:
        """From now on `value`, and the user's password if it is a URL, become `[secret NAME]`."""
        for form in {value, quote(value, safe=""), *_passwords(value)}:
            if len(form) >= _SHORTEST_REDACTED:
                self._forms[form] = f"[secret {name}]"

    def clean(self, text: str) -> str:
        for form in sorted(self._forms, key=len, reverse=True):
            text = text.replace(form, self._forms[form])
        return text

    def scrubbed(self, failure: StepFailed) -> StepFailed:
        """The same failure without the secrets."""
        error = failure.error
        return StepFailed(
            error.kind,
            self.clean(error.message),
            hint=None if error.hint is None else self.clean(error.hint),
            retry_after=error.retry_after,
            detail=self._clean_value(error.detail),
        )

    def _clean_value(self, value: Json) -> Json:
        match value:
            case str():
                return self.clean(value)
            case Mapping():
                return {key: self._clean_value(inner) for key, inner in value.items()}
            case list() | tuple():
                return [self._clean_value(inner) for inner in value]
            case _:
                return value


def _passwords(value: str) -> set[str]:
    try:
        password = urlsplit(value).password
    except ValueError:
        return set()
    return {password, unquote(password)} if password else set()
