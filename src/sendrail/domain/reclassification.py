"""What a stored click is by today's rules, as far as its row still says what they ask for."""

from typing import Final, NamedTuple

from sendrail.domain.click_classes import ClickReason, ClickVerdict, NetworkKind, classify

# What only the request said, and what a person did.
_FIXED: Final = frozenset({ClickReason.HEAD, ClickReason.PREFETCH, ClickReason.CONFIRMED})
# Where an address is not known any more, its kind is what the click was judged by.
_KINDS: Final = {
    ClickReason.NETWORK: NetworkKind.MACHINE,
    ClickReason.PREVIEW: NetworkKind.PREVIEWER,
}


class KeptRequest(NamedTuple):
    """What is kept of a request: an agent, perhaps empty, and the kind of its network.

    `kind` is None where the network is not kept, or is partly of one kind and partly of another.
    `is_blank` says that its time was over, and nothing of the visitor is kept.
    """

    agent: bytes
    kind: NetworkKind | None
    is_blank: bool


def judge_again(
    before: ClickVerdict, request: KeptRequest, since_sent_ms: int | None
) -> ClickVerdict:
    """Return the class of a click by itself; its neighbours may say more of it.

    `since_sent_ms` is as `classify` takes it. What the row cannot say stays as it was judged.
    """
    if request.is_blank or before.reason in _FIXED:
        return before
    kind = request.kind
    if kind is None:
        kind = _KINDS.get(before.reason, NetworkKind.ORDINARY)
    return classify(request.agent, network=kind, since_sent_ms=since_sent_ms)
