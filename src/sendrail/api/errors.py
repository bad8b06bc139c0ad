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
    "invalid_request": (400, "The request is not valid HTTP/1.1."),
    "invalid_json": (400, "The body is not a JSON object; the text says where and why."),
    "invalid_field": (400, "A field has the wrong type or format; `param` names it."),
    "invalid_parameter": (400, "A query parameter has the wrong format; `param` names it."),
    "invalid_idempotency_key": (
        400,
        "The `Idempotency-Key` is empty, or longer than 255 characters.",
    ),
    "missing_to": (400, "`to` is absent, null or blank."),
    "missing_list_number": (400, "`list_number` is absent, null or blank."),
    "missing_body": (400, "`body` is absent, null or blank."),
    "missing_messages": (400, "`messages` is absent or empty."),
    "missing_phone_number": (400, "`phone_number` is absent, null or blank."),
    "missing_contacts": (400, "`contacts` is absent or empty."),
    "invalid_custom_fields": (400, "A custom field has an invalid name or value."),
    "missing_custom_fields": (400, "`custom_fields` is absent or null."),
    "missing_blocks": (400, "`blocks` is absent or empty."),
    "missing_enrollments": (400, "`enrollments` is absent or empty."),
    "missing_tracking_url": (400, "`tracking_url` is absent, null or blank."),
    "missing_name": (400, "`name` is absent, null or blank."),
    "invalid_phone": (400, "A phone number is not an E.164 number."),
    "invalid_list_number": (
        400,
        "`list_number` is not an E.164 number, a short code, or a name of at most 11 characters.",
    ),
    "invalid_name": (400, "A name is blank or longer than 100 characters."),
    "name_too_long": (
        400,
        "The name of an offer, an audience or a creative is longer than 255 characters.",
    ),
    "invalid_url": (400, "A link cannot lead to this URL; the text says why."),
    "invalid_external_platform": (400, "`external_platform` is not `tune` or `everflow`."),
    "invalid_payout_type": (400, "`payout_type` is not `cpa` or `cpc`."),
    "invalid_status": (400, "`status` is not one that you can set."),
    "missing_message_id": (400, "`message_id` is absent, null or blank."),
    "missing_revenue": (400, "`revenue` is absent or null."),
    "missing_attribution_type": (400, "`attribution_type` is absent, null or blank."),
    "invalid_attribution_type": (400, "`attribution_type` is not `sale`, `click` or `send`."),
    "invalid_timestamp": (400, "A time is not in ISO 8601 format, or is in the future."),
    "invalid_currency": (400, "An amount is not in the currency of the account."),
    "missing_id": (400, "`id` is absent, null or blank."),
    "missing_to_number": (400, "`to_number` is absent, null or blank."),
    "missing_timestamp": (400, "`timestamp` is absent, null or blank."),
    "missing_offer_id": (400, "`offer_id` is absent, null or blank."),
    "missing_entities": (400, "`entities` is absent or empty."),
    "incomplete_migration": (
        400,
        "Contacts rest at a step that `migrate.map` does not name, and `rest` is not set.",
    ),
    "confirm_required": (
        400,
        "`confirm` is not true. It must be, because what is deleted cannot be restored.",
    ),
    "missing_records": (400, "`records` is absent or empty."),
    "missing_domain": (400, "`domain` is absent, null or blank."),
    "invalid_domain": (400, "Links cannot use this host as their `domain`; the text says why."),
    "domain_taken": (400, "The host is already a tracking domain, maybe of another account."),
    "domain_in_use": (
        400,
        (
            "Lists use the tracking domain, or it is the default and there are others. Change that "
            "first."
        ),
    ),
    "too_many_domains": (400, "The account already has 100 tracking domains."),
    "too_many_offers": (400, "The account already has 10,000 offers."),
    "missing_filter": (400, "`filter` is absent or null."),
    "invalid_filter": (
        400,
        "A part of the filter has the wrong format; `param` is the path to it.",
    ),
    "empty_filter_group": (400, "A group of the filter contains neither a condition nor a group."),
    "filter_too_large": (
        400,
        (
            "A filter has more than 100 conditions or 8 levels; or, together with the audiences "
            "that it names, more than 300 conditions or 4 levels of audiences."
        ),
    ),
    "audience_cycle": (400, "The audience would depend on itself, through another audience."),
    "too_many_audiences": (400, "The account already has 1,000 audiences."),
    "invalid_quiet_hours": (
        400,
        "`quiet_hours` is not a time span over midnight, such as `21:00-08:00`.",
    ),
    "invalid_rate": (400, "`rate` is not between 1 and 6,000,000 messages per minute."),
    "invalid_connector": (400, "The account has no such connector, or cannot use it in this way."),
    "empty_file": (400, "The file is empty: it has no header line."),
    "invalid_csv": (400, "The file is not a CSV file in UTF-8; the text says why."),
    "invalid_country": (400, "`country` is not a two-letter code of ISO 3166."),
    "duplicate_column": (
        400,
        (
            "Two columns of the file have the same name, one that decides whether a contact may be "
            "texted."
        ),
    ),
    "missing_column": (400, "The header line of the file has no column `phone_number`."),
    "invalid_send_at": (
        400,
        "`send_at` is not a time with a time zone, or is in the past, or is too far ahead.",
    ),
    "unknown_macro": (
        400,
        "A text has a `{{…}}` that is not a placeholder, or for which `contact_data` has no value.",
    ),
    "missing_message": (400, "`message` is absent, null or blank."),
    "missing_offer_links": (400, "`offer_links` is absent, null or empty."),
    "missing_link_placeholder": (400, "`message` does not contain `{{link1}}`."),
    "missing_offer_links_for_placeholders": (
        400,
        "`message` contains a `{{linkN}}` that `offer_links` does not define.",
    ),
    "missing_offer_link_key": (400, "An entry of `offer_links` has no `key`."),
    "missing_offer_link_offer_id": (400, "An entry of `offer_links` has no `offer_id`."),
    "missing_field": (400, "A field of the text has no value and no default."),
    "missing_send_type": (400, "`send_type` is absent, null or blank."),
    "invalid_send_type": (400, "`send_type` is not `blast` or `automated`."),
    "missing_is_repeating": (400, "`is_repeating` is absent or null."),
    "missing_send_time": (400, "`send_time` is absent, null or blank."),
    "missing_audiences": (400, "`audiences` is absent, null or empty."),
    "missing_send_date": (400, "A schedule that does not repeat has no `send_date`."),
    "missing_start_date": (400, "A repeating schedule has no `start_date`."),
    "missing_end_date": (400, "A repeating schedule has no `end_date`."),
    "no_days_selected": (
        400,
        "None of the days that are true falls between the dates of the schedule.",
    ),
    "missing_blasts": (400, "A schedule of type `blast` has no `blasts`."),
    "invalid_blast_percent": (400, "The `percent_audience` of all blasts do not add up to 100."),
    "missing_blast_message": (400, "An entry of `blasts` has no `message`."),
    "schedule_complete": (400, "The schedule is complete and can no longer be changed."),
    "too_many_schedules": (400, "The account already has 1,000 schedules."),
    "send_time_passed": (400, "The last send time of the schedule has passed in every time zone."),
    "audience_empty": (400, "The audiences of the schedule are empty."),
    "offer_paused": (400, "An offer of the schedule or the run is paused or has expired."),
    "link_domain_unverified": (400, "A list of the schedule has no verified tracking domain."),
    "missing_default": (
        400,
        "Some contacts have no value for a field, and the text gives no default.",
    ),
    "no_creatives": (400, "The account has no active creative of type `automated`."),
    "mms_unsupported": (400, "Sendrail does not send pictures (MMS)."),
    "invalid_creative_type": (400, "`creative_type` is not `automated`, `one_time` or `welcome`."),
    "nothing_to_send": (
        409,
        (
            "The schedule has no text or no list to send from now, its preflight finds an error, "
            "or all its contacts would be left out: there are none, or they are in quiet hours "
            "that the run would not outlast."
        ),
    ),
    "schedule_running": (
        409,
        (
            "A run of the schedule is sending, and the change would affect it. Pause or stop the "
            "run first."
        ),
    ),
    "run_state_conflict": (409, "The state of the run does not allow this action."),
    "note_too_long": (400, "`note` is longer than 255 characters."),
    "too_many_creatives": (400, "The account already has 10,000 creatives."),
    "message_too_long": (
        400,
        "A text is longer than the installation allows, or than a creative may be.",
    ),
    "metadata_too_large": (400, "`metadata` is larger than 16 KB."),
    "too_many_links": (400, "`body` contains more than four links to wrap."),
    "missing_url_or_offer": (400, "The request has neither `url` nor an offer."),
    "missing_list_identifier": (400, "The request has neither `listId` nor `phoneNumber`."),
    "no_domain_configured": (400, "The list has no tracking domain, so links cannot be wrapped."),
    "list_not_found": (400, "The list does not exist, or is not yours."),
    "contact_not_found": (400, "The account has no contact with this number."),
    "list_contact_not_found": (400, "The contact is not on this list."),
    "account_exists": (400, "Another account already has this name."),
    "list_exists": (400, "The account already has a list with this number, maybe a deleted one."),
    "too_many_lists": (400, "The account already has 10,000 lists."),
    "sender_taken": (400, "On this shared connector, the number belongs to another account."),
    "list_suspended": (
        400,
        "The operator has suspended the list; only the operator can make it active again.",
    ),
    "journey_exists": (400, "The list already has a journey with this name."),
    "too_many_journeys": (
        400,
        "The list already has 100 journeys, or the contact is already on 20 of them.",
    ),
    "too_many_versions": (400, "The journey already has 100 versions."),
    "missing_trigger": (400, "The journey's `trigger` names no kind of occasion."),
    "missing_steps": (400, "A journey's `steps` are absent or empty."),
    "missing_step_id": (400, "A step has no id."),
    "duplicate_step_id": (400, "Two steps have the same id."),
    "unknown_step_kind": (400, "The `kind` of a step does not exist."),
    "unknown_step": (400, "A step leads to a step that does not exist."),
    "too_many_steps": (400, "The journey has more than 200 steps."),
    "too_many_branches": (400, "A split has more than 10 branches, or a text more than 10 links."),
    "loop_without_wait": (400, "Steps form a loop without a wait of at least an hour."),
    "invalid_duration": (400, "A wait is not a whole number of minutes, hours or days."),
    "missing_timeout": (400, "A `wait_event` step has no `timeout`."),
    "timeout_too_long": (400, "A `timeout` is longer than the journey may last."),
    "invalid_time": (400, "A time of day is not between 00:00 and 23:59."),
    "invalid_timezone": (400, "`timezone` is not the name of a time zone."),
    "invalid_operator": (400, "A condition uses an operator that does not exist."),
    "invalid_value": (400, "A part of the journey has the wrong type or format; `param` names it."),
    "invalid_split_percent": (400, "The percentages of a split do not add up to 100."),
    "invalid_reentry": (400, "`reentry` is not `once`, `always`, or `after` with a time."),
    "creative_not_found": (400, "The journey names a creative that the account does not have."),
    "journey_not_found": (400, "The journey names another journey that its list does not have."),
    "endpoint_not_found": (
        400,
        "The journey names a webhook endpoint that does not belong to the account.",
    ),
    "list_inactive": (400, "The list is paused or suspended."),
    "webhook_not_configured": (400, "The list's own carrier is not verified yet."),
    "blocked_content": (400, "The text contains a blocked word."),
    "contact_unsubscribed": (400, "The recipient has unsubscribed from the list."),
    "contact_complained": (
        400,
        "The number has reported the list as spam, and can never be subscribed to it again.",
    ),
    "contact_blocked": (400, "The recipient is on the account's block list."),
    "duplicate_message": (400, "The same text was sent to the same recipient a moment ago."),
    "journey_not_active": (400, "The journey is not active, so no contact can enter it."),
    "journey_paused": (400, "The journey is paused, so no contact can enter it."),
    "journey_conflict": (
        400,
        (
            "The recipient is on an active journey of the list; or, to enter a journey, is on "
            "another one and one of the two is exclusive."
        ),
    ),
    "query_too_broad": (
        400,
        "The search takes too long. Narrow it down.",
    ),
    "not_found": (404, "The object does not exist, or is not yours."),
    "message_not_found": (404, "The message does not exist, or is not yours."),
    "offer_not_found": (
        404,
        "The offer does not exist, or is not yours. If a creative names it, the status is 400.",
    ),
    "audience_not_found": (404, "An audience that the request names is archived, or is not yours."),
    "source_list_not_found": (404, "A list of the schedule does not exist, or is not yours."),
    "method_not_allowed": (405, "The path does not support this method."),
    "request_timeout": (
        408,
        "The request did not arrive completely in time. The connection is closed.",
    ),
    "audience_changed": (
        409,
        "The audience was changed while it was being counted. Count it again.",
    ),
    "idempotency_in_progress": (409, "A request with the same key is still running."),
    "not_scheduled": (
        409,
        "The message cannot be cancelled: it has left, may have left, or has ended.",
    ),
    "payload_too_large": (
        413,
        (
            "The body is larger than 5 MB, a contact is larger than 4,000 bytes, or a file exceeds "
            "its limit."
        ),
    ),
    "too_many_messages": (413, "The batch has more than 1,000 messages."),
    "too_many_contacts": (413, "The batch has more than 1,000 contacts."),
    "too_many_records": (413, "The batch has more than 1,000 records."),
    "too_many_blocks": (413, "The batch has more than 1,000 numbers."),
    "too_many_enrollments": (413, "The batch has more than 1,000 contacts."),
    "query_too_long": (414, "The query string is longer than 16 KiB, or has more than 100 fields."),
    "unsupported_media_type": (
        415,
        "The body is not `application/json`, or a file is not `text/csv`.",
    ),
    "idempotency_key_reused": (422, "The key was used before, with a different request."),
    "too_many_scheduled": (
        429,
        "Too many messages of the account are waiting for their `send_at`.",
    ),
    "queue_full": (
        429,
        "Too many messages of the account are waiting in the queue. Try again later.",
    ),
    "head_too_large": (
        431,
        "The request line and headers are larger than 64 KiB, or have more than 100 fields.",
    ),
    "internal_error": (
        500,
        "An internal error. Give the operator the request id: the log has the details.",
    ),
    "overloaded": (503, "Too many requests are waiting for the disk. Try again shortly."),
    "storage_full": (503, "The disk is full. Nothing was stored."),
    "storage_unavailable": (
        503,
        (
            "The database does not answer. Repeat the request; what was stored already is refused "
            "as a duplicate."
        ),
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
