"""The words that no prose of ours has, and the prose of a module and of a template."""

import ast
import io
import re
import tokenize

# Words that hide who acts: name the caller, the process, the carrier or the operator.
WITHOUT_ACTOR = re.compile(
    r"\b(whoever|nobody|somebody|anybody|everybody|told|heeds?|heeded)\b", re.IGNORECASE
)
# A name in backticks stands for itself.
_QUOTED = re.compile(r"`[^`]*`")
# Statements and their columns' types; a column may have any name.
_SQL = re.compile(r"\b(SELECT|INSERT INTO|UPDATE|smallint)\b")
# A text of fewer words is a name, a key or a value.
_WORDS_MIN = 3
_TAG = re.compile(r"\{#(.*?)#\}|\{[{%](.*?)[%}]\}", re.DOTALL)
_LITERAL = re.compile(r"'([^']*)'|\"([^\"]*)\"")


def hidden_in(text):
    """Return the first word of a text that hides who acts, None where there is none."""
    found = WITHOUT_ACTOR.search(_QUOTED.sub("", text))
    return found and found[0]


def prose_of_module(source):
    """Yield the comments and texts of a module, each with its line; names and SQL are none."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    pieces = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            pieces.update(map(id, node.values))
            text = "".join(getattr(each, "value", "") for each in node.values if _is_text(each))
        elif _is_text(node) and id(node) not in pieces:
            text = node.value
        else:
            continue
        if len(text.split()) >= _WORDS_MIN and not _SQL.search(text):
            yield node.lineno, text


def prose_of_template(source):
    """Yield the texts of a template: those outside its tags, and the literals inside them."""
    yield _TAG.sub(" ", source)
    for comment, code in _TAG.findall(source):
        yield comment
        for single, double in _LITERAL.findall(code):
            yield single or double


def _is_text(node):
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
