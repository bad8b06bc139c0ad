"""A list on the account's own carrier sends only after three steps."""

import msgspec
import pytest
from written import parsed

from sendrail.connectors.service import ConnectorCapacity
from sendrail.contacts.lists import ListChange
from sendrail.domain.errors import CarrierTrouble, Conflict, InvalidInput, NotFound
from sendrail.domain.message import Skip
from sendrail.domain.order import Order
from sendrail.domain.verification import Step
from sendrail.intake.verdicts import Accepted

LIST = "+15550002000"
NUMBER = 15550002000
ANN, BEN = "+15550100001", "+15550100002"


@pytest.fixture
def steps(office):
    """Return the service, with a list on our own carrier in a running server."""
    office.add(own=True)
    office.do(office.runtime.lists.add(office.us, parsed(LIST), connector="coop"))
    office.serve()
    return office.runtime.verification


def standing(office):
    return office.do(office.runtime.verification.status(office.us, parsed(LIST)))


def reply(office, sender, connector="coop", body="OK"):
    connector_id = office.do(office.connectors.find(office.us, connector)).connector.id
    raw = msgspec.json.encode({"from": int(sender), "to": NUMBER, "reply": body})
    office.do(office.runtime.inbox.put(connector_id, [raw]))

    async def applied():
        return not await office.runtime.store.read(lambda tx: tx.inbox.take(1, 1))

    office.until(applied)


def walk(office, steps, to=ANN):
    office.do(steps.check(office.us, parsed(LIST)))
    return office.do(steps.send_test(office.us, parsed(LIST), to))


def test_three_steps_verify_a_list(office, steps):
    assert standing(office).step is Step.CREDENTIALS
    assert office.send(BEN, LIST).code == "webhook_not_configured"
    checked = office.do(steps.check(office.us, parsed(LIST)))
    assert (checked.step, checked.progress.checked) == (Step.TEST_SEND, "3 birds are at home.")
    assert office.send(BEN, LIST).code == "webhook_not_configured"
    sent = office.do(steps.send_test(office.us, parsed(LIST), ANN))
    assert sent.step is Step.REPLY
    office.until_status(sent.message_id, "sent")
    assert office.send(BEN, LIST).code == "webhook_not_configured"
    reply(office, ANN)
    done = standing(office)
    assert done.step is Step.DONE
    assert done.sender.verified_at is not None
    assert isinstance(office.send(BEN, LIST), Accepted)


def test_only_a_reply_of_that_handset_by_that_connector_counts(office, steps):
    office.add("other")
    office.do(
        office.runtime.lists.update(office.us, parsed(LIST), ListChange(second_connector="other"))
    )
    reply(office, ANN)
    assert standing(office).step is Step.CREDENTIALS
    walk(office, steps)
    reply(office, BEN)
    reply(office, ANN, connector="other")
    assert standing(office).step is Step.REPLY
    reply(office, ANN)
    assert standing(office).step is Step.DONE


def test_credentials_that_do_not_work_are_no_step(office, steps):
    office.do(office.connectors.change(office.us, "coop", {"loft": "chatty"}, ConnectorCapacity()))
    with pytest.raises(CarrierTrouble, match="is wrong"):
        office.do(steps.check(office.us, parsed(LIST)))
    assert standing(office).step is Step.CREDENTIALS
    with pytest.raises(Conflict, match="next step is credentials"):
        office.do(steps.send_test(office.us, parsed(LIST), ANN))


def test_the_test_message_passes_the_rest_of_the_gate(office, steps):
    office.do(office.runtime.blocks.add(office.us, parsed(ANN)))
    office.do(steps.check(office.us, parsed(LIST)))
    with pytest.raises(Exception, match="block list"):
        office.do(steps.send_test(office.us, parsed(LIST), ANN))
    assert standing(office).step is Step.TEST_SEND
    with pytest.raises(InvalidInput):
        office.do(steps.send_test(office.us, parsed(LIST), "nobody"))


def test_the_test_message_may_be_sent_again(office, steps):
    first = walk(office, steps)
    second = office.do(steps.send_test(office.us, parsed(LIST), BEN))
    assert first.message_id != second.message_id
    reply(office, ANN)
    assert standing(office).step is Step.REPLY
    reply(office, BEN)
    assert standing(office).step is Step.DONE


def test_what_is_queued_when_a_list_is_unverified_is_dropped_but_for_its_test(office, steps):
    walk(office, steps)
    reply(office, ANN)
    office.do(office.connectors.pause(office.us, "coop"))

    async def paused():
        card = await office.connectors.find(office.us, "coop")
        reports = await office.runtime.store.read(lambda tx: tx.connectors.reports())
        return reports[card.connector.id].state == "paused"

    office.until(paused)
    waiting = office.send(BEN, LIST)
    office.do(office.connectors.change(office.us, "coop", {"birds": "4"}, ConnectorCapacity()))
    assert standing(office).step is Step.CREDENTIALS
    test = walk(office, steps)
    office.do(office.connectors.resume(office.us, "coop"))
    dropped = office.until_status(waiting.message_id, "dropped")
    assert dropped.stored.detail == "webhook_not_configured"
    office.until_status(test.message_id, "sent")


@pytest.mark.parametrize(
    ("change", "step"),
    [
        ({"words": {"password": "another"}, "contract": ConnectorCapacity()}, Step.CREDENTIALS),
        ({"words": {}, "contract": ConnectorCapacity(window=5)}, Step.DONE),
        ({"words": {"loft": "loft 7"}, "contract": ConnectorCapacity()}, Step.DONE),
    ],
)
def test_new_credentials_are_verified_anew(office, steps, change, step):
    walk(office, steps)
    reply(office, ANN)
    office.do(office.connectors.change(office.us, "coop", change["words"], change["contract"]))
    assert standing(office).step is step


def test_another_connector_is_verified_anew(office, steps):
    office.add("next", own=True)
    walk(office, steps)
    reply(office, ANN)
    office.do(office.runtime.lists.update(office.us, parsed(LIST), ListChange(connector="coop")))
    assert standing(office).step is Step.DONE, "it is the connector it had"
    office.do(office.runtime.lists.update(office.us, parsed(LIST), ListChange(connector="next")))
    assert standing(office).step is Step.CREDENTIALS
    office.do(office.runtime.lists.update(office.us, parsed(LIST), ListChange(connector="sandbox")))
    assert standing(office).step is Step.DONE, "the installation's connectors need no verifying"


@pytest.mark.usefixtures("steps")
def test_an_own_carrier_is_no_second_connector(office):
    office.add("next", own=True)
    with pytest.raises(InvalidInput, match="first connector only"):
        office.do(
            office.runtime.lists.update(
                office.us, parsed(LIST), ListChange(second_connector="next")
            )
        )
    twice = ListChange(connector="sandbox", second_connector="sandbox")
    with pytest.raises(InvalidInput, match="another one than its first"):
        office.do(office.runtime.lists.update(office.us, parsed(LIST), twice))


def test_another_accounts_list_looks_like_no_list(office, steps):
    for call in (
        steps.status(office.them, parsed(LIST)),
        steps.check(office.them, parsed(LIST)),
        steps.send_test(office.them, parsed(LIST), ANN),
    ):
        with pytest.raises(NotFound):
            office.do(call)


def test_no_caller_can_ask_for_what_only_the_test_may():
    # `send-raw` has a field for each flag but this one, and the marks of what lists, campaigns and
    # journeys send of themselves.
    marks = {Skip.VERIFICATION, Skip.AUTOMATIC, Skip.CAMPAIGN}
    from sendrail.api.v2.orders import SendRaw

    fields = [name for name in SendRaw.__struct_fields__ if name.startswith("skip_")]
    assert len(fields) == len(set(Skip) - {Skip.NONE, *marks})
    assert Order(1, 2, "x").skips == Skip.NONE
