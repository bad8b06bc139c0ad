"""Each way in to what an account has: how a value for one field goes in, and what is kept of it.

A way makes a thing that is valid but for the value, or changes one, and returns what the API shows
of the field then, or that the value was refused.
"""

import json
from decimal import Decimal

from doors import REFUSED

BOOTS = {"name": "Boots", "tracking_url": "https://shop.example/"}
FILTER = {"operator": "AND", "conditions": [{"conditionType": "clicked", "value": True}]}


class Refused(str):
    """That a value was refused, equal to the word; it has the code, where the way gives one."""

    __slots__ = ("code",)

    @classmethod
    def by(cls, code):
        made = cls(REFUSED)
        made.code = code
        return made


class Resource:
    """What an account has many of: where it stands in the API, in forms and in commands.

    `new` is the body of a new one, and `of_form` what a form of it needs beside. `names` are the
    names of fields in forms, where they are others than the API's. A command takes some fields as
    arguments in an order, and others by the options in `flags`.
    """

    def __init__(
        self, path, new, *, form, command, args, flags=None, more=(), names=None, of_form=None,
        wrap=None,
    ):  # fmt: skip
        self.path, self.new, self.form, self.command = path, new, form, command
        self.args, self.flags, self.more = args, flags or {}, more
        self.names, self.of_form = names or {}, of_form or {}
        self.wrap = wrap or (lambda answer: answer)
        self._one = None

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
        # Of one for all: what is refused changes nothing, and the rest is of its own field.
        of = self._one = self._one or self.made(doors)
        answer = doors.call("PUT", f"{self.path}/{of}", {field: value})
        return _refused(answer) if answer.status_code != 200 else self.shown(doors, of, field)

    def by_form(self, doors, field, value):
        fields = {self.names.get(name, name): each for name, each in self.new(doors).items()}
        given = {**fields, **self.of_form, self.names.get(field, field): spelled(value)}
        given = {name: each for name, each in given.items() if isinstance(each, str | list)}
        answer = doors.form(f"{self.form}/new", **given)
        assert answer.status_code in {303, 400}, answer.text[-800:]
        if answer.status_code == 400:
            return Refused.by(None)
        of = answer.headers["location"].partition("?")[0].rpartition("/")[2]
        return self.shown(doors, of, field)

    def by_command(self, doors, field, value):
        given = {**self.new(doors), field: spelled(value)}
        option = [f"{self.flags[field]}={given[field]}"] if field in self.flags else []
        words = [*self.more, *option, "--json", "--data", doors.folder, "--"]
        result = doors.command(self.command, "add", *words, *(given[each] for each in self.args))
        if result.exit_code:
            assert result.exit_code == 2, result.output
            return Refused.by(_code_of(result))
        return self.shown(doors, json.loads(result.stdout)["id"], field)


def spelled(value):
    """Return a value as a person types it."""
    return f"{Decimal(repr(value)):f}" if isinstance(value, float) else str(value)


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


def resources(doors):
    """Return the resources that several ways lead to, by their names."""
    offer = doors.call("POST", "offers", BOOTS).json()["id"]
    audience = doors.call("POST", "audiences", {"name": "All", "filter": FILTER}).json()["id"]
    return _of_links(offer) | _of_contacts(audience)


def _of_links(offer):
    link = {"key": "link1", "offer_id": offer}
    return {
        "list": Resource(
            "lists",
            lambda doors: {"phone_number": doors.number()},
            form="/lists",
            names={"phone_number": "list_number"},
            of_form={"connector": "sandbox", "rate": "60"},
            command="lists",
            args=["phone_number"],
            flags={"list_name": "--name", "brand_name": "--brand", "rate": "--rate"},
        ),
        "offer": Resource(
            "offers",
            lambda _: BOOTS,
            form="/offers",
            of_form={"payout_type": "cpa", "status": "active"},
            command="offers",
            args=["name", "tracking_url"],
            flags={
                "fallback_url": "--fallback", "external_id": "--external-id",
                "payout": "--payout", "click_window_days": "--window", "expires_at": "--expires",
            },
        ),
        "creative": Resource(
            "creatives",
            lambda _: {"name": "Boots", "message": "See {{link1}}", "offer_links": [link]},
            form="/creatives",
            of_form={f"offer_links[0].{name}": value for name, value in link.items()},
            command="creatives",
            args=["name", "message"],
            more=[f"--link=link1={offer}"],
        ),
    }  # fmt: skip


def _of_contacts(audience):
    sale = {
        "name": "Sale", "send_type": "automated", "is_repeating": False, "send_time": "10:00",
        "send_date": "2098-10-03", "audiences": [audience],
    }  # fmt: skip
    return {
        "audience": Resource(
            "audiences",
            lambda _: {"name": "All", "filter": FILTER},
            form="/audiences",
            of_form={
                "filter.operator": "AND",
                "filter.conditions[0].kind": "clicked",
                "filter.conditions[0].operator": "true",
            },
            command="audiences",
            args=["name"],
            flags={"description": "--description"},
            more=[f"--filter={json.dumps(FILTER)}"],
        ),
        "campaign": Resource(
            "schedules",
            lambda _: sale,
            form="/campaigns",
            of_form={"is_repeating": "no", "late_minutes": "60"},
            wrap=lambda answer: answer.get("schedule", answer),
            command="campaigns",
            args=["name"],
            flags={
                "send_time": "--at", "ir_revenue": "--set=ir_revenue",
                "holdout_percent": "--set=holdout_percent",
            },
            more=[f"--audience={audience}", "--on=2098-10-03", "--at=10:00"],
        ),
    }  # fmt: skip
