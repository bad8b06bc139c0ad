"""Cuts the operations that matter here out of a vendor's OpenAPI description, with all they need.

`python tests/support/openapi_cut.py bandwidth.yml /api/v2 createMessage listMedia` writes such a
piece as JSON: so `tests/oracles/openapi/bandwidth.json` was made.
"""

import json
import sys
from pathlib import Path

METHODS = ("get", "post", "put", "delete")


def cut(spec, operations, prefix=""):
    """Return a description with these operations only, each at its path after the prefix.

    The server's own path is that prefix: a mock has a server of its own.
    """
    kept = {key: spec[key] for key in ("openapi", "info", "security") if key in spec}
    kept |= {"servers": [{"url": "/"}], "paths": {}, "components": {}}
    for path, item in spec["paths"].items():
        methods = {
            method: {key: value for key, value in told.items() if key != "callbacks"}
            for method in METHODS
            if (told := item.get(method)) and told["operationId"] in operations
        }
        if methods:
            kept["paths"][prefix + path] = methods
    for methods in kept["paths"].values():
        for told in methods.values():
            told.pop("servers", None)
    schemes = spec["components"].get("securitySchemes", {})
    kept["components"]["securitySchemes"] = schemes
    _follow(spec, kept["paths"], kept["components"])
    return kept


def _follow(spec, part, components):
    """Copy what a part refers to, and what that refers to."""
    if isinstance(part, list):
        for each in part:
            _follow(spec, each, components)
    elif isinstance(part, dict):
        ref = part.get("$ref")
        if isinstance(ref, str):
            _, _, kind, name = ref.split("/", 3)
            if name not in components.setdefault(kind, {}):
                components[kind][name] = spec["components"][kind][name]
                _follow(spec, components[kind][name], components)
        for each in part.values():
            _follow(spec, each, components)


def main(source, prefix, *operations):
    import yaml

    spec = yaml.safe_load(Path(source).read_text("utf-8"))
    json.dump(cut(spec, set(operations), prefix), sys.stdout, indent=1, default=str)


if __name__ == "__main__":
    main(*sys.argv[1:])
