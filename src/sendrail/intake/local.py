"""Accepting where one process does: numbers in blocks, the duplicate window in memory."""

from collections.abc import Hashable, Iterable, Sequence
from typing import Final, cast

from sendrail.domain.ids import AccountId, MessageId, MessageIds, MessageNumber
from sendrail.domain.message import Skip
from sendrail.intake.duplicates import DuplicateWindow, PageMark, fingerprint
from sendrail.intake.facts import InLine
from sendrail.intake.judge import Judge
from sendrail.intake.links import links_column
from sendrail.intake.verdicts import NO_ID, Accepted
from sendrail.links.texts import urls_of
from sendrail.storage.interface import Tx
from sendrail.storage.pipeline.messages import MessageRow

# Message numbers reserved at a time by a process that accepts one message after another.
_BLOCK: Final = 1024
# What each order of a campaign's page has, and no other.
_OF_PAGE: Final = int(Skip.CAMPAIGN | Skip.DUPLICATE)


class LocalTicket:
    """The numbers and the places in the window that one line of orders took."""

    __slots__ = ("_acceptor", "accepted", "before", "first", "pages", "remembered")

    def __init__(self, acceptor: "LocalAcceptor", before: tuple[int | None, int | None]) -> None:
        self._acceptor = acceptor
        self.accepted = 0
        # Where the acceptor's numbers stood before.
        self.before = before
        # The first number taken; None until there is one.
        self.first: int | None = None
        # Each message's fingerprint, and what the window had under it before.
        self.remembered: list[tuple[int, int]] = []
        # The pages of a campaign that the window has of it.
        self.pages: list[PageMark] = []

    def keep(self) -> None:
        """Close the ticket: what accepting changed in memory is there already."""
        self._acceptor.open_tickets.remove(self)

    def undo(self) -> None:
        self._acceptor.undo(self)


class LocalAcceptor:
    """Numbers and inserts, as the only process that does so for long."""

    def __init__(self, ids: MessageIds, window: DuplicateWindow) -> None:
        self._ids = ids
        self._window = window
        # The first number not yet in the window; None until the window is filled from the rows.
        self._next: int | None = None
        # The last number of our block, if we have one.
        self._until: int | None = None
        # The tickets whose transaction has not ended, in the order they took their numbers.
        self.open_tickets: list[LocalTicket] = []

    def fill_window(self, tx: Tx, now: int) -> None:
        self._window.open(now)
        self._remember_rows(tx, tx.local.first_since(now - self._window.length_ms))

    def accept(self, tx: Tx, line: Sequence[InLine], judge: Judge, now: int) -> LocalTicket:
        ticket = LocalTicket(self, (self._next, self._until))
        self.open_tickets.append(ticket)
        try:
            ticket.first = self._reserve(tx, len(line), now)
            origins: dict[int, int] = {}
            is_page = bool(line) and line[0][3].skips & _OF_PAGE == _OF_PAGE
            judge_all = self._judge_page if is_page else self._judge_line
            rows = judge_all(line, judge, ticket, origins, now)
            tx.messages.insert(rows, origins=origins)
            tx.origin_counts.accepted(rows, origins)
        except BaseException:
            self.undo(ticket)
            raise
        ticket.accepted = len(rows)
        return ticket

    def undo(self, ticket: LocalTicket) -> None:
        """Forget what a ticket took, and all that was taken after it.

        Tickets that are open at once belong to one commit. A ticket is undone either while it is
        the last one, or because that commit failed, and with it all of them: the newest first, as
        each has remembered what it found.
        """
        while ticket in self.open_tickets:
            last = self.open_tickets.pop()
            if last.first is not None:
                self._window.undo(last.remembered, last.first, last.pages)
            # The numbers given out are free again.
            self._next, self._until = last.before

    def _judge_line(
        self,
        line: Sequence[InLine],
        judge: Judge,
        ticket: LocalTicket,
        origins: dict[int, int],
        now: int,
    ) -> list[MessageRow]:
        """Put each order's verdict in its place; return what has become a message.

        What comes from a campaign or a journey has its origin put among `origins`, by its number.
        """
        remembered = ticket.remembered
        rows: list[MessageRow] = []
        swap, remember, keep = self._window.swap, remembered.append, rows.append
        has_pages = self._window.has_pages
        for number, name, (verdicts, at, facts, order) in self._numbered(line, judge, ticket):
            recipient, _, body, skips, metadata, encoding, segments, links, _, _, origin_id = order
            sender = facts.sender
            key = held = earlier = 0
            if sender is not None:
                text = (body, links) if links else body
                key = fingerprint(sender.id, recipient, text)
                held = earlier = swap(key, number, now)
                if has_pages and not held:
                    earlier = self._window.in_pages(sender.id, recipient, text, now)
                remember((key, held))
            if earlier or recipient in facts.known or skips not in facts.usual:
                refusal = judge.refusal_of(facts, order, earlier)
            else:
                # To the gate, orders of which nothing in particular is known are all alike.
                refusal = facts.usual[skips]
            if refusal is not None or sender is None:
                if key:
                    remembered.pop()
                    # What a page has of it is not written here: that page may be undone yet.
                    self._window.take_back(key, held)
                verdicts[at] = judge.refuse(refusal, earlier)
                continue
            verdicts[at] = Accepted(name, number)
            if origin_id:
                origins[number] = origin_id
            keep(
                (
                    number, sender.lane, sender.account_id, sender.id, recipient, now,
                    skips, segments, encoding, body,
                    "" if metadata is None else metadata.decode(),
                    links_column(links, facts.destinations) if links else "",
                )
            )  # fmt: skip
        return rows

    def _judge_page(
        self,
        line: Sequence[InLine],
        judge: Judge,
        ticket: LocalTicket,
        origins: dict[int, int],
        now: int,
    ) -> list[MessageRow]:
        """Do the same with a page of a campaign, of which no order can be a duplicate.

        Its recipients ascend, and each is there once: the window keeps the page as a whole.
        """
        rows: list[MessageRow] = []
        texts: list[int] = []
        keep, note = rows.append, texts.append
        for number, name, (verdicts, at, facts, order) in self._numbered(line, judge, ticket):
            recipient, _, body, skips, _, encoding, segments, links, _, _, origin_id = order
            sender = facts.sender
            if recipient in facts.known or skips not in facts.usual:
                refusal = judge.refusal_of(facts, order, 0)
            else:
                refusal = facts.usual[skips]
            if refusal is not None or sender is None:
                verdicts[at] = judge.refuse(refusal, 0)
                continue
            verdicts[at] = Accepted(name, number)
            if origin_id:
                origins[number] = origin_id
            column = ""
            if links:
                column = links_column(links, facts.destinations)
                note(hash((body, links)))
            else:
                note(hash(body))
            keep(
                (
                    number, sender.lane, sender.account_id, sender.id, recipient, now,
                    skips, segments, encoding, body, "", column,
                )
            )  # fmt: skip
        ticket.pages = self._window.note_page(rows, texts, now)
        return rows

    def _numbered(
        self, line: Sequence[InLine], judge: Judge, ticket: LocalTicket
    ) -> Iterable[tuple[MessageNumber, MessageId, InLine]]:
        """Return each order with the number and the public id that it has as a message."""
        first, count = ticket.first, len(line)
        assert first is not None, "the line has taken its numbers"
        numbers = cast("Sequence[MessageNumber]", range(first, first + count))
        names = self._ids.show_run(first, count) if judge.shows_ids else [NO_ID] * count
        return zip(numbers, names, line, strict=True)

    def _reserve(self, tx: Tx, wanted: int, now: int) -> MessageNumber:
        """Take numbers, and learn of messages that another process accepted meanwhile.

        Numbers are reserved in blocks, so that most groups need not write the counter. What is left
        of a block is given up as soon as another process has reserved: numbers grow with time,
        whichever process gives them out.
        """
        self._window.open(now)
        if self._next is None:
            self._remember_rows(tx, tx.local.first_since(now - self._window.length_ms))
            first, self._until = self._reserve_anew(tx, wanted)
        elif self._until is None or tx.local.reserved() != self._until:
            self._remember_rows(tx, self._next)
            first, self._until = self._reserve_anew(tx, wanted)
        elif self._next + wanted - 1 > self._until:
            first, self._until = self._reserve_anew(tx, max(wanted, _BLOCK))
        else:
            first = MessageNumber(self._next)
        self._next = first + wanted
        return first

    def _reserve_anew(self, tx: Tx, count: int) -> tuple[MessageNumber, int]:
        first = tx.local.reserve(count)
        return first, first + count - 1

    def _remember_rows(self, tx: Tx, first: int) -> None:
        self._next = first
        if self._window.length_ms:
            for each in tx.local.recent(first):
                text: Hashable = each.body
                if each.links:
                    urls = urls_of(tx, AccountId(each.account_id), each.links.split(" "))
                    text = (each.body, tuple(urls))
                key = fingerprint(each.list_id, each.recipient, text)
                self._window.swap(key, each.number, each.created_at)
                self._next = each.number + 1
