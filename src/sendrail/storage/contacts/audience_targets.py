"""From an audience, or a filter that is not stored, to what it means at one moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sendrail.domain.audience import Audience
from sendrail.domain.audience_filter import CHAIN_MAX, AudienceCondition, FilterGroup
from sendrail.domain.errors import InvalidInput, NotFound
from sendrail.domain.ids import AccountId
from sendrail.storage.contacts.audience_filter import AudienceTarget
from sendrail.storage.contacts.audiences import Audiences

# Those of a filter with those of all audiences it names, each as often as it is named.
CONDITIONS_IN_ALL_MAX: Final = 300


def target_of(audiences: Audiences, audience: Audience, now: int) -> AudienceTarget:
    """Return what a stored audience means now.

    Lists that were deleted since are passed over. Raises `InvalidInput` where the audiences it
    names have grown past the limits.
    """
    return _Resolution(audiences, audience.account_id, now).target(
        audience.source_lists, audience.filter, (audience.ref,)
    )


def checked_target(
    audiences: Audiences,
    account_id: AccountId,
    source_lists: Sequence[int],
    group: FilterGroup,
    now: int,
    *,
    ref: str | None = None,
) -> AudienceTarget:
    """Return what a filter means that a caller gives; `ref` is the audience it is to be of.

    Raises `NotFound` for a list or an audience that is not the account's, and `InvalidInput` for
    audiences that name each other in a circle, or too many.
    """
    resolution = _Resolution(audiences, account_id, now)
    for list_id in source_lists:
        if list_id not in resolution.known_lists:
            raise NotFound(f"There is no list {list_id}, or it is not yours.", param="source_lists")
    for list_id in sorted(group.lists):
        if list_id not in resolution.known_lists:
            raise NotFound(f"There is no list {list_id}, or it is not yours.", param="filter")
    # One that is not stored has no id, and is the first of its chain all the same.
    return resolution.target(source_lists, group, (ref or "",))


@dataclass(slots=True)
class _Resolution:
    """One look at an account's lists and audiences."""

    _audiences: Audiences
    _account_id: AccountId
    _now: int
    known_lists: Sequence[int] = ()
    _conditions: int = 0

    def __post_init__(self) -> None:
        self.known_lists = self._audiences.lists_of(self._account_id)

    def target(
        self, source_lists: Sequence[int], group: FilterGroup, chain: tuple[str, ...]
    ) -> AudienceTarget:
        self._conditions += sum(1 for _ in group.walk())
        if self._conditions > CONDITIONS_IN_ALL_MAX:
            raise InvalidInput(
                f"With the audiences it names, the filter has over {CONDITIONS_IN_ALL_MAX} "
                "conditions; name fewer",
                code="filter_too_large",
                param="filter",
            )
        wanted = frozenset(source_lists)
        # One after another and not each once: every naming of one is asked by itself.
        named = [each.audience for each in group.walk() if isinstance(each, AudienceCondition)]
        return AudienceTarget(
            account_id=self._account_id,
            lists=tuple(each for each in self.known_lists if not wanted or each in wanted),
            group=group,
            now=self._now,
            known_lists=frozenset(self.known_lists),
            others={ref: self._other(ref, chain) for ref in named},
        )

    def _other(self, ref: str, chain: tuple[str, ...]) -> AudienceTarget:
        if ref in chain:
            raise InvalidInput(
                f"The audience {ref} would depend on itself; remove it from the filter",
                code="audience_cycle",
                param="filter",
            )
        if len(chain) > CHAIN_MAX:
            raise InvalidInput(
                f"Audiences name others at most {CHAIN_MAX} deep; write the conditions of {ref} "
                "into the filter",
                code="filter_too_large",
                param="filter",
            )
        found = self._audiences.by_ref(self._account_id, ref)
        if found is None:
            raise NotFound(f"There is no audience {ref}, or it is not yours.", param="filter")
        return self.target(found.source_lists, found.filter, (*chain, ref))
