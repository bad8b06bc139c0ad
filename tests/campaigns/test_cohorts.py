"""Cohorts against a naive count: what the rows say, added up by the calendar."""

import json
import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from clicking import HUMAN, Clock, click, count_all, keep
from sqlalchemy import insert, select, update
from stores import NOW

from sendrail.campaigns.cohorts import CohortInput, CohortService, cohort_rows
from sendrail.contacts.turns import AccountTurns
from sendrail.domain.cohort import CohortEvent, CohortGroup, CohortKind
from sendrail.domain.contact import SignUp, SignupMethod
from sendrail.domain.conversion import Attribution, ConversionEvent, ConversionSource
from sendrail.domain.errors import InvalidInput, NotFound
from sendrail.storage.contact_tables import contacts, list_contacts
from sendrail.storage.message_tables import messages
from sendrail.storage.tracking_tables import conversions, message_clicks
from sendrail.tracking.recording import ConversionReport, record_all

DAY = 86_400_000
KEPT = 1_000
WITHIN = (7, 14, 30, 60, 90, 180, 365, None)


def service(house, slice_contacts=3, now=NOW):
    return CohortService(
        house.store, lambda: now, AccountTurns(), KEPT, slice_days=3, slice_contacts=slice_contacts
    )


def sign_up(house, sender, recipient, at):
    signup = SignUp(recipient=recipient, method=SignupMethod.API, at=at)
    house.write(lambda tx: tx.signups.add(sender.id, [(signup, {})], NOW))


class Shop:
    """Two lists whose contacts sign up, get messages, follow links, buy and leave."""

    def __init__(self, house, seed):
        self.house = house
        self.chance = random.Random(seed)
        self.lists = [house.list, house.add_list(house.us, 15550007)]
        self.left = []
        self.people = range(15550100001, 15550100013)
        for sender in self.lists:
            for who in self.chance.sample(self.people, 9):
                # Also many at one moment, as an import brings them.
                at = NOW - self.chance.choice((400, 200, 45, 45, self.chance.randrange(500))) * DAY
                sign_up(house, sender, who, at)

    def send(self, ns):
        house = self.house
        for n in ns:
            sender = self.chance.choice(self.lists)
            at = NOW + self.chance.randrange(DAY)
            row = (
                house.no(n, sender), sender.lane, house.us, sender.id,
                self.chance.choice(self.people), at, 0, 1, "gsm7", "Hello", None, "",
            )  # fmt: skip

            def insert(tx, row=row, sender=sender):
                house.backend.use_lane(tx, sender.lane)
                tx.messages.insert([row])

            house.write(insert)
        while house.write(lambda tx: tx.activity.count(7)):
            pass

    def follow(self, clock):
        house = self.house
        for sender in self.lists:
            rows = self.messages(sender)
            for row in self.chance.sample(rows, len(rows) // 2):
                at = row.created_at + self.chance.randrange(40 * DAY)
                n = next(n for n in range(1, 200) if house.no(n, sender) == row.number)
                keep(house, click(house, n, at=at, sender=sender, kind=HUMAN))
        count_all(house, clock)

    def buy(self):
        house = self.house
        rows = [row for sender in self.lists for row in self.messages(sender)]
        for row in self.chance.sample(rows, len(rows) // 2):
            sold = ConversionEvent.SALE
            event = self.chance.choice((sold, sold, ConversionEvent.REFUND))
            report = {
                "account_id": house.us,
                "offer": None,
                "event": event,
                "external_id": f"t{self.chance.randrange(30)}",
                "amount": self.chance.randrange(1, 99),
                "at": row.created_at + self.chance.randrange(100 * DAY),
                "clicked_at": None,
                "source": ConversionSource.API,
                "attribution": Attribution.SEND,
            }

            def record(tx, row=row, report=report):
                message = tx.conversions.message(house.us, row.number)
                record_all(
                    tx, [ConversionReport(message=message, **report)], max(NOW, report["at"])
                )

            house.write(record)

    def leave(self):
        for sender in self.lists:
            for who in self.chance.sample(self.people, 3):
                at = NOW - self.chance.randrange(100 * DAY)
                self.left.append((sender.id, who, at))
                event = CohortEvent(sender.id, who, CohortKind.OPT_OUTS.value, at)
                self.house.write(lambda tx, event=event: tx.cohort_counts.add([event]))

    def messages(self, sender):
        wanted = select(messages).where(messages.c.list_id == sender.id)
        return self.rows(wanted.order_by(messages.c.number))

    def rows(self, query):
        return self.house.read(lambda tx: tx.core.execute(query).all())

    def happened(self):
        """Return what the rows say that happened to contacts: whom, when, what, how much."""
        to = {}
        for sender in self.lists:
            for row in self.messages(sender):
                to[row.number] = (row.list_id, row.recipient)
                yield row.list_id, row.recipient, row.created_at, "sends", 1, 0
        for row in self.rows(select(message_clicks).where(message_clicks.c.human_clicks > 0)):
            yield *to[row.number], row.at, "clicks", 1, 0
        for row in self.rows(select(conversions).where(conversions.c.attributed)):
            n = 0 if row.event == "refund" else 1
            yield *to[row.number], row.at, f"revenue {row.currency}", n, row.amount
        for list_id, who, at in self.left:
            yield list_id, who, at, "opt_outs", 1, 0

    def expected(self, group, first, last, lists):
        """Return each cohort's size, and what it brought within some days, by the calendar."""
        signups = {
            (row.list_id, row.recipient): row.signup_at
            for row in self.rows(select(list_contacts))
            if row.list_id in lists
        }
        sizes, brought = Counter(), Counter()
        for signed_up in signups.values():
            sizes[cohort_of(group, signed_up)] += 1
        for list_id, who, at, what, n, amount in self.happened():
            if (signed_up := signups.get((list_id, who))) is None:
                continue
            for days in WITHIN:
                if days is None or at < signed_up + days * DAY:
                    key = cohort_of(group, signed_up), days, what
                    brought[key] += n
                    brought[*key, "amount"] += amount
        is_in = lambda key: first <= key <= last  # noqa: E731 - one line
        return (
            {key: n for key, n in sizes.items() if is_in(key)},
            {key: n for key, n in brought.items() if n and is_in(key[0])},
        )

    def expected_by(self, value_of, first, last):
        """Return the same for each value that contacts have, by one look at each row."""
        values = {
            (row.list_id, row.recipient): value_of(row)
            for row in self.rows(select(list_contacts))
            if first <= cohort_of("day", row.signup_at) <= last
        }
        signed_up = {row[:2]: row.signup_at for row in self.rows(SIGN_UPS)}
        sizes, brought = Counter(values.values()), Counter()
        for list_id, who, at, what, n, amount in self.happened():
            if (list_id, who) not in values:
                continue
            for days in WITHIN:
                is_known = what != "sends" or days is None
                if is_known and (days is None or at < signed_up[list_id, who] + days * DAY):
                    key = values[list_id, who], days, what
                    brought[key] += n
                    brought[*key, "amount"] += amount
        return sizes, {key: n for key, n in brought.items() if n}

    def be_unlike(self):
        """Give contacts carriers, and values of every type."""
        house = self.house
        for row in self.rows(select(list_contacts)):
            fields = self.chance.choice(FIELDS)
            of_row = (list_contacts.c.list_id == row.list_id) & (
                list_contacts.c.recipient == row.recipient
            )
            change = update(list_contacts).where(of_row).values(custom_fields=json.dumps(fields))
            house.write(lambda tx, change=change: tx.core.execute(change))
        for who in self.people:
            named = {"account_id": house.us, "recipient": who, "created_at": NOW}
            carrier = self.chance.choice(("Movistar", "Orange", None))
            known = insert(contacts).values(**named, carrier=carrier)
            house.write(lambda tx, known=known: tx.core.execute(known))


SIGN_UPS = select(list_contacts.c.list_id, list_contacts.c.recipient, list_contacts.c.signup_at)
# What a field may hold, as text: a number is one whether it was written as 5, 5.0 or "5".
FIELDS = (
    {"plan": "gold"}, {"plan": 'größer "x"'}, {"plan": 5}, {"plan": 5.0}, {"plan": "5"},
    {"plan": 2.5}, {"plan": True}, {"plan": "true"}, {"plan": False}, {"plan": " "}, {"plan": ""},
    {"other": "gold"}, {},
)  # fmt: skip
NAMES = {
    "gold": "gold", 'größer "x"': 'größer "x"', 5: "5", "5": "5", 2.5: "2.5", "true": "true",
    " ": None, "": None, None: None,
}  # fmt: skip


def plan_of(row):
    value = json.loads(row.custom_fields).get("plan")
    return str(value).lower() if isinstance(value, bool) else NAMES[value]


def cohort_of(group, at):
    day = datetime.fromtimestamp(at / 1000, UTC).date()
    if group == "day":
        return day
    return day.replace(day=1) if group == "month" else day - timedelta(days=day.weekday())


def reported(report):
    sizes = {first: each.contacts for first, each in report.cohorts.items() if each.contacts}
    brought = {}
    for first, cohort in report.cohorts.items():
        brought |= {(first, *key): n for key, n in brought_by(cohort).items()}
    return sizes, brought


def brought_by(cohort):
    brought = {}
    for days, figures in zip(WITHIN, cohort.periods, strict=True):
        for what in ("sends", "clicks", "opt_outs"):
            brought[days, what] = getattr(figures, what)
        for currency, earned in figures.revenue.items():
            brought[days, f"revenue {currency}"] = earned.conversions
            brought[days, f"revenue {currency}", "amount"] = earned.amount
    return {key: n for key, n in brought.items() if n}


@pytest.mark.parametrize("seed", [11])
def test_cohorts_are_what_counting_the_rows_would_give(house, seed):
    shop, clock = Shop(house, seed), Clock()
    for first in (1, 41):
        shop.send(range(first, first + 40))
        shop.buy()
        shop.leave()
    shop.follow(clock)
    seen = set()
    for group, sender in (("month", None), ("week", None), ("week", shop.lists[1])):
        wanted = CohortInput(
            group=CohortGroup(group),
            first=date(2025, 9, 1),
            sender=None if sender is None else sender.number,
        )
        report = house.do(service(house).report(house.us, wanted))
        lists = [each.id for each in (shop.lists if sender is None else [sender])]
        expected = shop.expected(group, report.range.first, report.range.last, lists)
        assert reported(report) == expected
        assert report.total.contacts == sum(expected[0].values())
        seen |= {key[2] for key in expected[1]}
    assert seen == {"sends", "clicks", "opt_outs", "revenue USD"}


def test_cohorts_of_lists_are_those_of_each_list_alone(house):
    shop, clock = Shop(house, 5), Clock()
    shop.send(range(1, 81))
    shop.buy()
    shop.leave()
    shop.follow(clock)
    # A day that begins neither a week nor a month, for rounding would bring in others.
    first, last = date(2025, 9, 30), date(2026, 12, 9)
    by_list = CohortInput(group=CohortGroup.LIST, first=first, last=last)
    report = house.do(service(house).report(house.us, by_list))
    assert (report.range.first, report.range.last_date, report.cohorts) == (first, last, {})
    assert {each.id for each, _ in report.lists} >= {each.id for each in shop.lists}
    sums = Counter()
    for sender, cohort in report.lists:
        sizes, brought = shop.expected("day", first, last, [sender.id])
        assert cohort.contacts == sum(sizes.values())
        expected = Counter()
        for (_, *rest), n in brought.items():
            expected[tuple(rest)] += n
        assert brought_by(cohort) == {key: n for key, n in expected.items() if n}
        sums.update(brought_by(cohort))
    assert brought_by(report.total) == {key: n for key, n in sums.items() if n}
    assert len([each for _, each in report.lists if each.contacts]) > 1
    one = house.do(service(house).report(house.us, replace(by_list, sender=shop.lists[1].number)))
    assert [each.id for each, _ in one.lists] == [shop.lists[1].id]
    assert one.total == one.lists[0][1]


def reported_by_value(report):
    sizes = Counter({of.text: each.contacts for of, each in report.values})
    brought = {}
    for of, cohort in report.values:
        brought |= {(of.text, *key): n for key, n in brought_by(cohort).items()}
    return sizes, brought


def test_cohorts_by_value_are_what_counting_the_rows_would_give(house):
    shop, clock = Shop(house, 8), Clock()
    shop.be_unlike()
    shop.send(range(1, 81))
    shop.buy()
    shop.leave()
    shop.follow(clock)
    first, last = date(2025, 9, 30), date(2027, 1, 15)
    of_people = {row.recipient: row.carrier for row in shop.rows(select(contacts))}
    wanted = CohortInput(group=CohortGroup.CARRIER, first=first, last=last)
    for value_of, asked in (
        (lambda row: of_people[row.recipient], wanted),
        (plan_of, replace(wanted, group=CohortGroup.CUSTOM_FIELD, custom_field="plan")),
    ):
        report = house.do(service(house).report(house.us, asked))
        sizes, brought = shop.expected_by(value_of, first, last)
        assert reported_by_value(report) == (sizes, brought)
        assert {key[2] for key in brought} == {"sends", "clicks", "opt_outs", "revenue USD"}
        assert None in sizes
        assert len(sizes) > 2
        contacts_of = [each.contacts for _, each in report.values]
        assert contacts_of == sorted(contacts_of, reverse=True)
        assert report.total.contacts == sum(sizes.values())
        sums = Counter()
        for (_, *key), n in brought.items():
            sums[tuple(key)] += n
        assert brought_by(report.total) == {key: n for key, n in sums.items() if n}
        assert report.total.periods[0].sends is None


def test_values_of_others_are_not_seen(house):
    """Two accounts may know one number, each with a carrier of its own."""
    theirs = house.add_list(house.them, 15550008)
    for sender, account, carrier in (
        (house.list, house.us, "Movistar"),
        (theirs, house.them, "Orange"),
    ):
        sign_up(house, sender, 15550100001, NOW)
        row = {"account_id": account, "recipient": 15550100001, "created_at": NOW}
        known = insert(contacts).values(**row, carrier=carrier)
        house.write(lambda tx, known=known: tx.core.execute(known))
        event = CohortEvent(sender.id, 15550100001, CohortKind.OPT_OUTS.value, NOW)
        house.write(lambda tx, event=event: tx.cohort_counts.add([event]))
    wanted = CohortInput(group=CohortGroup.CARRIER)
    report = house.do(service(house).report(house.us, wanted))
    assert reported_by_value(report)[0] == {"Movistar": 1}
    assert report.total.periods[-1].opt_outs == 1


def of_many_values(house, count):
    sent = [
        (SignUp(recipient=15550100001 + n, method=SignupMethod.API, at=NOW), {"code": f"c{n:04}"})
        for n in range(count)
    ]
    sent.append((SignUp(recipient=15550109001, method=SignupMethod.API, at=NOW), {"code": "c0003"}))
    house.write(lambda tx: tx.signups.add(house.list.id, sent, NOW))
    return service(house, slice_contacts=500).report(
        house.us, CohortInput(group=CohortGroup.CUSTOM_FIELD, custom_field="code")
    )


def test_of_many_values_the_largest_have_a_cohort_each(house):
    report = house.do(of_many_values(house, 140))
    names = [of.name for of, _ in report.values]
    assert names[:3] == ["c0003", "c0000", "c0001"]
    assert (len(names), names[-1], report.values[-1][1].contacts) == (101, "(others)", 40)
    assert report.total.contacts == 141
    assert [row[0] for row in cohort_rows(report)][-9] == "(others)"


def test_of_too_many_values_no_cohorts_are_made(house):
    with pytest.raises(InvalidInput, match="more than 1,000 values"):
        house.do(of_many_values(house, 1_001))


@pytest.mark.parametrize(
    ("group", "field"),
    [("custom_field", None), ("custom_field", " "), ("carrier", "plan")],
)
def test_a_field_is_named_exactly_where_cohorts_are_by_one(house, group, field):
    wanted = CohortInput(group=CohortGroup(group), custom_field=field)
    with pytest.raises(InvalidInput) as refused:
        house.do(service(house).report(house.us, wanted))
    assert (refused.value.code, refused.value.param) == ("invalid_parameter", "custom_field")


def test_a_list_is_whole_once_its_last_day_is(house):
    # Today is 2027-01-15: who signed up on the 8th has been there for seven days at its end.
    for last, is_whole in ((date(2027, 1, 7), True), (date(2027, 1, 8), False)):
        wanted = CohortInput(group=CohortGroup.LIST, last=last)
        report = house.do(service(house).report(house.us, wanted))
        assert report.is_whole(None, 7) is is_whole


def test_a_cohort_is_whole_once_its_last_contact_has_been_there_so_long(house):
    # 2027-01-15 is a Friday; its week began on the 11th.
    week = CohortInput(group=CohortGroup.WEEK)
    report = house.do(service(house).report(house.us, week))
    assert max(report.cohorts) == date(2027, 1, 11)
    assert not report.is_whole(date(2027, 1, 11), 7)
    assert not report.is_whole(date(2027, 1, 4), 7)
    assert report.is_whole(date(2026, 12, 28), 7)
    assert not report.is_whole(date(2026, 12, 28), None)


def test_contacts_of_others_are_in_no_cohort_of_ours(house):
    theirs = house.add_list(house.them, 15550008)
    sign_up(house, theirs, 15550100001, NOW)
    event = CohortEvent(theirs.id, 15550100001, CohortKind.SENDS.value, NOW)
    house.write(lambda tx: tx.cohort_counts.add([event]))
    ours = house.do(service(house).report(house.us, CohortInput()))
    assert (ours.total.contacts, ours.total.periods[-1].sends) == (0, 0)
    found = house.do(service(house).report(house.them, CohortInput()))
    assert (found.total.contacts, found.total.periods[-1].sends) == (1, 1)
    with pytest.raises(NotFound):
        house.do(service(house).report(house.us, CohortInput(sender=theirs.number)))


def test_dates_have_bounds(house):
    today = date(2027, 1, 15)
    for first, last in (
        (today, today - timedelta(days=1)),
        (today - timedelta(days=KEPT), today),
        (today - timedelta(days=900), today + timedelta(days=200)),
    ):
        with pytest.raises(InvalidInput):
            house.do(service(house).report(house.us, CohortInput(first=first, last=last)))
    oldest = CohortInput(first=today - timedelta(days=KEPT - 1))
    assert house.do(service(house).report(house.us, oldest)).total.contacts == 0


def test_counts_of_old_sign_ups_are_forgotten_a_bite_at_a_time(house):
    people = range(15550100001, 15550100006)
    for days, who in enumerate(people):
        sign_up(house, house.list, who, NOW - days * DAY)
    events = [CohortEvent(house.list.id, who, CohortKind.SENDS.value, NOW) for who in people]
    house.write(lambda tx: tx.cohort_counts.add(events))
    forget = lambda: house.write(lambda tx: tx.cohort_counts.forget(NOW - 2 * DAY, 1))  # noqa: E731 - thrice
    assert [forget(), forget(), forget()] == [1, 1, 0]
    report = house.do(service(house).report(house.us, CohortInput()))
    assert report.total.periods[-1].sends == 3
