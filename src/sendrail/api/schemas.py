"""The schemas of the API's description, made from the structs that the handlers read and write.

msgspec makes them. Where a `Meta` describes a field, its schema is written in the short form, and
what the `Meta` says is added.
"""

from collections.abc import Iterable, Iterator
from inspect import cleandoc
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec

from sendrail.api.v2.field_types import REQUIRED, SCHEMAS


def schemas_of(structs: Iterable[type[msgspec.Struct]]) -> dict[str, dict[str, Any]]:
    """Return the schemas of structs, and of those that stand in their fields, by name."""
    every = {each for struct in structs for each in _structs_in(struct)}
    _, schemas = msgspec.json.schema_components(every, ref_template=SCHEMAS + "{name}")
    for struct in every:
        _refine(struct, schemas[struct.__name__])
    return schemas


def schema_of(kind: Any, *, nullable: bool = True) -> dict[str, Any]:
    """Return the schema of a type, with what its `Meta`s add."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        schema = schema_of(parts[0], nullable=nullable)
        for meta in parts[1:]:
            schema = _with(schema, meta)
        return schema
    if origin in {Union, UnionType}:
        [inner] = [each for each in parts if each not in {NoneType, msgspec.UnsetType}]
        schema = schema_of(inner)
        return _or_null(schema) if nullable and NoneType in parts else schema
    [schema], _ = msgspec.json.schema_components([kind], ref_template=SCHEMAS + "{name}")
    return schema


def kinds_of(struct: type[msgspec.Struct]) -> dict[str, Any]:
    """Return the types of a struct's fields, by the names that JSON has them under."""
    kinds = get_type_hints(struct, include_extras=True)
    names = zip(struct.__struct_fields__, struct.__struct_encode_fields__, strict=True)
    return {shown: kinds[name] for name, shown in names}


def has_required(struct: type[msgspec.Struct]) -> bool:
    """Return whether a request must have one of its fields, and so a body."""
    return any(map(_is_required, get_type_hints(struct, include_extras=True).values()))


def _refine(struct: type[msgspec.Struct], schema: dict[str, Any]) -> None:
    """Add what the `Meta`s of the fields say, and drop what says nothing."""
    del schema["title"]
    # From 3.13 on, Python takes the indentation off docstrings itself.
    schema["description"] = cleandoc(schema["description"])
    needed, properties = schema["required"], schema["properties"]
    kinds = kinds_of(struct)
    for field in properties:
        if is_required := _is_required(kinds[field]):
            needed.append(field)
        if _has_meta(kinds[field]):
            properties[field] = schema_of(kinds[field], nullable=not is_required)
        elif properties[field].get("default", 0) is None:
            # An absent field and a null one mean the same, and the types have both.
            del properties[field]["default"]
    if not needed:
        del schema["required"]


def _with(schema: dict[str, Any], meta: msgspec.Meta) -> dict[str, Any]:
    more = dict(meta.extra_json_schema or {})
    if meta.examples is not None:
        more["examples"] = meta.examples
    if meta.description is not None:
        more["description"] = meta.description
    if {"const", "enum"} & more.keys():
        # The type follows from the values.
        return more
    return {name: part for name, part in schema.items() if name not in more} | more


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    if "enum" in schema:
        return schema | {"enum": [*schema["enum"], None]}
    if "type" in schema:
        return schema | {"type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


def _is_required(kind: Any) -> bool:
    metas = get_args(kind)[1:] if get_origin(kind) is Annotated else ()
    return any(REQUIRED in (meta.extra or {}) for meta in metas)


def _has_meta(kind: Any) -> bool:
    return get_origin(kind) is Annotated or any(_has_meta(part) for part in get_args(kind))


def _structs_in(kind: Any) -> Iterator[type[msgspec.Struct]]:
    """Return a struct and those in its fields, or the structs in another type."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield kind
        for part in get_type_hints(kind).values():
            yield from _structs_in(part)
    for part in get_args(kind):
        yield from _structs_in(part)
