"""A campaign of the site's own account with all that it needs: audience, offer, creative, run."""

from dashboard_site import ME

from sendrail.campaigns.reading import CreativeInput, LinkInput
from sendrail.campaigns.run_content import RunContent, Variant
from sendrail.campaigns.schedule_reading import BlastInput, ScheduleInput
from sendrail.contacts.audiences import AudienceChange
from sendrail.domain.audience_filter_json import read_filter
from sendrail.domain.campaign_run import RunState
from sendrail.domain.origin import Origin, OriginKind
from sendrail.domain.origin_counts import CountKey, CountTally
from sendrail.domain.waves import KeyRange, Wave
from sendrail.storage.campaigns.runs import NewRun
from sendrail.tracking.offers import OfferChange

HOUR = 3_600_000


def whose_note(operator, value):
    """Return a filter on the custom field `note`; nobody's is `nothing`."""
    condition = {
        "conditionType": "custom_field", "field": "custom_fields.note", "operator": operator,
        "value": value,
    }  # fmt: skip
    return {"operator": "AND", "conditions": [condition]}


EVERYBODY = whose_note("ne", "nothing")


def an_audience(site, list_id, name="Everybody", filter_=EVERYBODY):
    given = AudienceChange(
        name=name, description=name, source_lists=[list_id], filter=read_filter(filter_)
    )
    return site.do(site.runtime.audiences.add(site.us, given, ME)).ref


def an_offer(site, name="Boots", **more):
    given = OfferChange(name=name, tracking_url="https://shop.example/boots", **more)
    return site.do(site.runtime.tracking.offers.add(site.us, given, ME)).ref


def a_creative(site, offer, name="Boots", message="{{first_name|friend}}, see {{link1}}"):
    links = [LinkInput(key="link1", offer_id=offer)]
    given = CreativeInput(name=name, message=message, offer_links=links)
    return site.do(site.runtime.creatives.add(site.us, given, ME)).creative.id


def a_schedule(site, audience, name="Autumn sale", texts=("Hello", "Dear friend"), **more):
    share = 100 // len(texts)
    blasts = [
        BlastInput(message=text, percent_audience=share, variant_name=f"{name[:90]} {at}")
        for at, text in enumerate(texts)
    ]
    given = {
        "name": name, "send_type": "blast", "is_repeating": False, "send_time": "10:00",
        "audiences": [audience], "send_date": "2098-10-03", "blasts": blasts,
    }  # fmt: skip
    made = site.do(site.runtime.schedules.add(site.us, ScheduleInput(**given | more), ME))
    return made.schedule


def a_run(site, schedule, state=RunState.RUNNING, day="2098-10-03"):
    """Return the id of a run as the planner makes one."""
    now = site.runtime.clock.now()
    wave = Wave(now - HOUR, now + 12 * HOUR, ranges=(KeyRange(1, 1_000),))
    variants = tuple(
        Variant(at, each.variant_name, each.percent_audience, each.message, {})
        for at, each in enumerate(schedule.blasts, 1)
    )
    content = RunContent(lists=(), targets=(), variants=variants, began_at=now)
    new = NewRun(
        site.us, schedule.id, day, state, None, content.to_json(), now - HOUR, wave.ends_at, (wave,)
    )
    return site.write(lambda tx: tx.runs.add(new, now))


def some_counts(site, run_id, list_id, hour, counts, part="1"):
    """Count messages of a run's variant in an hour; `counts` are by what is counted."""

    def count(tx):
        lane = tx.core.exec_driver_sql("SELECT lane FROM lists WHERE id = ?", (list_id,)).scalar()
        origin = Origin(OriginKind.RUN, run_id, 1, part)
        origin_id = tx.origins.find_or_add(site.us, [origin])[origin]
        tally = CountTally()
        for what, (n, amount) in counts.items():
            tally.add(CountKey(lane, origin_id, list_id, hour, what), n, n, amount)
        tx.origin_counts.add(tally)

    site.write(count)


def a_campaign(site, list_id, text="Hello", filter_=EVERYBODY):
    """Return the ids of one of each, by their names in paths; every text is `text`."""
    audience = an_audience(site, list_id, text, filter_)
    schedule = a_schedule(site, audience, text, (text.replace("{{7*7}}", ""),))
    run_id = a_run(site, schedule)
    message = text.replace("{{7*7}}", "") + " {{link1}}"
    offer = an_offer(site, text, metadata={"note": text}, advertiser_id=text[:60])
    return {
        "offer_id": offer,
        "schedule_id": schedule.ref,
        "run_id": str(run_id),
        "audience_id": audience,
        "creative_id": str(a_creative(site, offer, text, message)),
    }
