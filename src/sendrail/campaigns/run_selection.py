"""What a run knows when its creatives are to earn their shares: kept as it was at its beginning."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from sendrail.domain.ids import AccountId
from sendrail.domain.thompson import CreativeResults, Results, shares_of
from sendrail.storage.interface import Tx

# What a creative brought earlier is no news; and a run begins within one transaction.
PAST_RUNS: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSelection:
    """What the creatives of a run, by their ids, and all of the account's texts brought before it.

    With `is_cto` every click is paid.
    """

    past: Mapping[int, Results] = field(default_factory=dict)
    mean: Results = field(default_factory=Results)
    is_cto: bool = False

    def shares(
        self,
        creatives: Sequence[tuple[int, int | None, int]],
        results: Mapping[int, Results],
        dice: random.Random,
    ) -> list[int]:
        """Return the share of each creative in the next page, in thousandths.

        Creatives are their variant, id and payout; `results` are those of this run by variant.
        """
        found = [
            CreativeResults(
                now=results.get(variant, Results()),
                past=self.past.get(creative_id or 0, Results()),
                payout=payout,
            )
            for variant, creative_id, payout in creatives
        ]
        mean = sum((each.now for each in found), self.mean)
        return shares_of(found, mean, dice, is_cto=self.is_cto)

    def shown(self) -> dict[str, Any]:
        """Return it as it is stored."""
        return {
            "past": {str(creative): _shown(each) for creative, each in self.past.items()},
            "mean": _shown(self.mean),
            "is_cto": self.is_cto,
        }

    @classmethod
    def read(cls, shown: Mapping[str, Any]) -> "RunSelection":
        """Return what was stored."""
        past = {int(creative): Results(*each) for creative, each in shown["past"].items()}
        return cls(past=past, mean=Results(*shown["mean"]), is_cto=shown["is_cto"])


class _EarlierVariant(msgspec.Struct):
    number: int
    creative_id: int | None


class _EarlierContent(msgspec.Struct):
    """The part of a run's content that says which creatives it had."""

    variants: list[_EarlierVariant]
    # What it sent before a change of its texts.
    earlier: list[_EarlierVariant]


_earlier: Final = msgspec.json.Decoder(_EarlierContent).decode


def past_selection(
    tx: Tx, account_id: AccountId, creatives: Sequence[int], *, is_cto: bool
) -> RunSelection:
    """Return what creatives, and all texts, brought in the account's latest runs until now."""
    contents = tx.runs.contents(account_id, PAST_RUNS)
    found = tx.report_counts.of_variants(account_id, [run_id for run_id, _ in contents])
    past: dict[int, Results] = {}
    for run_id, content in contents:
        sent = _earlier(content)
        for each in (*sent.variants, *sent.earlier):
            results = found.get((run_id, each.number))
            creative_id = each.creative_id
            if results is not None and creative_id is not None and creative_id in creatives:
                past[creative_id] = past.get(creative_id, Results()) + results
    return RunSelection(past=past, mean=sum(found.values(), Results()), is_cto=is_cto)


def _shown(results: Results) -> tuple[int, int, int]:
    return results.sends, results.clicks, results.conversions
