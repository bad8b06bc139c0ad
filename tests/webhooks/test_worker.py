"""The telling: retries, pauses, crashes, and endpoints that must not delay one another.

Time is ours: minutes and hours of it pass in no time, and the same way each time.
"""

import asyncio
import json
from collections import Counter, defaultdict
from datetime import UTC, datetime
from itertools import pairwise

import pytest
import standardwebhooks
from grounds import embedded_only
from hooks import Hooks

from sendrail.domain.delivery import Rejected
from sendrail.domain.errors import StorageUnavailable
from sendrail.domain.webhook import Acknowledged, EndpointGone, EndpointState, NotAcknowledged

LIVE, DEAD = "https://live.example.com/", "https://dead.example.com/"
NO = NotAcknowledged("down", 500)
MINUTE, HOUR = 60, 3_600


def state(hooks, endpoint):
    return hooks.ask("find", endpoint.id).state


def waits(posts):
    return [later.at - earlier.at for earlier, later in pairwise(posts)]


@embedded_only  # many minutes of looks
def test_an_event_is_told_at_once_and_once(road, hooks):
    endpoint = hooks.add(LIVE).endpoint
    hooks.start()
    hooks.make_events(1, endpoint_id=endpoint.id)
    road.store.hints.outbox_has()
    hooks.pass_time(0.01)
    [post] = hooks.receiver.posts
    assert post.event["message_id"] == road.ids.show(1)
    assert post.id == f"evt_delivery_{road.ids.show(1)}"
    hooks.pass_time(10 * MINUTE)
    assert len(hooks.receiver.posts) == 1
    assert road.counted("webhook_attempts_total", outcome="acknowledged") == 1


def test_what_the_road_brings_to_rest_is_told_without_a_look(road, hooks):
    hooks.add(LIVE)
    sender = road.add_list()
    hooks.start()
    road.start_all()
    road.pass_time(0.1)
    begun = road.clock.monotonic()
    road.carrier.will(15550100001, Rejected("spam"))
    road.send(sender, 15550100001)
    road.pass_time(0.1)
    [post] = hooks.receiver.posts
    assert post.event["status_detail"] == "spam"
    assert post.at - begun < 0.1


def test_a_receiver_can_verify_what_it_gets(road, hooks):
    made = hooks.add(LIVE)
    hooks.make_events(1, endpoint_id=made.endpoint.id)
    began = road.clock.now() // 1000
    hooks.pass_time(0.1)
    [post] = hooks.receiver.posts
    # Their verifier wants today's time, which ours is not; so let theirs sign as well, and compare.
    signature = standardwebhooks.Webhook(made.secret).sign(
        post.id, datetime.fromtimestamp(began, UTC), post.body.decode()
    )
    assert post.headers["webhook-signature"] == signature


# Retries


@embedded_only  # many minutes of looks
def test_retries_come_as_the_public_page_says_with_the_same_id_and_body(road, hooks):
    endpoint = hooks.add(DEAD).endpoint
    hooks.make_events(1, endpoint_id=endpoint.id)
    hooks.receiver.always[DEAD] = [NO]
    hooks.start(watched=True, pause_after_ms=10**12)
    hooks.pass_time(4 * HOUR)
    posts = hooks.receiver.posts
    assert len(posts) == 6
    for wait, minutes in zip(waits(posts), [1, 5, 15, 60, 120], strict=True):
        # Ten percent of jitter, a look in half a second, and a probe of the breaker.
        assert minutes * MINUTE <= wait <= minutes * MINUTE * 1.1 + 61
    assert len({(post.id, post.body) for post in posts}) == 1
    assert road.counted("webhook_events_given_up_total") == 1
    assert [a.attempt.attempt for a in hooks.ask("attempts", endpoint.id, offset=0, limit=9)] == [
        6, 5, 4, 3, 2, 1,
    ]  # fmt: skip


@embedded_only  # many minutes of looks
@pytest.mark.parametrize("seconds", [0.0, pytest.param(5.0, marks=pytest.mark.slow)])
def test_retries_keep_their_schedule_however_much_was_never_tried(hooks, seconds):
    endpoint = hooks.add(DEAD).endpoint
    hooks.make_events(2_000, endpoint_id=endpoint.id)
    hooks.receiver.always[DEAD] = [seconds, NO]
    hooks.start(watched=True, pause_after_ms=10**12)
    hooks.pass_time(4 * HOUR)
    by_event = defaultdict(list)
    for post in hooks.receiver.posts:
        by_event[post.id].append(post)
    over = 0
    for posts in by_event.values():
        for wait, minutes in zip(waits(posts), [1, 5, 15, 60, 120], strict=False):
            due = minutes * MINUTE + seconds
            # Ten percent of jitter, a look in half a second, and a turn behind a few others.
            assert due <= wait <= due + minutes * MINUTE * 0.1 + 1.0 + 3 * seconds
        over += len(posts) == 6
    assert over >= 8, "those that were under way together at first have had all their attempts"
    # While none is due, others show whether the endpoint is back: at the least once a minute.
    quiet = max(waits(sorted(hooks.receiver.posts, key=lambda post: post.at)))
    assert quiet <= 61 + 2 * seconds


def test_retries_are_found_behind_any_number_of_others_after_a_restart(road, hooks):
    endpoint = hooks.add(DEAD).endpoint
    hooks.make_events(300, endpoint_id=endpoint.id)
    hooks.receiver.always[DEAD] = [NO]
    hooks.pass_time(2)
    tried = {post.id for post in hooks.receiver.posts}
    hooks.stop()
    other = Hooks(road)
    other.receiver.always[DEAD] = [1.0, Acknowledged(200)]
    road.do(asyncio.sleep(67))
    other.start(concurrency=4)
    other.pass_time(5)
    assert {post.id for post in other.receiver.posts[: len(tried)]} == tried
    other.stop()


def test_a_retry_has_the_body_of_the_first_attempt_whatever_changed_since(road, hooks):
    endpoint = hooks.add(DEAD).endpoint
    hooks.make_events(1, endpoint_id=endpoint.id)
    hooks.receiver.will(DEAD, NO)
    hooks.pass_time(1)
    road.sql("UPDATE lists SET number = 15559999999")
    road.sql("DELETE FROM messages")
    hooks.stop()
    other = Hooks(road)
    other.pass_time(2 * MINUTE)
    assert [post.body for post in other.receiver.posts] == [hooks.receiver.posts[0].body]
    other.stop()


@pytest.mark.parametrize("status", [429, 503])
def test_an_endpoint_that_asks_for_patience_gets_it_for_all_its_events(hooks, status):
    endpoint = hooks.add(LIVE).endpoint
    hooks.make_events(3, endpoint_id=endpoint.id)
    hooks.receiver.will(LIVE, NotAcknowledged("busy", status, 300_000))
    hooks.start(concurrency=1)
    hooks.pass_time(299)
    assert len(hooks.receiver.posts) == 1
    hooks.pass_time(3)
    assert len(hooks.receiver.posts) == 4


def test_an_event_of_a_message_that_is_gone_is_put_to_rest(road, hooks):
    endpoint = hooks.add(LIVE).endpoint
    hooks.make_events(2, endpoint_id=endpoint.id)
    road.sql("DELETE FROM messages WHERE number = ?", road.ground.number(1))
    hooks.pass_time(2)
    assert [post.event["message_id"] for post in hooks.receiver.posts] == [
        road.ids.show(road.ground.number(2))
    ]
    assert road.sql("SELECT count(*) FROM outbox WHERE due_at IS NOT NULL") == [(0,)]


def test_a_bug_in_posting_is_an_attempt_that_failed(hooks):
    endpoint = hooks.add(LIVE).endpoint
    hooks.make_events(2, endpoint_id=endpoint.id)
    hooks.receiver.will(LIVE, ZeroDivisionError("a bug"))
    hooks.pass_time(2 * MINUTE)
    assert len(hooks.receiver.posts) == 3


# Dead next to live


def test_ten_thousand_events_for_a_dead_endpoint_do_not_delay_a_live_one(road, hooks):
    dead, live = hooks.add(DEAD).endpoint, hooks.add(LIVE).endpoint
    hooks.make_events(10_000, endpoint_id=dead.id)
    hooks.make_events(300, endpoint_id=live.id, first=20_001)
    # Each POST to the dead one hangs until its time-out.
    hooks.receiver.always[DEAD] = [15.0, NotAcknowledged("no answer in time")]
    hooks.receiver.always[LIVE] = [0.01, Acknowledged(200)]
    begun = road.clock.monotonic()
    hooks.pass_time(10)
    told = hooks.receiver.of(LIVE)
    assert len(told) == 300
    # 300 events, 8 at a time, 10 ms each: 0.4 s, if nobody is in the way.
    assert told[-1].at - begun < 1.0
    assert len(hooks.receiver.of(DEAD)) == 8


@embedded_only  # many minutes of looks
def test_a_dead_endpoint_spends_few_attempts_and_gets_everything_once_it_is_back(road, hooks):
    dead = hooks.add(DEAD).endpoint
    hooks.make_events(500, endpoint_id=dead.id)
    hooks.receiver.always[DEAD] = [NO]
    hooks.pass_time(HOUR)
    # Twelve before it is known to be down, and about one a minute; each of them has its retries.
    assert 50 < len(hooks.receiver.posts) < 150
    hooks.receiver.always[DEAD] = [Acknowledged(200)]
    # What failed for the fourth time just before waits an hour, and its jitter.
    hooks.pass_time(HOUR + 10 * MINUTE)
    told = Counter(post.id for post in hooks.receiver.posts)
    assert len(told) == 500
    assert road.sql("SELECT count(*) FROM outbox WHERE told") == [(500,)]


@embedded_only  # four thousand events
def test_two_hundred_endpoints_that_hang_take_no_place_from_any_other(road, hooks):
    live = hooks.add(LIVE).endpoint
    hanging = [f"https://dead.example.com/{n}" for n in range(200)]
    # An account has at most twenty.
    others = [road.write(lambda tx, n=n: tx.accounts.add(f"them {n}", 0)) for n in range(10)]
    for n, url in enumerate(hanging):
        endpoint = hooks.add(url, account=others[n % 10]).endpoint
        hooks.make_events(20, endpoint_id=endpoint.id, first=1_001 + 100 * n)
        hooks.receiver.always[url] = [10_000.0, NO]
    hooks.make_events(500, endpoint_id=live.id, first=100_001)
    hooks.receiver.always[LIVE] = [0.01, Acknowledged(200)]
    hooks.pass_time(5)
    # All of the good one's events, while every other has as much under way as it may.
    assert len(hooks.receiver.of(LIVE)) == 500
    assert {hooks.receiver.under_way[url] for url in hanging} == {8}
    assert road.sql("SELECT count(*) FROM outbox WHERE told") == [(500,)]


def test_a_line_is_filled_again_before_its_answers_are_written(road, hooks):
    endpoint = hooks.add(LIVE).endpoint
    hooks.make_events(1_000, endpoint_id=endpoint.id)
    hooks.receiver.always[LIVE] = [0.001, Acknowledged(200)]
    begun = road.clock.monotonic()
    hooks.pass_time(5)
    posted = [post.at for post in hooks.receiver.of(LIVE)]
    assert len(posted) == 1_000
    # 1,000 events, 8 at a time, 1 ms each: 0.125 s. A line that waits for its answers to be
    # written stands still between the 8 ms of each 64 events and the 10 ms of gathering.
    assert posted[-1] - begun < 0.14


def test_answers_of_a_moment_share_a_transaction(road, hooks):
    endpoint = hooks.add(LIVE).endpoint
    hooks.make_events(50, endpoint_id=endpoint.id)
    hooks.receiver.always[LIVE] = [0.001, Acknowledged(200)]
    hooks.open()
    groups, settle = [], hooks.worker._settler._write_group
    hooks.worker._settler._write_group = lambda tx, group: (
        groups.append(len(group)), settle(tx, group)
    )  # fmt: skip

    async def work():
        task = asyncio.create_task(hooks.worker.run())
        await asyncio.sleep(1)
        await hooks.worker.stop(1.0)
        await task

    road.do(work())
    assert sum(groups) == 50
    assert len(groups) <= 2


def test_no_endpoint_has_more_under_way_than_its_bound(hooks):
    endpoints = [hooks.add(url).endpoint for url in (LIVE, DEAD)]
    for at, endpoint in enumerate(endpoints):
        hooks.make_events(200, endpoint_id=endpoint.id, first=1 + 1_000 * at)
    hooks.receiver.always[LIVE] = hooks.receiver.always[DEAD] = [0.05, Acknowledged(200)]
    hooks.start(concurrency=5)
    hooks.pass_time(10)
    assert hooks.receiver.most_under_way == {LIVE: 5, DEAD: 5}
    assert len(hooks.receiver.posts) == 400


# Pauses


@embedded_only  # many minutes of looks
def test_an_endpoint_that_only_fails_is_paused_and_its_events_wait(road, hooks):
    dead = hooks.add(DEAD).endpoint
    hooks.make_events(5_000, endpoint_id=dead.id)
    hooks.receiver.always[DEAD] = [NO]
    hooks.start(watched=True, pause_after_ms=HOUR * 1000)
    hooks.pass_time(58 * MINUTE)
    assert state(hooks, dead) is EndpointState.ACTIVE
    hooks.pass_time(4 * MINUTE)
    assert state(hooks, dead) is EndpointState.PAUSED
    assert road.counted("webhook_endpoints_ended_total", state="paused") == 1
    posted = len(hooks.receiver.posts)
    hooks.pass_time(10 * MINUTE)
    assert len(hooks.receiver.posts) == posted
    hooks.receiver.always[DEAD] = [Acknowledged(200)]
    hooks.ask("resume", dead.id)
    hooks.pass_time(25)  # with the next look, ten seconds off at most
    # What has been tried keeps the time of its next attempt.
    waiting = "SELECT count(*) FROM outbox WHERE due_at IS NOT NULL"
    assert road.sql(f"{waiting} AND retries = 0") == [(0,)]
    hooks.pass_time(2 * HOUR)
    assert road.sql(waiting) == [(0,)]


@embedded_only  # many minutes of looks
def test_one_success_in_between_keeps_it_alive(hooks):
    endpoint = hooks.add(DEAD).endpoint
    hooks.make_events(5_000, endpoint_id=endpoint.id)
    hooks.receiver.always[DEAD] = [NO]
    hooks.start(watched=True, pause_after_ms=HOUR * 1000)
    hooks.pass_time(50 * MINUTE)
    hooks.receiver.will(DEAD, Acknowledged(200))
    hooks.pass_time(50 * MINUTE)
    assert state(hooks, endpoint) is EndpointState.ACTIVE
    since = hooks.ask("find", endpoint.id).failing_since
    assert since is not None
    hooks.pass_time(15 * MINUTE)
    assert state(hooks, endpoint) is EndpointState.PAUSED


@embedded_only  # many minutes of looks
def test_how_long_it_has_failed_survives_a_restart(road, hooks):
    endpoint = hooks.add(DEAD).endpoint
    hooks.make_events(5_000, endpoint_id=endpoint.id)
    hooks.receiver.always[DEAD] = [NO]
    hooks.start(watched=True, pause_after_ms=HOUR * 1000)
    hooks.pass_time(35 * MINUTE)
    hooks.stop()
    other = Hooks(road)
    other.receiver.always[DEAD] = [NO]
    other.start(pause_after_ms=HOUR * 1000)
    other.pass_time(30 * MINUTE)
    assert state(other, endpoint) is EndpointState.PAUSED
    other.stop()


@embedded_only  # many minutes of looks
def test_an_endpoint_that_says_gone_is_told_no_more(hooks):
    endpoint = hooks.add(LIVE).endpoint
    hooks.make_events(100, endpoint_id=endpoint.id)
    hooks.receiver.will(LIVE, Acknowledged(200), EndpointGone())
    hooks.start(concurrency=1)
    hooks.pass_time(10 * MINUTE)
    assert len(hooks.receiver.posts) == 2
    assert state(hooks, endpoint) is EndpointState.GONE
    hooks.ask("resume", endpoint.id)
    hooks.pass_time(10)
    assert len(hooks.receiver.posts) == 100


@embedded_only  # many minutes of looks
def test_a_pause_by_hand_holds_within_a_moment(hooks):
    endpoint = hooks.add(LIVE).endpoint
    hooks.start()
    hooks.pass_time(1)
    hooks.ask("pause", endpoint.id)
    hooks.pass_time(1)
    hooks.make_events(3, endpoint_id=endpoint.id)
    hooks.pass_time(10 * MINUTE)
    assert hooks.receiver.posts == []
    hooks.ask("resume", endpoint.id)
    hooks.pass_time(1)
    assert len(hooks.receiver.posts) == 3


@embedded_only  # many minutes of looks
def test_a_new_url_is_used_and_gets_a_new_chance(hooks):
    endpoint = hooks.add(DEAD).endpoint
    hooks.make_events(20, endpoint_id=endpoint.id)
    hooks.receiver.always[DEAD] = [NO]
    hooks.pass_time(10 * MINUTE)
    hooks.ask("change", endpoint.id, url=LIVE)
    hooks.pass_time(1.2)
    assert len(hooks.receiver.of(LIVE)) > 5


# Crashes


def test_a_crash_between_the_post_and_its_attempt_repeats_it_word_for_word(road, hooks):
    endpoint = hooks.add(LIVE).endpoint
    hooks.make_events(1, endpoint_id=endpoint.id)
    hooks.open()

    async def post_and_die():
        await hooks.worker.step()
        while not hooks.receiver.posts:  # noqa: ASYNC110 - a turn of the loop at a time
            await asyncio.sleep(0)
        # It was posted, and nothing of that is on disk.
        road.store.die()

    road.do(post_and_die())
    road.do(asyncio.sleep(0))
    [first] = hooks.receiver.posts
    road.store = road.ground.open()
    other = Hooks(road)
    other.pass_time(1)
    [second] = other.receiver.posts
    assert (second.id, second.body) == (first.id, first.body)
    other.pass_time(MINUTE)
    assert len(other.receiver.posts) == 1
    other.stop()


def test_an_answer_that_cannot_be_kept_now_is_kept_later(road, hooks):
    endpoint = hooks.add(LIVE).endpoint
    hooks.make_events(1, endpoint_id=endpoint.id)
    hooks.receiver.will(LIVE, 1.0, Acknowledged(200))
    hooks.pass_time(0.9)
    road.store.trouble = StorageUnavailable("full")
    hooks.pass_time(5)
    road.store.trouble = None
    hooks.pass_time(5)
    assert len(hooks.receiver.posts) == 1
    assert len(hooks.ask("attempts", endpoint.id, offset=0, limit=9)) == 1


def test_a_stop_waits_for_the_answers_under_way(road, hooks):
    endpoint = hooks.add(LIVE).endpoint
    hooks.make_events(30, endpoint_id=endpoint.id)
    hooks.receiver.always[LIVE] = [0.5, Acknowledged(200)]
    hooks.pass_time(0.2)
    hooks.stop()
    assert len(hooks.receiver.posts) == 8
    assert road.sql("SELECT count(*) FROM outbox WHERE told") == [(8,)]


def test_what_is_under_way_at_a_late_stop_is_told_again(road, hooks):
    endpoint = hooks.add(LIVE).endpoint
    hooks.make_events(1, endpoint_id=endpoint.id)
    hooks.receiver.will(LIVE, 10.0, Acknowledged(200))
    hooks.pass_time(0.2)
    hooks.stop()
    other = Hooks(road)
    other.pass_time(1)
    assert len(other.receiver.posts) == 1
    other.stop()


# Replays and rotations


def test_a_replay_tells_one_event_again_as_it_was(hooks):
    endpoint = hooks.add(LIVE).endpoint
    hooks.make_events(2, endpoint_id=endpoint.id)
    hooks.pass_time(1)
    first = hooks.receiver.posts[0]
    assert hooks.ask("replay", endpoint.id, event=first.id) == 1
    hooks.pass_time(1)
    again = hooks.receiver.posts[2:]
    assert [(post.id, post.body) for post in again] == [(first.id, first.body)]


@embedded_only  # many minutes of looks
def test_a_replay_of_what_was_given_up_begins_the_schedule_anew(road, hooks):
    endpoint = hooks.add(DEAD).endpoint
    hooks.make_events(2, endpoint_id=endpoint.id)
    # As after five retries.
    road.sql("UPDATE outbox SET attempts = 5, retries = 5")
    hooks.receiver.always[DEAD] = [NO]
    hooks.pass_time(10 * MINUTE)
    assert len(hooks.receiver.posts) == 2
    assert hooks.ask("replay", endpoint.id, since=road.clock.now()) == 0
    assert hooks.ask("replay", endpoint.id, since=0) == 2
    hooks.pass_time(10 * MINUTE)
    # At once, after a minute and after five more, each.
    assert len(hooks.receiver.posts) == 2 + 6
    assert road.counted("webhook_events_given_up_total") == 2


def test_during_a_rotation_both_secrets_sign_and_afterwards_only_the_new_one(hooks):
    made = hooks.add(LIVE)
    new = hooks.ask("rotate", made.endpoint.id, overlap_ms=MINUTE * 1000)
    assert new.secret != made.secret
    hooks.make_events(1, endpoint_id=made.endpoint.id)
    hooks.pass_time(MINUTE)
    hooks.make_events(1, endpoint_id=made.endpoint.id, first=2)
    hooks.pass_time(1)
    during, after = (post.headers["webhook-signature"].split(" ") for post in hooks.receiver.posts)
    assert (len(during), len(after)) == (2, 1)


def test_a_secret_of_another_master_key_fails_the_attempt_and_says_so(road, hooks):
    first, second = hooks.add(LIVE).endpoint, hooks.add(LIVE).endpoint
    # A sealed secret copied to another row must not open there.
    road.sql(
        "UPDATE webhook_endpoints SET secret ="
        " (SELECT secret FROM webhook_endpoints WHERE id = ?) WHERE id = ?",
        first.id, second.id,
    )  # fmt: skip
    hooks.make_events(1, endpoint_id=second.id)
    hooks.pass_time(1)
    assert hooks.receiver.posts == []
    [told] = hooks.ask("attempts", second.id, offset=0, limit=9)
    assert "master.key" in told.attempt.detail


def test_the_body_is_json_and_small(hooks):
    endpoint = hooks.add(LIVE).endpoint
    hooks.make_events(1, endpoint_id=endpoint.id)
    hooks.pass_time(1)
    [post] = hooks.receiver.posts
    assert json.loads(post.body)["event"] == "delivery"
    assert len(post.body) < 300
