"""The SMPP page names every setting with its default, and nothing that is none."""

import re
from pathlib import Path

import msgspec
import pytest

from sendrail.carriers.smpp.settings import Settings

PAGE = Path(__file__).parents[2] / "docs" / "carriers" / "smpp.md"
SETTINGS = PAGE.read_text("utf-8").split("## Settings")[1].split("## Behaviour")[0]
ROWS = dict(re.findall(r"^\| `(\w+)` \| (.+?) \|", SETTINGS, re.MULTILINE))
SHOWN = {None: {"none", "by form"}, "": {"empty"}}


@pytest.mark.parametrize("field", msgspec.structs.fields(Settings), ids=lambda field: field.name)
def test_every_setting_is_explained_with_its_default(field):
    shown = ROWS[field.name]
    if field.required:
        assert shown == "required"
    elif field.default_factory is not msgspec.NODEFAULT:
        assert shown == "none"
    elif field.default in SHOWN:
        assert shown in SHOWN[field.default]
    elif field.default is False:
        assert shown == "false"
    else:
        default = field.default
        assert shown.strip("`") == (f"{default:g}" if isinstance(default, float) else str(default))


def test_nothing_else_is_called_a_setting():
    assert ROWS.keys() == set(Settings.__struct_fields__)
