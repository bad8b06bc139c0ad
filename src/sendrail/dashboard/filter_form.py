"""The filter of an audience as a form: its fields, and how they are read and changed.

A field is named by the way to its part of the filter, `filter.groups[0].conditions[2].value`, as a
fault names it. So a form is a tree again without a script, and each fault finds its field. What is
not filled yet is kept as it was typed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Any, Final

from sendrail.dashboard.condition_fields import CONDITIONS, ConditionForm, condition_from
from sendrail.domain.audience_filter import CONDITIONS_MAX, DEPTH_MAX, FilterGroup
from sendrail.domain.audience_filter_json import read_filter, shown_filter
from sendrail.domain.errors import InvalidInput

ROOT: Final = "filter"
_NEEDS: Final = ("AND", "OR")


@dataclass(slots=True)
class FilterForm:
    """One group of a filter as it is edited: of its parts all must hold (`AND`), or one (`OR`)."""

    path: str
    operator: str = "AND"
    conditions: list[ConditionForm] = field(default_factory=list)
    groups: list["FilterForm"] = field(default_factory=list)

    @property
    def depth(self) -> int:
        """How many groups it lies in; 0 for the outermost."""
        return self.path.count(".groups[")

    @property
    def may_have_groups(self) -> bool:
        return self.depth + 1 < DEPTH_MAX

    def walk(self) -> Iterator["FilterForm"]:
        """Yield the group and every group in it."""
        yield self
        for group in self.groups:
            yield from group.walk()

    def given(self) -> dict[str, Any]:
        """Return it as the API takes it. Raises `InvalidInput` for what is no value."""
        return {
            "operator": self.operator,
            "conditions": [each.given() for each in self.conditions],
            "groups": [each.given() for each in self.groups],
        }


def form_of(group: FilterGroup, zone: tzinfo = UTC) -> FilterForm:
    """Return a stored filter as a form; moments are written in a zone."""
    return _shown(shown_filter(group), ROOT, zone)


def empty_form() -> FilterForm:
    """Return the form of a filter that says nothing yet."""
    return FilterForm(ROOT)


def read_form(fields: Mapping[str, str], many: Mapping[str, Sequence[str]]) -> FilterForm:
    """Return the filter of a form that was sent; `many` has all values of each field."""
    return _read(fields, many, ROOT, 0)


def group_of(form: FilterForm, zone: tzinfo = UTC) -> FilterGroup:
    """Return what a form means. Raises `InvalidInput` for the first field at fault."""
    for each in form.walk():
        for condition in each.conditions:
            condition.zone = zone
    return read_filter(form.given(), ROOT)


def edited(form: FilterForm, deed: str, fields: Mapping[str, str]) -> str | None:
    """Do what a button of the form asks for, and return the way to what was added.

    A deed is `add`, `group` or `remove`, and the way to the group or the part that it is about.
    None is returned where nothing was added, and nothing is done where there is no such part. What
    is asked for beyond a filter's limits is not done either.
    """
    verb, _, path = deed.partition(" ")
    if verb == "remove":
        _remove(form, path)
        return None
    group = next((each for each in form.walk() if each.path == path), None)
    if group is None:
        return None
    if verb == "group" and group.may_have_groups:
        group.groups.append(FilterForm(f"{path}.groups[{len(group.groups)}]", "OR"))
        return group.groups[-1].path
    kind = fields.get(f"{path}.add", "")
    is_full = sum(len(each.conditions) for each in form.walk()) >= CONDITIONS_MAX
    if verb == "add" and kind in CONDITIONS and not is_full:
        group.conditions.append(ConditionForm(f"{path}.conditions[{len(group.conditions)}]", kind))
        return group.conditions[-1].path
    return None


def _remove(form: FilterForm, path: str) -> None:
    for group in list(form.walk()):
        group.conditions = [each for each in group.conditions if each.path != path]
        group.groups = [each for each in group.groups if each.path != path]
    _number(form, form.path)


def _number(form: FilterForm, path: str) -> None:
    """Let the parts of a group be counted without a gap again."""
    form.path = path
    for at, condition in enumerate(form.conditions):
        condition.path = f"{path}.conditions[{at}]"
    for at, group in enumerate(form.groups):
        _number(group, f"{path}.groups[{at}]")


def _shown(given: Mapping[str, Any], path: str, zone: tzinfo) -> FilterForm:
    return FilterForm(
        path,
        given["operator"],
        [
            condition_from(each, f"{path}.conditions[{at}]", zone)
            for at, each in enumerate(given["conditions"])
        ],
        [_shown(each, f"{path}.groups[{at}]", zone) for at, each in enumerate(given["groups"])],
    )


def _read(
    fields: Mapping[str, str], many: Mapping[str, Sequence[str]], path: str, depth: int
) -> FilterForm:
    if depth >= DEPTH_MAX:
        raise InvalidInput(f"Groups are nested at most {DEPTH_MAX} deep.", param=ROOT)
    operator = fields.get(f"{path}.operator", "")
    form = FilterForm(path, operator if operator in _NEEDS else "AND")
    at = f"{path}.conditions[0]"
    while (kind := fields.get(f"{at}.kind", "")) in CONDITIONS:
        form.conditions.append(ConditionForm.read(at, kind, fields, many))
        at = f"{path}.conditions[{len(form.conditions)}]"
    while f"{(at := f'{path}.groups[{len(form.groups)}]')}.operator" in fields:
        form.groups.append(_read(fields, many, at, depth + 1))
    return form
