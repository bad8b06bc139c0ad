"""From an error's code to its HTTP status and body: the only place that knows both."""

from collections.abc import Iterable
from typing import Final

import msgspec

from sendrail.domain.errors import InvalidInput, SendrailError
from sendrail.domain.journeys.faults import FaultyDocument
from sendrail.domain.order import Fault

# Every code with its status and when it is answered; codes not listed here are a 400. The
# reference page and the OpenAPI description are made from this table.
CODES: Final[dict[str, tuple[int, str]]] = {
    "missing_api_key": (401, "The request has no `X-Api-Key` header."),
    "invalid_api_key": (401, "The API key is unknown or revoked."),
    "account_suspended": (403, "The account is suspended."),
    "invalid_request": (400, "What came is no HTTP/1.1 request."),
    "invalid_json": (400, "The body is no JSON object; the text says where and why."),
    "invalid_field": (400, "A field has the wrong type or form; `param` names it."),
    "invalid_parameter": (400, "A query parameter has the wrong form; `param` names it."),
    "invalid_idempotency_key": (400, "The `Idempotency-Key` is empty or longer than 255."),
    "missing_to": (400, "`to` is absent, null or blank."),
    "missing_list_number": (400, "`list_number` is absent, null or blank."),
    "missing_body": (400, "`body` is absent, null or blank."),
    "missing_messages": (400, "`messages` is absent or empty."),
    "missing_phone_number": (400, "`phone_number` is absent, null or blank."),
    "missing_contacts": (400, "`contacts` is absent or empty."),
    "invalid_custom_fields": (400, "A custom field has no proper name or value."),
    "missing_custom_fields": (400, "`custom_fields` is absent or null."),
    "missing_blocks": (400, "`blocks` is absent or empty."),
    "missing_enrollments": (400, "`enrollments` is absent or empty."),
    "missing_tracking_url": (400, "`tracking_url` is absent, null or blank."),
    "missing_name": (400, "`name` is absent, null or blank."),
    "invalid_phone": (400, "A phone number is not an E.164 number."),
    "invalid_list_number": (
        400,
        "`list_number` is no E.164 number, short code or name of at most 11 characters.",
    ),
    "invalid_name": (400, "A name is blank or longer than 100 characters."),
    "name_too_long": (
        400,
        "The name of an offer, an audience or a creative has over 255 characters.",
    ),
    "invalid_url": (400, "A URL is none that a link may lead to; the text says why."),
    "invalid_external_platform": (400, "`external_platform` is not `tune` or `everflow`."),
    "invalid_payout_type": (400, "`payout_type` is not `cpa` or `cpc`."),
    "invalid_status": (400, "A `status` is not one that can be set."),
    "missing_message_id": (400, "`message_id` is absent, null or blank."),
    "missing_revenue": (400, "`revenue` is absent or null."),
    "missing_attribution_type": (400, "`attribution_type` is absent, null or blank."),
    "invalid_attribution_type": (400, "`attribution_type` is not `sale`, `click` or `send`."),
    "invalid_timestamp": (400, "A time is none of ISO 8601, or lies in the future."),
    "invalid_currency": (400, "An amount is not in the currency of its account."),
    "missing_id": (400, "`id` is absent, null or blank."),
    "missing_to_number": (400, "`to_number` is absent, null or blank."),
    "missing_timestamp": (400, "`timestamp` is absent, null or blank."),
    "missing_offer_id": (400, "`offer_id` is absent, null or blank."),
    "missing_entities": (400, "`entities` is absent or empty."),
    "incomplete_migration": (
        400,
        "`migrate.map` leaves out a step at which contacts rest, and there is no `rest`.",
    ),
    "confirm_required": (400, "`confirm` is not true: what is deleted cannot be brought back."),
    "missing_records": (400, "`records` is absent or empty."),
    "missing_domain": (400, "`domain` is absent, null or blank."),
    "invalid_domain": (400, "`domain` is no host that links may stand on; the text says why."),
    "domain_taken": (400, "The host is a tracking domain already, maybe another account's."),
    "domain_in_use": (400, "Lists use the tracking domain, or it is the default of several."),
    "too_many_domains": (400, "The account has 100 tracking domains already."),
    "too_many_offers": (400, "The account has 10,000 offers already."),
    "missing_filter": (400, "`filter` is absent or null."),
    "invalid_filter": (400, "A part of a filter has the wrong form; `param` is the way to it."),
    "empty_filter_group": (400, "A group of a filter has no condition and no group."),
    "filter_too_large": (
        400,
        "A filter has over 100 conditions, or 8 levels; with audiences it names, over 300, or 4.",
    ),
    "audience_cycle": (400, "The audience would ask for itself by another."),
    "too_many_audiences": (400, "The account has 1,000 audiences already."),
    "invalid_quiet_hours": (
        400,
        "`quiet_hours` is no time of the day over midnight, such as `21:00-08:00`.",
    ),
    "invalid_rate": (400, "`rate` is not 1 to 6,000,000 messages a minute."),
    "invalid_connector": (
        400,
        "The account has no such connector, or it cannot be used like this.",
    ),
    "empty_file": (400, "The file has not even a first line."),
    "invalid_csv": (400, "The file is no CSV file in UTF-8; the text says what it is."),
    "invalid_country": (400, "`country` is no two letters of ISO 3166."),
    "duplicate_column": (
        400,
        "Two columns of the file have one name that says whether a contact may be texted.",
    ),
    "missing_column": (400, "The file's first line names no column `phone_number`."),
    "invalid_send_at": (
        400,
        "`send_at` is no time with a zone, has passed, or is too far ahead.",
    ),
    "unknown_macro": (
        400,
        "A text has a `{{…}}` that is no placeholder, or that `contact_data` has no value for.",
    ),
    "missing_message": (400, "`message` is absent, null or blank."),
    "missing_offer_links": (400, "`offer_links` is absent, null or empty."),
    "missing_link_placeholder": (400, "`message` has no `{{link1}}`."),
    "missing_offer_links_for_placeholders": (
        400,
        "`message` has a `{{linkN}}` that `offer_links` says nothing of.",
    ),
    "missing_offer_link_key": (400, "One of `offer_links` has no `key`."),
    "missing_offer_link_offer_id": (400, "One of `offer_links` has no `offer_id`."),
    "missing_field": (400, "A field of the text has neither a value nor a default."),
    "missing_send_type": (400, "`send_type` is absent, null or blank."),
    "invalid_send_type": (400, "`send_type` is not `blast` or `automated`."),
    "missing_is_repeating": (400, "`is_repeating` is absent or null."),
    "missing_send_time": (400, "`send_time` is absent, null or blank."),
    "missing_audiences": (400, "`audiences` is absent, null or empty."),
    "missing_send_date": (400, "A schedule that does not repeat has no `send_date`."),
    "missing_start_date": (400, "A repeating schedule has no `start_date`."),
    "missing_end_date": (400, "A repeating schedule has no `end_date`."),
    "no_days_selected": (400, "A repeating schedule has no day that is true between its dates."),
    "missing_blasts": (400, "A schedule of the type `blast` has no `blasts`."),
    "invalid_blast_percent": (400, "`percent_audience` of all blasts is not 100 together."),
    "missing_blast_message": (400, "One of `blasts` has no `message`."),
    "schedule_complete": (400, "The schedule is complete, and cannot be changed."),
    "too_many_schedules": (400, "The account has 1,000 schedules already."),
    "send_time_passed": (400, "The last hour of the schedule has passed in every zone."),
    "audience_empty": (400, "The audiences of the schedule are empty."),
    "offer_paused": (400, "An offer of the schedule is paused or has ended."),
    "link_domain_unverified": (400, "A list of the schedule has no verified tracking domain."),
    "missing_default": (400, "Contacts have no value for a field that has no default."),
    "no_creatives": (400, "There is no active creative of the type `automated`."),
    "mms_unsupported": (400, "Messages with pictures cannot be sent."),
    "invalid_creative_type": (400, "`creative_type` is not one of its three words."),
    "nothing_to_send": (
        409,
        "The schedule has no text or no list to send now, or its preflight finds an error.",
    ),
    "schedule_running": (409, "A run of the schedule sends now, and the change would touch it."),
    "run_state_conflict": (409, "The run is in no state to be moved so."),
    "note_too_long": (400, "`note` is longer than 255 characters."),
    "too_many_creatives": (400, "The account has 10,000 creatives already."),
    "message_too_long": (400, "A text is longer than the installation allows, or a creative's."),
    "metadata_too_large": (400, "`metadata` is larger than 16 KB."),
    "too_many_links": (400, "`body` has more than four links to wrap."),
    "missing_url_or_offer": (400, "Neither `url` nor an offer is named."),
    "missing_list_identifier": (400, "Neither `listId` nor `phoneNumber` is named."),
    "no_domain_configured": (400, "The list has no tracking domain, so links cannot be wrapped."),
    "list_not_found": (400, "The list does not exist or is not yours."),
    "contact_not_found": (400, "The account has no contact with this number."),
    "list_contact_not_found": (400, "The contact is not on this list."),
    "account_exists": (400, "Another account has this name already."),
    "list_exists": (400, "The account has a list of this number, maybe a deleted one."),
    "too_many_lists": (400, "The account has 10,000 lists already."),
    "sender_taken": (400, "The number is another account's on a connector that accounts share."),
    "list_suspended": (400, "The operator has suspended the list; only they wake it."),
    "journey_exists": (400, "The list has a journey of this name."),
    "too_many_journeys": (
        400,
        "The list has 100 journeys already, or the contact is on 20 of them.",
    ),
    "too_many_versions": (400, "The journey has 100 versions already."),
    "missing_trigger": (400, "A journey's `trigger` names no occasion."),
    "missing_steps": (400, "A journey's `steps` are absent or empty."),
    "missing_step_id": (400, "A step has no id."),
    "duplicate_step_id": (400, "Two steps have the same id."),
    "unknown_step_kind": (400, "The `kind` of a step is not one that there is."),
    "unknown_step": (400, "A step leads to one that there is not."),
    "too_many_steps": (400, "A journey has over 200 steps."),
    "too_many_branches": (400, "A split has over 10 branches, or a text over 10 links."),
    "loop_without_wait": (400, "Steps form a cycle on which there is no rest of an hour."),
    "invalid_duration": (400, "A wait is no whole number of minutes, hours or days."),
    "missing_timeout": (400, "A `wait_event` step has no `timeout`."),
    "timeout_too_long": (400, "A `timeout` is longer than the journey."),
    "invalid_time": (400, "A time of the day is none from 00:00 to 23:59."),
    "invalid_timezone": (400, "A `timezone` is the name of none."),
    "invalid_operator": (400, "A condition compares by no operator that there is."),
    "invalid_value": (400, "A part of a journey has the wrong type or form; `param` names it."),
    "invalid_split_percent": (400, "The percents of a split do not come to 100."),
    "invalid_reentry": (400, "`reentry` is not `once`, `after` a time or `always`."),
    "creative_not_found": (400, "A journey names a creative that the account does not have."),
    "journey_not_found": (400, "A journey names another one that its list does not have."),
    "endpoint_not_found": (400, "A journey names a webhook endpoint that is not the account's."),
    "list_inactive": (400, "The list is paused or suspended."),
    "webhook_not_configured": (400, "The list's own carrier is not verified yet."),
    "blocked_content": (400, "The text contains a blocked word."),
    "contact_unsubscribed": (400, "The recipient has unsubscribed from the list."),
    "contact_complained": (
        400,
        "The number has reported the list as spam: nothing brings it back.",
    ),
    "contact_blocked": (400, "The recipient is on the account's block list."),
    "duplicate_message": (400, "The same text went to the same recipient a moment ago."),
    "journey_not_active": (400, "The journey is not active: no contact enters it."),
    "journey_paused": (400, "The journey is paused: no contact enters it."),
    "journey_conflict": (
        400,
        "The recipient is in an active journey on the list; to enter one, one of two is exclusive.",
    ),
    "query_too_broad": (400, "The search takes too long; narrow it down."),
    "not_found": (404, "There is no such thing, or it is not yours."),
    "message_not_found": (404, "The message does not exist or is not yours."),
    "offer_not_found": (
        404,
        "The offer does not exist or is not yours; where a creative names it, this is a 400.",
    ),
    "audience_not_found": (404, "An audience that is named is archived, or not yours."),
    "source_list_not_found": (404, "A list of the schedule does not exist or is not yours."),
    "method_not_allowed": (405, "The path does not answer this method."),
    "request_timeout": (408, "The request was not whole in time; the connection is closed."),
    "audience_changed": (409, "The audience was changed while it was counted."),
    "idempotency_in_progress": (409, "A request with the same key is still running."),
    "not_scheduled": (409, "The message has left, is about to, or has ended."),
    "payload_too_large": (
        413,
        "The body is larger than 5 MB, a contact than 4,000 bytes, a file than the limit.",
    ),
    "too_many_messages": (413, "A batch holds more than 1,000 messages."),
    "too_many_contacts": (413, "A batch holds more than 1,000 contacts."),
    "too_many_records": (413, "A batch holds more than 1,000 records."),
    "too_many_blocks": (413, "A batch holds more than 1,000 numbers."),
    "too_many_enrollments": (413, "A batch holds more than 1,000 contacts."),
    "query_too_long": (414, "The query is longer than 16 KiB, or has more than 100 fields."),
    "unsupported_media_type": (
        415,
        "The body is not `application/json`, or a file not `text/csv`.",
    ),
    "idempotency_key_reused": (422, "The key was used before with another request."),
    "too_many_scheduled": (429, "Too many messages of the account wait for their time."),
    "queue_full": (429, "Too many messages of the account are waiting."),
    "head_too_large": (431, "The request's head is larger than 64 KiB, or has over 100 fields."),
    "internal_error": (500, "Something broke here; the log has the request id."),
    "overloaded": (503, "Too much waits for the disk; try again shortly."),
    "storage_full": (503, "The disk is full; nothing was stored."),
    "storage_unavailable": (
        503,
        "The database cannot be used. Send the same again; what was stored is a duplicate.",
    ),
}
# How long a client is asked to wait before it tries again.
RETRY_AFTER_SECONDS: Final = {429: 5, 503: 1, 409: 1}
DOC_PATH: Final = "/docs/errors"
_BAD_REQUEST: Final = 400
_NOT_FOUND: Final = 404

# Sentences of the public API that say less than ours do.
_PUBLIC_TEXTS: Final = {"not_found": "Resource not found"}

_encode: Final = msgspec.json.Encoder().encode


class DocumentFault(msgspec.Struct):
    """One fault of a journey's document; `param` is the path to the part at fault."""

    code: str
    error: str
    param: str | None


class ErrorBody(msgspec.Struct, omit_defaults=True):
    """What every error answer holds."""

    error: str
    code: str
    request_id: str
    doc_url: str
    message: str | None = None
    param: str | None = None
    # Where a whole document is at fault: all of them, the first included.
    faults: list[DocumentFault] | None = None


def status_of(code: str) -> int:
    """Return the HTTP status of an error code."""
    return CODES[code][0] if code in CODES else 400


def error_body(
    code: str,
    text: str,
    request_id: str,
    *,
    param: str | None = None,
    detail: str | None = None,
    faults: list[DocumentFault] | None = None,
) -> bytes:
    """Return the JSON body of an error answer."""
    return _encode(ErrorBody(text, code, request_id, f"{DOC_PATH}#{code}", detail, param, faults))


def shown_faults(faults: Iterable[Fault]) -> list[DocumentFault]:
    """Return the faults of a document as answers show them."""
    return [DocumentFault(each.code, each.text, each.param) for each in faults]


def shown(error: SendrailError, request_id: str) -> tuple[int, bytes]:
    """Return status and body for one of our errors."""
    # What a field names that is not there is not what the request is about: only we can say it.
    text = error.message if error.param else _PUBLIC_TEXTS.get(error.code, error.message)
    faults = shown_faults(error.faults) if isinstance(error, FaultyDocument) else None
    body = error_body(error.code, text, request_id, param=error.param, faults=faults)
    status = status_of(error.code)
    if status == _NOT_FOUND and isinstance(error, InvalidInput):
        # It is not what the request is about, but what a field of its body names.
        status = _BAD_REQUEST
    return status, body
