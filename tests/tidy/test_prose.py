"""The prose of the source names who acts, as that of the documentation does."""

from pathlib import Path

import pytest
from prose import WITHOUT_ACTOR, hidden_in, prose_of_module, prose_of_template

SRC = Path(__file__).parents[2] / "src" / "sendrail"
TEMPLATES = sorted(SRC.rglob("*.html"))


def found_in_module(source):
    return [(line, word) for line, text in prose_of_module(source) if (word := hidden_in(text))]


def found_in_template(source):
    return [word for text in prose_of_template(source) if (word := hidden_in(text))]


def test_the_source_names_who_acts():
    hidden = []
    for path in sorted(SRC.rglob("*.py")):
        source = path.read_text("utf-8")
        # To read a module takes long, and most have no such word even among their names.
        found = found_in_module(source) if WITHOUT_ACTOR.search(source) else []
        hidden += [f"{path.relative_to(SRC)}:{line}: {word}" for line, word in found]
    assert hidden == []


def test_the_templates_name_who_acts():
    assert TEMPLATES
    hidden = [
        f"{path.relative_to(SRC)}: {word}"
        for path in TEMPLATES
        for word in found_in_template(path.read_text("utf-8"))
    ]
    assert hidden == []


@pytest.mark.parametrize(
    "source",
    [
        '"""What nobody reads."""',
        "# As everybody knows.",
        "raise Conflict('Somebody has decided already.')",
        "raise Conflict(f'{count} are gone, and nobody asked.')",
        "raise Conflict('This ends the journey '\n    'for everybody on it.')",
        '"""One line.\n\n    It is told.\n    """',
    ],
)
def test_a_module_that_hides_who_acts_is_found(source):
    assert len(found_in_module(source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        "told = nobody(everybody)",
        "needed('told', Boolean)",
        "TEXT = 'UPDATE outbox SET told = ?4 WHERE id = ?2'",
        '"""Return whether `told` is set."""',
        "f'{told} are in the audience'",
        "# Only the carrier knows.",
    ],
)
def test_names_and_statements_are_no_prose(source):
    assert found_in_module(source) == []


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("<p>Nobody.</p>", ["Nobody"]),
        ("{{ ui.empty('Nobody is on it', 'Contacts enter by it.') }}", ["Nobody"]),
        ('{% call ui.empty("For everybody") %}', ["everybody"]),
        ("{# Told once. #}", ["Told"]),
        ("<p>{{ f.told('name', fault) }}</p>", []),
        ("{% macro told(name) %}<p>No contacts are on it</p>{% endmacro %}", []),
    ],
)
def test_the_texts_of_a_template_are_read(source, words):
    assert found_in_template(source) == words
