"""A public class is named by the field's words, so that an engineer of the field guesses right."""

import ast
import functools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src" / "sendrail"
WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z]|$)|[A-Z]?[a-z0-9]+")
ENTRY = re.compile(r"^\*\*(.+?)\*\*", re.MULTILINE)
# Words of messaging, of queues and databases, of HTTP, and of programs: what a reader brings along.
KNOWN = frozenset(
    re.findall(
        r"[a-z]+",
        """
        accepted acknowledged action activity actor address alphabet answer api area
        availability backlog batch behaviour body budget call caller capacity change charge
        cipher claimer client clock code command complaint conflict conformance connection consent
        contended context country cycle data database deliver detail dispatcher distributed
        drain driver encoding enrollment erase erased error exit export facts failed fault file
        filter finding folder follower forbidden framer full guard host http id import
        imported input integer judge keyring kind level limit line listener member messages
        metadata method metrics network notice notification number octets
        option outbind overloaded
        owner pacer page pagination parameter parsing part pdu phone place plan policy
        poster process progress proof pseudonym queue quotes reader reason recipient rejected
        replayed report request reserver resolver responder response result round route router
        row runtime scope secret send service session setting settings settler share skip slice
        smpp state statement status step storage store submitted submitter
        supervisor tag takeover target template text throttled ticket timing token trouble tx
        type unauthorized unavailable unit unstorable update validation value verification
        webhook worker workers writer
        """,
    )
)


@functools.cache
def entries():
    """Return the words of the glossary's entries, and the entries as a class would be named."""
    found = ENTRY.findall((ROOT / "docs" / "glossary.md").read_text("utf-8"))
    words = {word.lower() for entry in found for word in re.findall(r"[A-Za-z]+", entry)}
    return words, {"".join(word.title() for word in re.findall(r"[A-Za-z]+", e)) for e in found}


def public_classes():
    """Yield the public classes of the package, each with its file."""
    for path in sorted(SRC.rglob("*.py")):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                yield node.name, str(path.relative_to(SRC))


def words_of(name):
    """Return the words of a name, each as it is and in the singular."""
    words = {word.lower() for word in WORD.findall(name)}
    for ending, singular in (("ies", "y"), ("sses", "ss"), ("s", "")):
        words |= {word.removesuffix(ending) + singular for word in words if word.endswith(ending)}
    return words


def is_plain(name):
    """Return whether a name has a word of the field, or an entry in the glossary."""
    words, names = entries()
    return name in names or bool(words_of(name) & (KNOWN | words))


def test_a_public_class_has_a_word_of_the_field_or_an_entry_in_the_glossary():
    riddles = [f"{path}: {name}" for name, path in public_classes() if not is_plain(name)]
    assert riddles == [], "rename them, or explain them in docs/glossary.md"


@pytest.mark.parametrize("name", ["Vessel", "Whole", "Said", "Stencil", "Courier", "HandOver"])
def test_a_riddle_is_found(name):
    assert not is_plain(name)


def test_every_known_word_is_used_and_is_no_entry():
    used = set().union(*(words_of(name) for name, _ in public_classes()))
    words, _ = entries()
    assert sorted((KNOWN - used) | (KNOWN & words)) == []
