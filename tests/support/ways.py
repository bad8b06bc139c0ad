"""Each way in to what an account has: how a value for one field goes in, and what is kept of it.

A way makes a thing that is valid but for the value, or changes one, and returns what the API shows
of the field then, or that the value was refused.
"""

import itertools
import json

from doors import LIST, REFUSED
from page_forms import fields_of

FILTER = {"operator": "AND", "conditions": [{"conditionType": "clicked", "value": True}]}
SERIAL = itertools.count()


class Refused(str):
    """That a value was refused, equal to the word; it has the code, where the way gives one."""

    code = None

    @classmethod
    def by(cls, code):
        made = cls(REFUSED)
        made.code = code
        return made


class Resource:
    """What an account has many of: where it stands in the API, in forms and in commands.

    `names` are those of a field in forms and commands where they are others than the API's; a
    command's word without dashes is its place among the arguments.
    """

    def __init__(self, path, new, *, form="", command=(), names=None, of_form=None, wrap=None):
        self.path, self.new, self.form, self.words = path, new, form, command
        self.names, self.of_form = names or {}, of_form or {}
        self.wrap = wrap or (lambda answer: answer)

    def shown(self, doors, of, field):
        answer = doors.call("GET", f"{self.path}/{of}")
        assert answer.status_code == 200, answer.text
        return self.wrap(answer.json())[field]

    def _id(self, answer):
        return self.wrap(answer)["id"]

    def by_call(self, doors, field, value):
        answer = doors.call("POST", self.path, self.new(doors) | {field: value})
        if answer.status_code not in {200, 201}:
            return _refused(answer)
        return self.shown(doors, self._id(answer.json()), field)

    def made(self, doors):
        answer = doors.call("POST", self.path, self.new(doors))
        assert answer.status_code in {200, 201}, answer.text
        return self._id(answer.json())

    def by_change(self, doors, field, value):
        of = self.made(doors)
        answer = doors.call("PUT", f"{self.path}/{of}", {field: value})
        return _refused(answer) if answer.status_code != 200 else self.shown(doors, of, field)

    def by_form(self, doors, field, value):
        doors.browser.get(f"{self.form}/new")
        fields = {self.names.get(name, name): each for name, each in self.new(doors).items()}
        given = {**fields, **self.of_form, self.names.get(field, field): spelled(value)}
        given = {name: each for name, each in given.items() if isinstance(each, str | list)}
        answer = doors.form(f"{self.form}/new", **given)
        assert answer.status_code in {303, 400}, answer.text[-800:]
        if answer.status_code == 400:
            return Refused.by(None)
        of = answer.headers["location"].partition("?")[0].rpartition("/")[2]
        return self.shown(doors, of, field)

    def by_edit(self, doors, field, value):
        """Change the value in the form as it stands."""
        of = self.made(doors)
        path = f"{self.form}/{of}/edit"
        fields = fields_of(doors.browser.page(path))
        answer = doors.form(path, **fields | {self.names.get(field, field): spelled(value)})
        assert answer.status_code in {303, 400}, answer.text[-800:]
        return Refused.by(None) if answer.status_code == 400 else self.shown(doors, of, field)

    def by_command(self, doors, field, value):
        words = self.words(self.new(doors), field, spelled(value))
        result = doors.command(*words[:2], "--json", *words[2:])
        if result.exit_code:
            assert result.exit_code == 2, result.output
            return Refused.by(_code_of(result))
        return self.shown(doors, json.loads(result.stdout)["id"], field)


def spelled(value):
    """Return a value as a person types it."""
    return value if isinstance(value, str) else json.dumps(value)


def _refused(answer):
    assert answer.status_code in {400, 413}, answer.text
    error = answer.json()
    assert error["error"]
    assert "Traceback" not in answer.text
    return Refused.by(error["code"])


def _code_of(result):
    """Return the code of a command's error; typer's own refusals have none."""
    try:
        return json.loads(result.stderr.splitlines()[-1])["code"]
    except (ValueError, KeyError, IndexError):
        assert "Error" in result.stderr or "Usage" in result.stderr, result.stderr
        return None
