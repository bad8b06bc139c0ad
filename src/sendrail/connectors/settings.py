"""A connector's settings: conversion of command-line words to the types of the carrier's struct.

The struct is the only description: it declares the settings, their types and defaults, and which
are secret. A stored secret is never shown, and no error repeats a value.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from msgspec import NODEFAULT, inspect, structs

from sendrail.carriers.sdk import SHOWN_FIRST, read_settings
from sendrail.domain.errors import CarrierTrouble

MASKED: Final = "********"


class SettingForm(StrEnum):
    """How a setting is written: `json` is a list, a table or either."""

    TEXT = "text"
    WHOLE_NUMBER = "whole_number"
    NUMBER = "number"
    YES_OR_NO = "yes_or_no"
    CHOICE = "choice"
    JSON = "json"


_FORMS: Final = {
    "string": SettingForm.TEXT,
    "integer": SettingForm.WHOLE_NUMBER,
    "number": SettingForm.NUMBER,
    "boolean": SettingForm.YES_OR_NO,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting of a carrier kind, as described to an operator.

    `about` says what it is for. `choices` are its values where `form` is a choice. With
    `shown_first` it is asked for beside the required ones.
    """

    name: str
    type: str
    required: bool
    default: Any
    secret: bool
    about: str
    form: SettingForm
    choices: Sequence[str]
    shown_first: bool


def settings_of(struct: type[msgspec.Struct]) -> list[Setting]:
    """Return the settings of a carrier kind, in the struct's order."""
    return [_setting_of(field) for field in structs.fields(struct)]


def _setting_of(field: structs.FieldInfo) -> Setting:
    info = inspect.type_info(field.type)
    said: Mapping[str, Any] = getattr(info, "extra_json_schema", None) or {}
    more: Mapping[str, Any] = getattr(info, "extra", None) or {}
    schema = msgspec.json.schema(field.type)
    form, choices = _form_of(schema, schema.get("$defs", {}))
    return Setting(
        name=field.name,
        type=_type_name(field.type),
        required=field.required,
        default=_default(field),
        secret=_is_secret(info),
        about=said.get("description", ""),
        form=form,
        choices=choices,
        shown_first=bool(more.get(SHOWN_FIRST)),
    )


def _form_of(
    schema: Mapping[str, Any], definitions: Mapping[str, Any]
) -> tuple[SettingForm, Sequence[str]]:
    """Return how a value of a schema is written, with what there is to choose from."""
    if "$ref" in schema:
        return _form_of(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in schema:
        parts = [each for each in schema["anyOf"] if each.get("type") != "null"]
        return _form_of(parts[0], definitions) if len(parts) == 1 else (SettingForm.JSON, ())
    if "enum" in schema:
        choices = [str(each) for each in schema["enum"] if each is not None]
        return SettingForm.CHOICE, choices
    return _FORMS.get(str(schema.get("type")), SettingForm.JSON), ()


def typed(kind: str, words: Mapping[str, str], struct: type[msgspec.Struct]) -> dict[str, Any]:
    """Return command-line words as the values of a carrier's settings.

    Raise `CarrierTrouble` for an unknown setting or a word that does not fit its type.
    """
    known = {field.name: field for field in structs.fields(struct)}
    for name in words:
        if name not in known:
            raise CarrierTrouble(
                f"A {kind} connector has no setting {name!r}; it has {', '.join(known)}.",
                param=name,
            )
    return {name: _value(kind, known[name], word) for name, word in words.items()}


def checked(kind: str, settings: Mapping[str, Any], struct: type[msgspec.Struct]) -> None:
    """Check that the settings are complete and valid.

    Raise `CarrierTrouble` with the name of a setting that is not.
    """
    missing = [
        field.name
        for field in structs.fields(struct)
        if field.required and field.name not in settings
    ]
    if missing:
        raise CarrierTrouble(
            f"A {kind} connector needs the setting {missing[0]}. Give it with "
            f"--set {missing[0]}=…; `sendrail connectors kinds {kind}` explains all of them.",
            param=missing[0],
        )
    read_settings(kind, settings, struct)


def expect_of_vendor(kind: str, settings: Mapping[str, Any], domain: str) -> None:
    """Check that every address in the settings is of the vendor's domain.

    Raise `CarrierTrouble` with the name of a setting with another one.
    """
    for name, value in settings.items():
        for text in _texts(value):
            host = _host_of(text) if "://" in text else domain
            if host != domain and not host.endswith(f".{domain}"):
                raise CarrierTrouble(
                    f"The setting {name} of a {kind} connector must be an address of {domain} "
                    "here. An operator of the installation can give another one.",
                    param=name,
                )


def _host_of(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def masked(settings: Mapping[str, Any], struct: type[msgspec.Struct] | None) -> dict[str, Any]:
    """Return the settings with secrets masked; without a struct, all values are masked."""
    if struct is None:
        return dict.fromkeys(settings, MASKED)
    secret = {setting.name for setting in settings_of(struct) if setting.secret}
    open_names = set(struct.__struct_fields__) - secret
    return {name: value if name in open_names else MASKED for name, value in settings.items()}


def secrets_of(struct: type[msgspec.Struct]) -> set[str]:
    """Return the names of the secret settings."""
    return {setting.name for setting in settings_of(struct) if setting.secret}


def _value(kind: str, field: structs.FieldInfo, word: str) -> Any:
    try:
        return msgspec.to_builtins(_converted(field.type, word))
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        # msgspec's message may repeat the value.
        reason = "" if _is_secret(inspect.type_info(field.type)) else f" ({error})"
        raise CarrierTrouble(
            f"The setting {field.name} of a {kind} connector must be "
            f"{_type_name(field.type)}{reason}.",
            param=field.name,
        ) from None


def _converted(kind: Any, word: str) -> Any:
    try:
        return msgspec.convert(word, kind, strict=False)
    except msgspec.ValidationError:
        # Objects and lists are typed as JSON.
        if not word.lstrip().startswith(("[", "{")):
            raise
        return msgspec.convert(msgspec.json.decode(word), kind, strict=False)


def _default(field: structs.FieldInfo) -> Any:
    if field.default is not NODEFAULT:
        return msgspec.to_builtins(field.default)
    if field.default_factory is not NODEFAULT:
        return msgspec.to_builtins(field.default_factory())
    return None


def _is_secret(info: Any) -> bool:
    """Return whether a type, or any part of it, is marked as write-only."""
    if isinstance(info, inspect.Metadata):
        marked = bool((info.extra_json_schema or {}).get("writeOnly"))
        return marked or _is_secret(info.type)
    parts = [getattr(info, name, None) for name in ("item_type", "key_type", "value_type")]
    several = [*getattr(info, "types", ()), *getattr(info, "item_types", ())]
    if isinstance(info, inspect.StructType):
        several += [field.type for field in info.fields]
    return any(_is_secret(part) for part in (*parts, *several) if part is not None)


def _type_name(kind: Any) -> str:
    """Return a type's name for an operator."""
    schema = msgspec.json.schema(kind)
    return _schema_name(schema, schema.get("$defs", {}))


def _schema_name(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return _schema_name(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "enum" in schema:
        return " or ".join(str(each) for each in schema["enum"])
    if "anyOf" in schema:
        parts = [each for each in schema["anyOf"] if each.get("type") != "null"]
        return " or ".join(dict.fromkeys(_schema_name(each, definitions) for each in parts))
    names = {
        "string": "text",
        "integer": "a whole number",
        "number": "a number",
        "boolean": "true or false",
        "array": "a JSON list",
        "object": "a JSON object",
    }
    name = names.get(str(schema.get("type")), "a value")
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f"{name} from {low:,} to {high:,}"
    return name if low is None else f"{name} of at least {low:,}"


def name_of_setting(text: str) -> tuple[str, str]:
    """Split `name=value`. Raise `CarrierTrouble` where there is no name or no equals sign."""
    name, equals, value = text.partition("=")
    if not equals or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise CarrierTrouble("A setting is given as --set name=value.", param="set")
    return name, value


def scrubbed(text: str, settings: Mapping[str, Any], secret: set[str]) -> str:
    """Return a text with the values of secret settings masked."""
    for name in secret & settings.keys():
        for value in _texts(settings[name]):
            text = text.replace(value, MASKED)
    return text


def _texts(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [text for each in value.values() for text in _texts(each)]
    if isinstance(value, list):
        return [text for each in value for text in _texts(each)]
    return [str(value)] if value else []
