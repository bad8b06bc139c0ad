"""The inbox: conversations of replies and messages, answers, and the review of doubtful STOPs."""

import re

import pytest
from dashboard_site import Elements, reply_from
from written import parsed

from sendrail.domain.contact import OptOutReason
from sendrail.domain.user import Role

LIST, OTHER = "+15557700001", "+15557700002"
ANN, BEN, CID, DAN = 15557710001, 15557710002, 15557710003, 15557710004


@pytest.fixture(scope="module")
def lists(site):
    added = [
        site.do(site.runtime.lists.add(site.us, parsed(number), name=name, connector="sandbox"))
        for number, name in ((LIST, "News"), (OTHER, "Orders"))
    ]
    for recipient in (ANN, BEN):
        site.do(site.runtime.contacts.add(site.us, parsed(LIST), parsed(f"+{recipient}")))
    return [each.sender.id for each in added]


@pytest.fixture(scope="module")
def ana(site, lists):
    site.send(f"+{ANN}", LIST, "The ridge boots are back")
    reply_from(site, lists[0], ANN, "do you have them in 38?")
    reply_from(site, lists[0], BEN, "please leave me be", rule="doubt", review=1)
    reply_from(site, lists[1], ANN, "where is my order?")
    return site.signed_in("ana@example.com", Role.MEMBER)


def talks(html):
    return [
        each.partition("?")[0] for each in Elements(html).links() if "/dashboard/inbox/" in each
    ]


def test_what_the_list_is_filtered_by_stays_while_conversations_are_opened(ana):
    """Of the inbox of one list, each link and each form goes on in the inbox of that list."""
    asked = f"q=%2B{ANN}&list=%2B{OTHER[1:]}"
    [opened] = [
        each for each in Elements(ana.page(f"/inbox?{asked}")).links() if f"/{ANN}?" in each
    ]
    assert opened.endswith(f"?{asked}&on=%2B{OTHER[1:]}")
    html = ana.page(opened.removeprefix("/dashboard"))
    assert (
        f'<a class="btn quiet icon back" href="/dashboard/inbox?{asked}"'.replace("&", "&amp;")
        in html
    )
    assert (
        f'action="/dashboard/inbox/{ANN}?{asked}&on=%2B{OTHER[1:]}"'.replace("&", "&amp;") in html
    )
    answer = ana.post(f"/inbox/{ANN}?{asked}", list=OTHER, body="It left today.")
    assert answer.headers["location"].startswith(f"{opened}&said=")
    assert f"/dashboard/inbox?view=unread&{asked}" in Elements(html).links()


def test_before_the_first_reply_the_page_says_what_to_do(site):
    them = site.signed_in("them@example.com", Role.OWNER, site.them)
    assert "No replies yet" in them.page("/inbox")
    assert "No reply matches" in them.page("/inbox?view=review")


def test_replies_are_conversations_by_contact_and_list(ana):
    html = ana.page("/inbox")
    ann, ben = f"/dashboard/inbox/{ANN}", f"/dashboard/inbox/{BEN}"
    assert [each for each in talks(html) if each in {ann, ben}] == [ann, ben, ann]
    assert "No conversation is open" in html
    assert talks(ana.page(f"/inbox?q=%2B{BEN}")) == [ben]
    assert talks(ana.page(f"/inbox?list=%2B{OTHER[1:]}")) == [ann]
    assert "No reply matches" in ana.page("/inbox?q=hello")
    assert "No more replies" in ana.page("/inbox?page=2")


def test_a_conversation_shows_both_ways_in_order(ana):
    text = Elements(ana.page(f"/inbox/{ANN}?on=%2B{LIST[1:]}")).text
    sent, asked = text.index("The ridge boots are back"), text.rindex("do you have them in 38?")
    assert sent < asked
    assert "with News" in text
    assert "On News" in text
    # Without a list, the one of the newest reply; what nobody wrote is not there.
    assert "with Orders" in Elements(ana.page(f"/inbox/{ANN}")).text
    for path in ("/inbox/15557719999", f"/inbox/{BEN}?on=%2B{OTHER[1:]}", f"/inbox/{ANN}?on=x"):
        assert ana.get(path).status_code == 404


def test_an_answer_passes_the_gate(site, ana):
    path = f"/inbox/{ANN}"
    ana.page(path)
    answer = ana.post(path, list=LIST, body="They ship on Thursday")
    assert answer.status_code == 303
    text = Elements(ana.page(answer.headers["location"].removeprefix("/dashboard"))).text
    assert "The answer is on its way." in text
    assert "They ship on Thursday" in text
    refused = ana.post(path, list=LIST, body="")
    assert refused.status_code == 400
    assert "The answer was not sent" in refused.text
    viewer = site.signed_in("viewer@example.com", Role.VIEWER)
    assert viewer.get(path).status_code == 404


def review_id(html):
    return re.search(r'name="reply" value="(\d+)"', html)[1]


def test_a_reply_is_unread_until_its_conversation_is_opened(site, ana, lists):
    reply_from(site, lists[0], CID, "is this unread?")
    html = ana.page("/inbox?view=unread")
    opened = f"/dashboard/inbox/{CID}"
    assert opened in talks(html)
    assert '<span class="sr">Unread</span>' in html
    ana.page(f"/inbox/{CID}?on=%2B{LIST[1:]}")
    assert opened not in talks(ana.page("/inbox?view=unread"))
    assert opened in talks(ana.page("/inbox"))


def test_the_sidebar_counts_what_is_unread(site):
    shop, number = site.do(site.runtime.accounts.add("unread")), "+15557700009"
    made = site.do(site.runtime.lists.add(shop, parsed(number), connector="sandbox"))
    olga = site.signed_in("olga@example.com", Role.OWNER, shop)
    live = {"x-part": "unread"}
    assert 'id="unread" data-live="20"></span>' in olga.page("/")
    for _ in range(2):
        reply_from(site, made.sender.id, ANN, "are you there?", account=shop)
    assert "Inbox 2 unread" in Elements(olga.page("/lists")).text
    # What is asked for by itself is that part, whatever the page.
    part = olga.get("/lists", headers=live).text
    assert part.startswith('<span id="unread"><span class="count new">2<')
    assert "Inbox 2 unread" in Elements(olga.page("/")).text
    # One that opens the conversation has read it, on this page already.
    assert "2 unread" not in Elements(olga.page(f"/inbox/{ANN}")).text
    # A role that does not see people is told nothing, and other accounts count their own.
    viewer = site.signed_in("vera@example.com", Role.VIEWER, shop)
    assert viewer.get("/", headers=live).text.count('id="unread"') == 0
    assert 'id="unread"' not in viewer.page("/")


def test_a_doubtful_reply_is_made_a_stop_by_a_person(site, ana):
    path = f"/inbox/{BEN}?on=%2B{LIST[1:]}"
    assert f"/dashboard/inbox/{BEN}" in talks(ana.page("/inbox?view=review"))
    html = ana.page(path)
    assert "Was this an opt-out? It was not taken as STOP (rule doubt )" in Elements(html).text
    form = {"list": LIST, "reply": review_id(html), "verdict": "stop"}
    for wrong, status in (({"verdict": "maybe"}, 400), ({"reply": "999999"}, 404)):
        assert ana.post(f"/inbox/{BEN}/review", **form | wrong).status_code == status
    answer = ana.post(f"/inbox/{BEN}/review?view=review", **form)
    assert "view=review" in answer.headers["location"]
    text = Elements(ana.page(answer.headers["location"].removeprefix("/dashboard"))).text
    assert "The contact is off the list." in text
    assert "Opted out" in text
    assert "A person has decided: it was a STOP." in text
    assert "Was this an opt-out?" not in text
    assert f"/dashboard/inbox/{BEN}" not in talks(ana.page("/inbox?view=review"))
    assert ana.post(f"/inbox/{BEN}/review", **form).status_code == 409
    history = site.do(site.runtime.contacts.history(site.us, parsed(LIST), parsed(f"+{BEN}")))
    assert not history[-1].active
    assert "reply read as STOP by user ana@example.com: please leave" in history[-1].evidence
    refused = ana.post(f"/inbox/{BEN}", list=LIST, body="Sorry to see you go")
    assert refused.status_code == 400
    assert "The answer was not sent" in refused.text


def test_what_a_person_says_was_no_stop_brings_the_contact_back(site, ana, lists):
    site.do(site.runtime.contacts.add(site.us, parsed(LIST), parsed(f"+{DAN}")))
    reply_from(site, lists[0], DAN, "stop by", keyword="stop", rule="first_word", review=1)
    site.write(
        lambda tx: tx.contacts.unsubscribe(
            lists[0], DAN, OptOutReason.MESSAGE, source="reply", evidence="stop by",
            rule="first_word", now=site.runtime.clock.now(),
        )
    )  # fmt: skip
    html = ana.page(f"/inbox/{DAN}?on=%2B{LIST[1:]}")
    form = {"list": LIST, "reply": review_id(html), "verdict": "no_stop"}
    answer = ana.post(f"/inbox/{DAN}/review", **form)
    text = Elements(ana.page(answer.headers["location"].removeprefix("/dashboard"))).text
    assert "The contact is on the list again." in text
    assert "it was no STOP" in text
