"""Each carrier has a page that names all its settings, and our words are explained."""

from pathlib import Path

import pytest

from sendrail.carriers import registry
from sendrail.carriers.details import Detail
from sendrail.carriers.http.carrier import HttpSettings

PAGES = Path(__file__).parents[2] / "docs" / "carriers"
INDEX = (PAGES / "README.md").read_text("utf-8")
KINDS = sorted(set(registry.kinds()) - {"simulator"})
COMMON = HttpSettings.__struct_fields__


@pytest.mark.parametrize("kind", KINDS)
def test_every_setting_of_a_carrier_is_explained(kind):
    page = (PAGES / f"{kind}.md").read_text("utf-8")
    for name in registry.kinds()[kind]().Settings.__struct_fields__:
        assert f"| `{name}` |" in page or (name in COMMON and f"`{name}`" in page), name


@pytest.mark.parametrize("name", COMMON)
def test_the_settings_of_all_connectors_by_http_are_explained(name):
    assert f"| `{name}` |" in INDEX


@pytest.mark.parametrize("kind", KINDS)
def test_a_carrier_stands_in_the_index(kind):
    assert f"| `{kind}` |" in INDEX
    assert f"]({kind}.md)" in INDEX


@pytest.mark.parametrize("word", Detail)
def test_every_word_of_a_detail_is_explained(word):
    assert f"| `{word}` |" in INDEX
