CREATE TABLE public.accounts (
    id bigint NOT NULL,
    name text NOT NULL,
    status text NOT NULL,
    blocked_words text NOT NULL,
    created_at bigint NOT NULL,
    stop_words text DEFAULT ''::text NOT NULL,
    country text DEFAULT ''::text NOT NULL,
    timezone text DEFAULT 'America/New_York'::text NOT NULL,
    prepend_text text,
    append_text text,
    quiet_hours text
);

CREATE SEQUENCE public.accounts_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.accounts_id_seq OWNED BY public.accounts.id;

CREATE TABLE public.activity_news (
    lane smallint NOT NULL,
    number bigint NOT NULL,
    numbers bigint[] NOT NULL
);

CREATE TABLE public.agents (
    id bigint NOT NULL,
    digest bytea NOT NULL,
    text bytea NOT NULL,
    seen_on integer NOT NULL
);

CREATE SEQUENCE public.agents_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.agents_id_seq OWNED BY public.agents.id;

CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);

CREATE TABLE public.api_keys (
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    digest bytea NOT NULL,
    shown text NOT NULL,
    name text NOT NULL,
    created_at bigint NOT NULL,
    revoked_at bigint,
    last_used_at bigint
);

CREATE SEQUENCE public.api_keys_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.api_keys_id_seq OWNED BY public.api_keys.id;

CREATE TABLE public.attempts (
    number bigint NOT NULL,
    attempt smallint NOT NULL,
    lane smallint NOT NULL,
    connector_id bigint NOT NULL,
    epoch bigint NOT NULL,
    started_at bigint NOT NULL,
    ended_at bigint NOT NULL,
    outcome text NOT NULL,
    detail text,
    provider_detail text,
    carrier_ref text
)
PARTITION BY RANGE (started_at);

CREATE TABLE public.audiences (
    id bigint NOT NULL,
    ref text NOT NULL,
    account_id bigint NOT NULL,
    name text NOT NULL,
    description text NOT NULL,
    source_lists text NOT NULL,
    filter text NOT NULL,
    status text NOT NULL,
    cached_size bigint,
    cached_size_updated_at bigint,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL
);

CREATE SEQUENCE public.audiences_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.audiences_id_seq OWNED BY public.audiences.id;

CREATE TABLE public.audit (
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    at bigint NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    about text NOT NULL,
    details text NOT NULL,
    request_id text
);

CREATE SEQUENCE public.audit_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.audit_id_seq OWNED BY public.audit.id;

CREATE TABLE public.auto_replies (
    list_id bigint NOT NULL,
    recipient bigint NOT NULL,
    keyword text NOT NULL,
    account_id bigint NOT NULL,
    list_number bigint NOT NULL,
    body text NOT NULL,
    asked_at bigint NOT NULL,
    queued_at bigint
);

CREATE TABLE public.backup_codes (
    user_id bigint NOT NULL,
    digest bytea NOT NULL
);

CREATE TABLE public.blocks (
    account_id bigint NOT NULL,
    recipient bigint NOT NULL,
    note text NOT NULL,
    blocked_at bigint NOT NULL
);

CREATE TABLE public.campaign_sends (
    account_id bigint NOT NULL,
    recipient bigint NOT NULL,
    sends text NOT NULL
);

CREATE TABLE public.carrier_refs (
    connector_id bigint NOT NULL,
    carrier_ref text NOT NULL,
    lane smallint NOT NULL,
    number bigint NOT NULL,
    part smallint,
    parts smallint,
    told boolean DEFAULT false NOT NULL,
    message_lane smallint NOT NULL,
    kept_at bigint NOT NULL
)
PARTITION BY RANGE (kept_at);

CREATE SEQUENCE public.click_numbers
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1000;

CREATE TABLE public.click_reclassifications (
    account_id bigint NOT NULL,
    rules text NOT NULL,
    until_at bigint NOT NULL,
    at bigint NOT NULL,
    click_id bigint NOT NULL,
    seen_at bigint NOT NULL,
    seen_id bigint NOT NULL,
    is_judged boolean NOT NULL,
    has_lost boolean NOT NULL,
    report text NOT NULL
);

CREATE TABLE public.clicks (
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    number bigint NOT NULL,
    "position" smallint,
    at bigint NOT NULL,
    click_class smallint NOT NULL,
    reason smallint NOT NULL,
    agent_id bigint,
    network bytea,
    digest bytea,
    lane smallint NOT NULL,
    waits boolean DEFAULT true NOT NULL
);

CREATE TABLE public.cohort_counts (
    list_id bigint NOT NULL,
    day integer NOT NULL,
    band smallint NOT NULL,
    what text NOT NULL,
    shard smallint NOT NULL,
    n bigint NOT NULL,
    amount bigint NOT NULL
);

CREATE TABLE public.connector_paces (
    connector_id bigint NOT NULL,
    messages_until bigint NOT NULL,
    segments_until bigint NOT NULL
);

CREATE TABLE public.connector_states (
    connector_id bigint NOT NULL,
    state text NOT NULL,
    detail text NOT NULL,
    since bigint NOT NULL
);

CREATE TABLE public.connectors (
    id bigint NOT NULL,
    account_id bigint,
    name text NOT NULL,
    kind text NOT NULL,
    settings bytea NOT NULL,
    "window" integer NOT NULL,
    mps double precision,
    segments_per_second double precision,
    version integer NOT NULL,
    token bytea,
    token_digest bytea,
    old_token_digest bytea,
    old_token_until bigint,
    paused_at bigint,
    removed_at bigint
);

CREATE SEQUENCE public.connectors_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.connectors_id_seq OWNED BY public.connectors.id;

CREATE TABLE public.consent_events (
    id bigint NOT NULL,
    list_id bigint NOT NULL,
    recipient bigint NOT NULL,
    active boolean NOT NULL,
    reason text NOT NULL,
    source text NOT NULL,
    evidence text NOT NULL,
    at bigint NOT NULL,
    rule text
);

CREATE SEQUENCE public.consent_events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.consent_events_id_seq OWNED BY public.consent_events.id;

CREATE TABLE public.contact_activity (
    list_id bigint NOT NULL,
    recipient bigint NOT NULL,
    sends integer NOT NULL,
    first_sent_at bigint NOT NULL,
    last_sent_at bigint NOT NULL,
    last_origin_id bigint,
    last_origin_at bigint
);

CREATE TABLE public.contact_counts (
    list_id bigint NOT NULL,
    recipient bigint NOT NULL,
    band smallint NOT NULL,
    what text NOT NULL,
    n bigint NOT NULL,
    amount bigint NOT NULL
);

CREATE TABLE public.contact_earnings (
    list_id bigint NOT NULL,
    recipient bigint NOT NULL,
    clicks integer NOT NULL,
    last_clicked_at bigint,
    conversions integer NOT NULL,
    revenue bigint NOT NULL,
    last_revenue_at bigint
);

CREATE TABLE public.contact_history (
    list_id bigint NOT NULL,
    recipient bigint NOT NULL,
    sends integer NOT NULL,
    first_sent_at bigint,
    last_sent_at bigint,
    clicks integer NOT NULL,
    last_clicked_at bigint,
    conversions integer NOT NULL,
    revenue bigint NOT NULL,
    last_revenue_at bigint
);

CREATE TABLE public.contacts (
    account_id bigint NOT NULL,
    recipient bigint NOT NULL,
    email text,
    carrier text,
    line_type text,
    timezone text,
    told_zone text,
    is_valid boolean,
    looked_up_at bigint,
    created_at bigint NOT NULL
);

CREATE TABLE public.conversions (
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    offer_id bigint NOT NULL,
    event text NOT NULL,
    external_id text,
    known_by text,
    number bigint,
    list_id bigint,
    source text NOT NULL,
    attribution text NOT NULL,
    amount bigint NOT NULL,
    payout bigint,
    currency text NOT NULL,
    at bigint NOT NULL,
    created_at bigint NOT NULL,
    imported boolean NOT NULL,
    attributed boolean NOT NULL,
    takes_back bigint,
    link_id bigint
);

CREATE SEQUENCE public.conversions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.conversions_id_seq OWNED BY public.conversions.id;

CREATE TABLE public.counters (
    name text NOT NULL,
    value bigint NOT NULL
);

CREATE TABLE public.coupons (
    account_id bigint NOT NULL,
    code text NOT NULL,
    offer_id bigint NOT NULL,
    created_at bigint NOT NULL
);

CREATE TABLE public.creative_links (
    creative_id bigint NOT NULL,
    "position" smallint NOT NULL,
    account_id bigint NOT NULL,
    key text NOT NULL,
    offer_id bigint NOT NULL,
    url text,
    url_params text NOT NULL
);

CREATE TABLE public.creatives (
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    name text NOT NULL,
    message text NOT NULL,
    status text NOT NULL,
    creative_type text NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL
);

CREATE SEQUENCE public.creatives_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.creatives_id_seq OWNED BY public.creatives.id;

CREATE TABLE public.destinations (
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    offer_id bigint,
    digest bytea NOT NULL,
    url text NOT NULL,
    created_at bigint NOT NULL
);

CREATE SEQUENCE public.destinations_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.destinations_id_seq OWNED BY public.destinations.id;

CREATE TABLE public.enrolments (
    list_id bigint NOT NULL,
    recipient bigint NOT NULL,
    journey_id bigint NOT NULL,
    lane smallint NOT NULL,
    started_at bigint NOT NULL,
    ends_at bigint NOT NULL,
    version integer DEFAULT 0 NOT NULL,
    step text DEFAULT ''::text NOT NULL,
    arrived_at bigint DEFAULT 0 NOT NULL,
    seq integer DEFAULT 0 NOT NULL,
    due_at bigint,
    waits smallint DEFAULT 0 NOT NULL,
    state text DEFAULT '{}'::text NOT NULL,
    times smallint DEFAULT 1 NOT NULL,
    end_reason text
)
WITH (fillfactor='80');

CREATE TABLE public.erased (
    account_id bigint NOT NULL,
    digest bigint NOT NULL,
    complained boolean NOT NULL,
    erased_at bigint NOT NULL
);

CREATE TABLE public.fingerprints (
    lane smallint NOT NULL,
    fingerprint bigint NOT NULL,
    number bigint NOT NULL,
    at bigint NOT NULL
);

CREATE TABLE public.found_paces (
    connector_id bigint NOT NULL,
    process text NOT NULL,
    per_second double precision NOT NULL,
    found_limit double precision,
    at bigint NOT NULL
);

CREATE TABLE public.full_accounts (
    account_id bigint NOT NULL
);

CREATE TABLE public.idempotency (
    account_id bigint NOT NULL,
    key text NOT NULL,
    route text NOT NULL,
    body_digest bytea NOT NULL,
    status smallint NOT NULL,
    answer bytea NOT NULL,
    created_at bigint NOT NULL
);

CREATE TABLE public.imported_sends (
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    ref text NOT NULL,
    list_id bigint NOT NULL,
    recipient bigint NOT NULL,
    at bigint NOT NULL,
    send_type text,
    delivered boolean,
    length integer,
    clicked_at bigint,
    click_offer_id bigint,
    created_at bigint NOT NULL
);

CREATE SEQUENCE public.imported_sends_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.imported_sends_id_seq OWNED BY public.imported_sends.id;

CREATE TABLE public.inbox (
    id bigint NOT NULL,
    connector_id bigint NOT NULL,
    received_at bigint NOT NULL,
    raw bytea NOT NULL,
    lane smallint NOT NULL
);

CREATE SEQUENCE public.inbox_numbers
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1000;

CREATE TABLE public.invitations (
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    email text NOT NULL,
    role text NOT NULL,
    is_operator boolean NOT NULL,
    user_id bigint,
    digest bytea NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL
);

CREATE SEQUENCE public.invitations_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.invitations_id_seq OWNED BY public.invitations.id;

CREATE TABLE public.journey_counts (
    journey_id bigint NOT NULL,
    version integer NOT NULL,
    step text NOT NULL,
    what text NOT NULL,
    lane smallint NOT NULL,
    count bigint NOT NULL
);

CREATE TABLE public.journey_events (
    list_id bigint NOT NULL,
    recipient bigint NOT NULL,
    kind smallint NOT NULL,
    detail text NOT NULL,
    at bigint NOT NULL,
    lane smallint NOT NULL
);

CREATE TABLE public.journey_tasks (
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    journey_id bigint NOT NULL,
    kind text NOT NULL,
    params text NOT NULL,
    cursor bigint NOT NULL,
    done bigint NOT NULL,
    failed bigint NOT NULL,
    state text NOT NULL,
    created_at bigint NOT NULL,
    ended_at bigint
);

CREATE SEQUENCE public.journey_tasks_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.journey_tasks_id_seq OWNED BY public.journey_tasks.id;

CREATE TABLE public.journey_versions (
    journey_id bigint NOT NULL,
    version integer NOT NULL,
    account_id bigint NOT NULL,
    document text NOT NULL,
    digest text NOT NULL,
    created_at bigint NOT NULL,
    created_by text NOT NULL
);

CREATE TABLE public.journey_watches (
    journey_id bigint NOT NULL,
    account_id bigint NOT NULL,
    list_id bigint NOT NULL,
    audience text NOT NULL,
    cursor bigint NOT NULL,
    is_first boolean NOT NULL,
    next_at bigint NOT NULL
);

CREATE TABLE public.journeys (
    id bigint NOT NULL,
    list_id bigint NOT NULL,
    name text NOT NULL,
    created_at bigint NOT NULL,
    trigger text DEFAULT 'none'::text NOT NULL,
    status text DEFAULT 'active'::text NOT NULL,
    priority integer DEFAULT 0 NOT NULL,
    exclusive boolean DEFAULT false NOT NULL,
    holds_other_sends boolean DEFAULT true NOT NULL,
    asks_message boolean DEFAULT false NOT NULL,
    active_version integer,
    draft text,
    paused_ms bigint DEFAULT 0 NOT NULL,
    paused_at bigint,
    resumed_at bigint,
    overdue text
);

CREATE SEQUENCE public.journeys_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.journeys_id_seq OWNED BY public.journeys.id;

CREATE TABLE public.leases (
    name text NOT NULL,
    owner text NOT NULL,
    epoch bigint NOT NULL,
    taken_at bigint NOT NULL
);

CREATE SEQUENCE public.link_parts
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

CREATE TABLE public.link_ranges (
    first_slot bigint NOT NULL,
    lane smallint NOT NULL,
    first_number bigint NOT NULL,
    messages integer NOT NULL,
    per_message smallint NOT NULL,
    made_at bigint NOT NULL
);

CREATE TABLE public.link_settings (
    account_id bigint NOT NULL,
    filter_bots boolean NOT NULL,
    page_title text,
    page_text text,
    page_button text,
    page_language text
);

CREATE TABLE public.list_contacts (
    list_id bigint NOT NULL,
    recipient bigint NOT NULL,
    active boolean NOT NULL,
    first_name text NOT NULL,
    last_name text NOT NULL,
    subscribed_at bigint NOT NULL,
    unsubscribed_at bigint,
    reason text,
    custom_fields jsonb DEFAULT '{}'::jsonb NOT NULL,
    signup_at bigint DEFAULT 0 NOT NULL,
    signup_method text,
    ip_address text,
    url text,
    ad_network_source text,
    ad_network_id text
);

CREATE TABLE public.list_domains (
    list_id bigint NOT NULL,
    account_id bigint NOT NULL,
    domain_id bigint NOT NULL
);

CREATE TABLE public.lists (
    id bigint NOT NULL,
    lane smallint NOT NULL,
    account_id bigint NOT NULL,
    number bigint NOT NULL,
    name text NOT NULL,
    brand text NOT NULL,
    status text NOT NULL,
    rate integer NOT NULL,
    connector_id bigint NOT NULL,
    byoc boolean NOT NULL,
    verified_at bigint,
    on_uncertain text NOT NULL,
    created_at bigint NOT NULL,
    answers boolean DEFAULT true NOT NULL,
    stop_text text,
    start_text text,
    help_text text,
    second_connector_id bigint,
    sender_name text,
    prepend_text text,
    append_text text,
    frames_sends boolean DEFAULT false NOT NULL,
    quiet_scope text DEFAULT 'campaigns'::text NOT NULL,
    quiet_hours text,
    has_own_hours boolean DEFAULT false NOT NULL
);

CREATE SEQUENCE public.lists_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.lists_id_seq OWNED BY public.lists.id;

CREATE TABLE public.marks (
    name text NOT NULL,
    value bytea NOT NULL
);

CREATE TABLE public.memberships (
    account_id bigint NOT NULL,
    user_id bigint NOT NULL,
    role text NOT NULL,
    created_at bigint NOT NULL
);

CREATE TABLE public.message_clicks (
    number bigint NOT NULL,
    account_id bigint NOT NULL,
    at bigint,
    "position" smallint,
    offer_id bigint,
    clicks integer DEFAULT 0 NOT NULL,
    human_clicks integer DEFAULT 0 NOT NULL,
    machine_clicks integer DEFAULT 0 NOT NULL,
    lane smallint NOT NULL,
    made_at bigint NOT NULL
)
PARTITION BY RANGE (made_at);

CREATE TABLE public.messages (
    number bigint NOT NULL,
    lane smallint NOT NULL,
    account_id bigint NOT NULL,
    list_id bigint NOT NULL,
    recipient bigint NOT NULL,
    created_at bigint NOT NULL,
    status text NOT NULL,
    attempt smallint NOT NULL,
    epoch bigint NOT NULL,
    skips smallint NOT NULL,
    resent smallint NOT NULL,
    segments smallint NOT NULL,
    encoding text NOT NULL,
    body text NOT NULL,
    metadata text,
    detail text,
    provider_detail text,
    connector_id bigint,
    carrier_ref text,
    sending_at bigint,
    sent_at bigint,
    ended_at bigint,
    parts_left smallint,
    links text,
    origin_id bigint
)
PARTITION BY RANGE (created_at);

CREATE TABLE public.numbers (
    lane smallint NOT NULL,
    last bigint NOT NULL
);

CREATE TABLE public.offers (
    id bigint NOT NULL,
    ref text NOT NULL,
    account_id bigint NOT NULL,
    name text NOT NULL,
    tracking_url text NOT NULL,
    fallback_url text,
    external_platform text,
    external_id text,
    advertiser_id text,
    payout bigint NOT NULL,
    payout_type text NOT NULL,
    click_window_days smallint,
    filter_bots boolean,
    pixel_amounts boolean NOT NULL,
    status text NOT NULL,
    expires_at bigint,
    metadata text NOT NULL,
    secret bytea,
    old_secret bytea,
    old_secret_until bigint,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL
);

CREATE SEQUENCE public.offers_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.offers_id_seq OWNED BY public.offers.id;

CREATE TABLE public.origin_counts (
    origin_id bigint NOT NULL,
    list_id bigint NOT NULL,
    hour integer NOT NULL,
    what text NOT NULL,
    shard smallint NOT NULL,
    n bigint NOT NULL,
    segments bigint NOT NULL,
    amount bigint NOT NULL,
    lane smallint NOT NULL
);

CREATE TABLE public.origins (
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    kind text NOT NULL,
    of_id bigint NOT NULL,
    version integer NOT NULL,
    part text NOT NULL,
    creative_id bigint,
    offers text NOT NULL
);

CREATE SEQUENCE public.origins_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.origins_id_seq OWNED BY public.origins.id;

CREATE TABLE public.outbox (
    id bigint NOT NULL,
    endpoint_id bigint NOT NULL,
    kind text NOT NULL,
    ref bigint NOT NULL,
    at bigint NOT NULL,
    due_at bigint,
    told boolean NOT NULL,
    attempts smallint NOT NULL,
    retries smallint NOT NULL,
    body bytea,
    lane smallint NOT NULL
);

CREATE SEQUENCE public.outbox_numbers
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1000;

CREATE TABLE public.parked_receipts (
    id bigint NOT NULL,
    connector_id bigint NOT NULL,
    carrier_ref text NOT NULL,
    status text,
    detail text NOT NULL,
    received_at bigint NOT NULL,
    trouble text,
    lane smallint NOT NULL
);

CREATE TABLE public.postback_settings (
    account_id bigint NOT NULL,
    currency text NOT NULL,
    click_window_days smallint,
    open_links boolean NOT NULL,
    secret bytea,
    old_secret bytea,
    old_secret_until bigint
);

CREATE TABLE public.processes (
    name text NOT NULL,
    roles text NOT NULL,
    version text NOT NULL,
    started_at bigint NOT NULL,
    seen_at bigint NOT NULL
)
WITH (autovacuum_analyze_threshold='2147483647', vacuum_truncate='false');

CREATE TABLE public.queue (
    lane smallint NOT NULL,
    list_id bigint NOT NULL,
    rank smallint NOT NULL,
    due_at bigint NOT NULL,
    number bigint NOT NULL,
    slice smallint NOT NULL
)
PARTITION BY LIST (slice);

CREATE TABLE public.queue_0 (
    lane smallint CONSTRAINT queue_lane_not_null NOT NULL,
    list_id bigint CONSTRAINT queue_list_id_not_null NOT NULL,
    rank smallint CONSTRAINT queue_rank_not_null NOT NULL,
    due_at bigint CONSTRAINT queue_due_at_not_null NOT NULL,
    number bigint CONSTRAINT queue_number_not_null NOT NULL,
    slice smallint CONSTRAINT queue_slice_not_null NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='20000', autovacuum_vacuum_cost_delay='0');

CREATE TABLE public.queue_1 (
    lane smallint CONSTRAINT queue_lane_not_null NOT NULL,
    list_id bigint CONSTRAINT queue_list_id_not_null NOT NULL,
    rank smallint CONSTRAINT queue_rank_not_null NOT NULL,
    due_at bigint CONSTRAINT queue_due_at_not_null NOT NULL,
    number bigint CONSTRAINT queue_number_not_null NOT NULL,
    slice smallint CONSTRAINT queue_slice_not_null NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='20000', autovacuum_vacuum_cost_delay='0');

CREATE TABLE public.queue_2 (
    lane smallint CONSTRAINT queue_lane_not_null NOT NULL,
    list_id bigint CONSTRAINT queue_list_id_not_null NOT NULL,
    rank smallint CONSTRAINT queue_rank_not_null NOT NULL,
    due_at bigint CONSTRAINT queue_due_at_not_null NOT NULL,
    number bigint CONSTRAINT queue_number_not_null NOT NULL,
    slice smallint CONSTRAINT queue_slice_not_null NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='20000', autovacuum_vacuum_cost_delay='0');

CREATE TABLE public.queue_3 (
    lane smallint CONSTRAINT queue_lane_not_null NOT NULL,
    list_id bigint CONSTRAINT queue_list_id_not_null NOT NULL,
    rank smallint CONSTRAINT queue_rank_not_null NOT NULL,
    due_at bigint CONSTRAINT queue_due_at_not_null NOT NULL,
    number bigint CONSTRAINT queue_number_not_null NOT NULL,
    slice smallint CONSTRAINT queue_slice_not_null NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='20000', autovacuum_vacuum_cost_delay='0');

CREATE TABLE public.queue_slices (
    current smallint NOT NULL,
    turned_at bigint NOT NULL
);

CREATE TABLE public.recipient_troubles (
    list_id bigint NOT NULL,
    recipient bigint NOT NULL,
    number bigint NOT NULL,
    at bigint NOT NULL
);

CREATE TABLE public.refused_callbacks (
    id bigint NOT NULL,
    connector_id bigint NOT NULL,
    received_at bigint NOT NULL,
    refused_at bigint NOT NULL,
    about text NOT NULL,
    size bigint NOT NULL,
    reason text NOT NULL,
    raw bytea NOT NULL
);

CREATE SEQUENCE public.refused_callbacks_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.refused_callbacks_id_seq OWNED BY public.refused_callbacks.id;

CREATE TABLE public.replies (
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    list_id bigint NOT NULL,
    sender bigint NOT NULL,
    body text NOT NULL,
    keyword text,
    received_at bigint NOT NULL,
    rule text,
    review boolean DEFAULT false NOT NULL,
    word text,
    seen_at bigint,
    verdict text
);

CREATE SEQUENCE public.replies_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.replies_id_seq OWNED BY public.replies.id;

CREATE TABLE public.reply_parts (
    connector_id bigint NOT NULL,
    sender bigint NOT NULL,
    list_number bigint NOT NULL,
    reference integer NOT NULL,
    total smallint NOT NULL,
    number smallint NOT NULL,
    body text NOT NULL,
    octets bytea,
    alphabet text,
    answered boolean NOT NULL,
    joined boolean NOT NULL,
    received_at bigint NOT NULL
);

CREATE TABLE public.reply_refs (
    connector_id bigint NOT NULL,
    carrier_ref text NOT NULL,
    received_at bigint NOT NULL
);

CREATE TABLE public.run_recipients (
    run_id bigint NOT NULL,
    recipient bigint NOT NULL,
    variant smallint NOT NULL
);

CREATE TABLE public.run_waves (
    run_id bigint NOT NULL,
    wave smallint NOT NULL,
    account_id bigint NOT NULL,
    due_at bigint NOT NULL,
    ends_at bigint NOT NULL,
    ranges text NOT NULL,
    is_rest boolean NOT NULL,
    told text,
    cursor bigint NOT NULL,
    done boolean NOT NULL
);

CREATE TABLE public.runs (
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    schedule_id bigint NOT NULL,
    local_date text NOT NULL,
    state text NOT NULL,
    reason text,
    content text NOT NULL,
    version smallint NOT NULL,
    due_at bigint NOT NULL,
    ends_at bigint NOT NULL,
    started_at bigint,
    ended_at bigint,
    turn_at bigint NOT NULL,
    planned bigint NOT NULL,
    held_out bigint NOT NULL,
    left_out text NOT NULL,
    variants text NOT NULL,
    sweep text,
    remembers boolean NOT NULL,
    moments text
);

CREATE SEQUENCE public.runs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.runs_id_seq OWNED BY public.runs.id;

CREATE TABLE public.scheduled (
    lane smallint NOT NULL,
    number bigint NOT NULL,
    send_at bigint NOT NULL,
    account_id bigint NOT NULL,
    list_id bigint NOT NULL,
    rank smallint NOT NULL
);

CREATE TABLE public.schedules (
    id bigint NOT NULL,
    ref text NOT NULL,
    account_id bigint NOT NULL,
    status text NOT NULL,
    terms text NOT NULL,
    on_since bigint,
    next_at bigint,
    last_date text,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL
);

CREATE SEQUENCE public.schedules_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.schedules_id_seq OWNED BY public.schedules.id;

CREATE TABLE public.sender_owners (
    connector_id bigint NOT NULL,
    number bigint NOT NULL,
    account_id bigint NOT NULL,
    since bigint NOT NULL
);

CREATE TABLE public.short_links (
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    list_id bigint NOT NULL,
    destination_id bigint NOT NULL,
    recipient bigint,
    metadata text,
    created_at bigint NOT NULL,
    clicks integer NOT NULL,
    human_clicks integer NOT NULL,
    last_clicked_at bigint
);

CREATE SEQUENCE public.short_links_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.short_links_id_seq OWNED BY public.short_links.id;

CREATE TABLE public.signup_counts (
    list_id bigint NOT NULL,
    day integer NOT NULL,
    shard smallint NOT NULL,
    n bigint NOT NULL
);

CREATE TABLE public.spans (
    kind text NOT NULL,
    span smallint NOT NULL,
    owner text NOT NULL,
    epoch bigint NOT NULL,
    until bigint NOT NULL
)
WITH (autovacuum_analyze_threshold='2147483647', vacuum_truncate='false');

CREATE TABLE public.tracking_domains (
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    host text NOT NULL,
    home_url text,
    fallback_url text,
    letters smallint NOT NULL,
    is_default boolean NOT NULL,
    token text NOT NULL,
    verified_at bigint,
    checked_at bigint,
    problem text,
    created_at bigint NOT NULL
);

CREATE SEQUENCE public.tracking_domains_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.tracking_domains_id_seq OWNED BY public.tracking_domains.id;

CREATE TABLE public.upload_pieces (
    upload_id bigint NOT NULL,
    number integer NOT NULL,
    account_id bigint NOT NULL,
    content bytea NOT NULL
);

CREATE TABLE public.uploads (
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    list_id bigint NOT NULL,
    name text NOT NULL,
    source text NOT NULL,
    country text NOT NULL,
    fields text DEFAULT '{}'::text NOT NULL,
    state text NOT NULL,
    size bigint NOT NULL,
    done bigint NOT NULL,
    report text NOT NULL,
    fault text NOT NULL,
    created_by text NOT NULL,
    created_at bigint NOT NULL,
    started_at bigint,
    beat_at bigint NOT NULL,
    ended_at bigint,
    has_pieces boolean NOT NULL
);

CREATE SEQUENCE public.uploads_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.uploads_id_seq OWNED BY public.uploads.id;

CREATE TABLE public.user_sessions (
    id bigint NOT NULL,
    user_id bigint NOT NULL,
    account_id bigint NOT NULL,
    digest bytea NOT NULL,
    created_at bigint NOT NULL,
    used_at bigint NOT NULL,
    confirmed_at bigint NOT NULL,
    agent text NOT NULL,
    address text NOT NULL
);

CREATE SEQUENCE public.user_sessions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.user_sessions_id_seq OWNED BY public.user_sessions.id;

CREATE TABLE public.users (
    id bigint NOT NULL,
    email text NOT NULL,
    name text NOT NULL,
    is_operator boolean NOT NULL,
    password text NOT NULL,
    totp bytea,
    totp_since bigint,
    totp_step bigint,
    created_at bigint NOT NULL,
    disabled_at bigint
);

CREATE SEQUENCE public.users_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.users_id_seq OWNED BY public.users.id;

CREATE TABLE public.verifications (
    list_id bigint NOT NULL,
    checked_at bigint NOT NULL,
    checked text NOT NULL,
    sent_at bigint,
    recipient bigint,
    message_number bigint
);

CREATE TABLE public.watched_members (
    list_id bigint NOT NULL,
    journey_id bigint NOT NULL,
    recipient bigint NOT NULL
);

CREATE TABLE public.webhook_attempts (
    event_id bigint NOT NULL,
    attempt smallint NOT NULL,
    endpoint_id bigint NOT NULL,
    started_at bigint NOT NULL,
    ended_at bigint NOT NULL,
    outcome text NOT NULL,
    status smallint,
    detail text NOT NULL
);

CREATE TABLE public.webhook_endpoints (
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    name text NOT NULL,
    url text NOT NULL,
    events text NOT NULL,
    list_id bigint,
    state text NOT NULL,
    secret bytea NOT NULL,
    old_secret bytea,
    old_secret_until bigint,
    failing_since bigint,
    listens_until bigint,
    created_at bigint NOT NULL
);

CREATE SEQUENCE public.webhook_endpoints_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.webhook_endpoints_id_seq OWNED BY public.webhook_endpoints.id;

ALTER TABLE ONLY public.queue ATTACH PARTITION public.queue_0 FOR VALUES IN ('0');

ALTER TABLE ONLY public.queue ATTACH PARTITION public.queue_1 FOR VALUES IN ('1');

ALTER TABLE ONLY public.queue ATTACH PARTITION public.queue_2 FOR VALUES IN ('2');

ALTER TABLE ONLY public.queue ATTACH PARTITION public.queue_3 FOR VALUES IN ('3');

ALTER TABLE ONLY public.accounts ALTER COLUMN id SET DEFAULT nextval('public.accounts_id_seq'::regclass);

ALTER TABLE ONLY public.agents ALTER COLUMN id SET DEFAULT nextval('public.agents_id_seq'::regclass);

ALTER TABLE ONLY public.api_keys ALTER COLUMN id SET DEFAULT nextval('public.api_keys_id_seq'::regclass);

ALTER TABLE ONLY public.audiences ALTER COLUMN id SET DEFAULT nextval('public.audiences_id_seq'::regclass);

ALTER TABLE ONLY public.audit ALTER COLUMN id SET DEFAULT nextval('public.audit_id_seq'::regclass);

ALTER TABLE ONLY public.connectors ALTER COLUMN id SET DEFAULT nextval('public.connectors_id_seq'::regclass);

ALTER TABLE ONLY public.consent_events ALTER COLUMN id SET DEFAULT nextval('public.consent_events_id_seq'::regclass);

ALTER TABLE ONLY public.conversions ALTER COLUMN id SET DEFAULT nextval('public.conversions_id_seq'::regclass);

ALTER TABLE ONLY public.creatives ALTER COLUMN id SET DEFAULT nextval('public.creatives_id_seq'::regclass);

ALTER TABLE ONLY public.destinations ALTER COLUMN id SET DEFAULT nextval('public.destinations_id_seq'::regclass);

ALTER TABLE ONLY public.imported_sends ALTER COLUMN id SET DEFAULT nextval('public.imported_sends_id_seq'::regclass);

ALTER TABLE ONLY public.invitations ALTER COLUMN id SET DEFAULT nextval('public.invitations_id_seq'::regclass);

ALTER TABLE ONLY public.journey_tasks ALTER COLUMN id SET DEFAULT nextval('public.journey_tasks_id_seq'::regclass);

ALTER TABLE ONLY public.journeys ALTER COLUMN id SET DEFAULT nextval('public.journeys_id_seq'::regclass);

ALTER TABLE ONLY public.lists ALTER COLUMN id SET DEFAULT nextval('public.lists_id_seq'::regclass);

ALTER TABLE ONLY public.offers ALTER COLUMN id SET DEFAULT nextval('public.offers_id_seq'::regclass);

ALTER TABLE ONLY public.origins ALTER COLUMN id SET DEFAULT nextval('public.origins_id_seq'::regclass);

ALTER TABLE ONLY public.refused_callbacks ALTER COLUMN id SET DEFAULT nextval('public.refused_callbacks_id_seq'::regclass);

ALTER TABLE ONLY public.replies ALTER COLUMN id SET DEFAULT nextval('public.replies_id_seq'::regclass);

ALTER TABLE ONLY public.runs ALTER COLUMN id SET DEFAULT nextval('public.runs_id_seq'::regclass);

ALTER TABLE ONLY public.schedules ALTER COLUMN id SET DEFAULT nextval('public.schedules_id_seq'::regclass);

ALTER TABLE ONLY public.short_links ALTER COLUMN id SET DEFAULT nextval('public.short_links_id_seq'::regclass);

ALTER TABLE ONLY public.tracking_domains ALTER COLUMN id SET DEFAULT nextval('public.tracking_domains_id_seq'::regclass);

ALTER TABLE ONLY public.uploads ALTER COLUMN id SET DEFAULT nextval('public.uploads_id_seq'::regclass);

ALTER TABLE ONLY public.user_sessions ALTER COLUMN id SET DEFAULT nextval('public.user_sessions_id_seq'::regclass);

ALTER TABLE ONLY public.users ALTER COLUMN id SET DEFAULT nextval('public.users_id_seq'::regclass);

ALTER TABLE ONLY public.webhook_endpoints ALTER COLUMN id SET DEFAULT nextval('public.webhook_endpoints_id_seq'::regclass);

ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT accounts_key PRIMARY KEY (id);

ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT accounts_one_name UNIQUE (name);

ALTER TABLE ONLY public.activity_news
    ADD CONSTRAINT activity_news_key PRIMARY KEY (lane, number);

ALTER TABLE ONLY public.agents
    ADD CONSTRAINT agents_key PRIMARY KEY (id);

ALTER TABLE ONLY public.agents
    ADD CONSTRAINT agents_one_digest UNIQUE (digest);

ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_key PRIMARY KEY (id);

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_one_digest UNIQUE (digest);

ALTER TABLE ONLY public.attempts
    ADD CONSTRAINT attempts_key PRIMARY KEY (lane, number, attempt, started_at);

ALTER TABLE ONLY public.audiences
    ADD CONSTRAINT audiences_key PRIMARY KEY (id);

ALTER TABLE ONLY public.audiences
    ADD CONSTRAINT audiences_one_ref UNIQUE (ref);

ALTER TABLE ONLY public.audit
    ADD CONSTRAINT audit_key PRIMARY KEY (id);

ALTER TABLE ONLY public.auto_replies
    ADD CONSTRAINT auto_replies_key PRIMARY KEY (list_id, recipient, keyword);

ALTER TABLE ONLY public.backup_codes
    ADD CONSTRAINT backup_codes_key PRIMARY KEY (user_id, digest);

ALTER TABLE ONLY public.blocks
    ADD CONSTRAINT blocks_key PRIMARY KEY (account_id, recipient);

ALTER TABLE ONLY public.campaign_sends
    ADD CONSTRAINT campaign_sends_key PRIMARY KEY (account_id, recipient);

ALTER TABLE ONLY public.carrier_refs
    ADD CONSTRAINT carrier_refs_key PRIMARY KEY (lane, connector_id, carrier_ref, kept_at);

ALTER TABLE ONLY public.click_reclassifications
    ADD CONSTRAINT click_reclassifications_key PRIMARY KEY (account_id);

ALTER TABLE ONLY public.clicks
    ADD CONSTRAINT clicks_key PRIMARY KEY (lane, id);

ALTER TABLE ONLY public.cohort_counts
    ADD CONSTRAINT cohort_counts_key PRIMARY KEY (list_id, day, band, what, shard);

ALTER TABLE ONLY public.connector_paces
    ADD CONSTRAINT connector_paces_key PRIMARY KEY (connector_id);

ALTER TABLE ONLY public.connector_states
    ADD CONSTRAINT connector_states_key PRIMARY KEY (connector_id);

ALTER TABLE ONLY public.connectors
    ADD CONSTRAINT connectors_key PRIMARY KEY (id);

ALTER TABLE ONLY public.consent_events
    ADD CONSTRAINT consent_events_key PRIMARY KEY (id);

ALTER TABLE ONLY public.contact_activity
    ADD CONSTRAINT contact_activity_key PRIMARY KEY (list_id, recipient);

ALTER TABLE ONLY public.contact_counts
    ADD CONSTRAINT contact_counts_key PRIMARY KEY (list_id, recipient, band, what);

ALTER TABLE ONLY public.contact_earnings
    ADD CONSTRAINT contact_earnings_key PRIMARY KEY (list_id, recipient);

ALTER TABLE ONLY public.contact_history
    ADD CONSTRAINT contact_history_key PRIMARY KEY (list_id, recipient);

ALTER TABLE ONLY public.contacts
    ADD CONSTRAINT contacts_key PRIMARY KEY (account_id, recipient);

ALTER TABLE ONLY public.conversions
    ADD CONSTRAINT conversions_key PRIMARY KEY (id);

ALTER TABLE ONLY public.conversions
    ADD CONSTRAINT conversions_one_account_id_offer_id_event_known_by UNIQUE (account_id, offer_id, event, known_by);

ALTER TABLE ONLY public.counters
    ADD CONSTRAINT counters_key PRIMARY KEY (name);

ALTER TABLE ONLY public.coupons
    ADD CONSTRAINT coupons_key PRIMARY KEY (account_id, code);

ALTER TABLE ONLY public.creative_links
    ADD CONSTRAINT creative_links_key PRIMARY KEY (creative_id, "position");

ALTER TABLE ONLY public.creatives
    ADD CONSTRAINT creatives_key PRIMARY KEY (id);

ALTER TABLE ONLY public.destinations
    ADD CONSTRAINT destinations_key PRIMARY KEY (id);

ALTER TABLE ONLY public.destinations
    ADD CONSTRAINT destinations_one_account_id_digest UNIQUE (account_id, digest);

ALTER TABLE ONLY public.enrolments
    ADD CONSTRAINT enrolments_key PRIMARY KEY (lane, list_id, recipient, journey_id);

ALTER TABLE ONLY public.erased
    ADD CONSTRAINT erased_key PRIMARY KEY (account_id, digest);

ALTER TABLE ONLY public.fingerprints
    ADD CONSTRAINT fingerprints_key PRIMARY KEY (lane, fingerprint);

ALTER TABLE ONLY public.found_paces
    ADD CONSTRAINT found_paces_key PRIMARY KEY (connector_id, process);

ALTER TABLE ONLY public.full_accounts
    ADD CONSTRAINT full_accounts_key PRIMARY KEY (account_id);

ALTER TABLE ONLY public.idempotency
    ADD CONSTRAINT idempotency_key PRIMARY KEY (account_id, key);

ALTER TABLE ONLY public.imported_sends
    ADD CONSTRAINT imported_sends_key PRIMARY KEY (id);

ALTER TABLE ONLY public.imported_sends
    ADD CONSTRAINT imported_sends_one_account_id_ref UNIQUE (account_id, ref);

ALTER TABLE ONLY public.inbox
    ADD CONSTRAINT inbox_key PRIMARY KEY (lane, id);

ALTER TABLE ONLY public.invitations
    ADD CONSTRAINT invitations_key PRIMARY KEY (id);

ALTER TABLE ONLY public.invitations
    ADD CONSTRAINT invitations_one_digest UNIQUE (digest);

ALTER TABLE ONLY public.journey_counts
    ADD CONSTRAINT journey_counts_key PRIMARY KEY (lane, journey_id, version, step, what);

ALTER TABLE ONLY public.journey_events
    ADD CONSTRAINT journey_events_key PRIMARY KEY (lane, list_id, recipient, kind, detail);

ALTER TABLE ONLY public.journey_tasks
    ADD CONSTRAINT journey_tasks_key PRIMARY KEY (id);

ALTER TABLE ONLY public.journey_versions
    ADD CONSTRAINT journey_versions_key PRIMARY KEY (journey_id, version);

ALTER TABLE ONLY public.journey_watches
    ADD CONSTRAINT journey_watches_key PRIMARY KEY (journey_id);

ALTER TABLE ONLY public.journeys
    ADD CONSTRAINT journeys_key PRIMARY KEY (id);

ALTER TABLE ONLY public.journeys
    ADD CONSTRAINT journeys_one_list_id_name UNIQUE (list_id, name);

ALTER TABLE ONLY public.leases
    ADD CONSTRAINT leases_key PRIMARY KEY (name);

ALTER TABLE ONLY public.link_ranges
    ADD CONSTRAINT link_ranges_key PRIMARY KEY (first_slot);

ALTER TABLE ONLY public.link_ranges
    ADD CONSTRAINT link_ranges_one_lane_first_number UNIQUE (lane, first_number);

ALTER TABLE ONLY public.link_settings
    ADD CONSTRAINT link_settings_key PRIMARY KEY (account_id);

ALTER TABLE ONLY public.list_contacts
    ADD CONSTRAINT list_contacts_key PRIMARY KEY (list_id, recipient);

ALTER TABLE ONLY public.list_domains
    ADD CONSTRAINT list_domains_key PRIMARY KEY (list_id);

ALTER TABLE ONLY public.lists
    ADD CONSTRAINT lists_key PRIMARY KEY (id);

ALTER TABLE ONLY public.lists
    ADD CONSTRAINT lists_one_account_id_number UNIQUE (account_id, number);

ALTER TABLE ONLY public.marks
    ADD CONSTRAINT marks_key PRIMARY KEY (name);

ALTER TABLE ONLY public.memberships
    ADD CONSTRAINT memberships_key PRIMARY KEY (account_id, user_id);

ALTER TABLE ONLY public.message_clicks
    ADD CONSTRAINT message_clicks_key PRIMARY KEY (lane, number, made_at);

ALTER TABLE ONLY public.messages
    ADD CONSTRAINT messages_key PRIMARY KEY (lane, number, created_at);

ALTER TABLE ONLY public.numbers
    ADD CONSTRAINT numbers_key PRIMARY KEY (lane);

ALTER TABLE ONLY public.offers
    ADD CONSTRAINT offers_key PRIMARY KEY (id);

ALTER TABLE ONLY public.offers
    ADD CONSTRAINT offers_one_ref UNIQUE (ref);

ALTER TABLE ONLY public.origin_counts
    ADD CONSTRAINT origin_counts_key PRIMARY KEY (lane, origin_id, list_id, hour, what, shard);

ALTER TABLE ONLY public.origins
    ADD CONSTRAINT origins_key PRIMARY KEY (id);

ALTER TABLE ONLY public.origins
    ADD CONSTRAINT origins_one_account_id_kind_of_id_version_part UNIQUE (account_id, kind, of_id, version, part);

ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT outbox_key PRIMARY KEY (lane, id);

ALTER TABLE ONLY public.parked_receipts
    ADD CONSTRAINT parked_receipts_key PRIMARY KEY (lane, id);

ALTER TABLE ONLY public.postback_settings
    ADD CONSTRAINT postback_settings_key PRIMARY KEY (account_id);

ALTER TABLE ONLY public.processes
    ADD CONSTRAINT processes_key PRIMARY KEY (name);

ALTER TABLE ONLY public.queue
    ADD CONSTRAINT queue_key PRIMARY KEY (lane, list_id, rank, due_at, number, slice);

ALTER TABLE ONLY public.queue_0
    ADD CONSTRAINT queue_0_pkey PRIMARY KEY (lane, list_id, rank, due_at, number, slice);

ALTER TABLE ONLY public.queue_1
    ADD CONSTRAINT queue_1_pkey PRIMARY KEY (lane, list_id, rank, due_at, number, slice);

ALTER TABLE ONLY public.queue_2
    ADD CONSTRAINT queue_2_pkey PRIMARY KEY (lane, list_id, rank, due_at, number, slice);

ALTER TABLE ONLY public.queue_3
    ADD CONSTRAINT queue_3_pkey PRIMARY KEY (lane, list_id, rank, due_at, number, slice);

ALTER TABLE ONLY public.recipient_troubles
    ADD CONSTRAINT recipient_troubles_key PRIMARY KEY (list_id, recipient, number);

ALTER TABLE ONLY public.refused_callbacks
    ADD CONSTRAINT refused_callbacks_key PRIMARY KEY (id);

ALTER TABLE ONLY public.replies
    ADD CONSTRAINT replies_key PRIMARY KEY (id);

ALTER TABLE ONLY public.reply_parts
    ADD CONSTRAINT reply_parts_key PRIMARY KEY (connector_id, sender, list_number, reference, total, number);

ALTER TABLE ONLY public.reply_refs
    ADD CONSTRAINT reply_refs_key PRIMARY KEY (connector_id, carrier_ref);

ALTER TABLE ONLY public.run_recipients
    ADD CONSTRAINT run_recipients_key PRIMARY KEY (run_id, recipient);

ALTER TABLE ONLY public.run_waves
    ADD CONSTRAINT run_waves_key PRIMARY KEY (run_id, wave);

ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_key PRIMARY KEY (id);

ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_one_account_id_schedule_id_local_date UNIQUE (account_id, schedule_id, local_date);

ALTER TABLE ONLY public.scheduled
    ADD CONSTRAINT scheduled_key PRIMARY KEY (lane, number);

ALTER TABLE ONLY public.schedules
    ADD CONSTRAINT schedules_key PRIMARY KEY (id);

ALTER TABLE ONLY public.schedules
    ADD CONSTRAINT schedules_one_ref UNIQUE (ref);

ALTER TABLE ONLY public.sender_owners
    ADD CONSTRAINT sender_owners_key PRIMARY KEY (connector_id, number);

ALTER TABLE ONLY public.short_links
    ADD CONSTRAINT short_links_key PRIMARY KEY (id);

ALTER TABLE ONLY public.signup_counts
    ADD CONSTRAINT signup_counts_key PRIMARY KEY (list_id, day, shard);

ALTER TABLE ONLY public.spans
    ADD CONSTRAINT spans_key PRIMARY KEY (kind, span);

ALTER TABLE ONLY public.tracking_domains
    ADD CONSTRAINT tracking_domains_key PRIMARY KEY (id);

ALTER TABLE ONLY public.tracking_domains
    ADD CONSTRAINT tracking_domains_one_host UNIQUE (host);

ALTER TABLE ONLY public.upload_pieces
    ADD CONSTRAINT upload_pieces_key PRIMARY KEY (upload_id, number);

ALTER TABLE ONLY public.uploads
    ADD CONSTRAINT uploads_key PRIMARY KEY (id);

ALTER TABLE ONLY public.user_sessions
    ADD CONSTRAINT user_sessions_key PRIMARY KEY (id);

ALTER TABLE ONLY public.user_sessions
    ADD CONSTRAINT user_sessions_one_digest UNIQUE (digest);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_key PRIMARY KEY (id);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_one_email UNIQUE (email);

ALTER TABLE ONLY public.verifications
    ADD CONSTRAINT verifications_key PRIMARY KEY (list_id);

ALTER TABLE ONLY public.watched_members
    ADD CONSTRAINT watched_members_key PRIMARY KEY (list_id, journey_id, recipient);

ALTER TABLE ONLY public.webhook_attempts
    ADD CONSTRAINT webhook_attempts_key PRIMARY KEY (event_id, attempt);

ALTER TABLE ONLY public.webhook_endpoints
    ADD CONSTRAINT webhook_endpoints_key PRIMARY KEY (id);

CREATE INDEX agents_by_seen_on ON public.agents USING btree (seen_on);

CREATE INDEX audiences_by_account_id ON public.audiences USING btree (account_id);

CREATE INDEX audit_by_account_id ON public.audit USING btree (account_id);

CREATE INDEX audit_imports_begun ON public.audit USING btree (at) WHERE (action = 'import.begun'::text);

CREATE INDEX auto_replies_by_queued_at_asked_at ON public.auto_replies USING btree (queued_at, asked_at);

CREATE INDEX clicks_by_at_id ON public.clicks USING btree (at, id);

CREATE INDEX clicks_waiting ON public.clicks USING btree (at, id) WHERE waits;

CREATE INDEX cohort_counts_by_day ON public.cohort_counts USING btree (day);

CREATE INDEX connectors_by_old_token_digest ON public.connectors USING btree (old_token_digest);

CREATE INDEX connectors_by_token_digest ON public.connectors USING btree (token_digest);

CREATE INDEX consent_events_by_list_id_recipient ON public.consent_events USING btree (list_id, recipient);

CREATE INDEX contacts_to_look_up ON public.contacts USING btree (account_id, recipient) WHERE (looked_up_at IS NULL);

CREATE INDEX contacts_told_zones ON public.contacts USING btree (account_id, told_zone, recipient) WHERE (told_zone IS NOT NULL);

CREATE INDEX conversions_by_account_id_link_id ON public.conversions USING btree (account_id, link_id) WHERE (link_id IS NOT NULL);

CREATE INDEX conversions_by_account_id_number ON public.conversions USING btree (account_id, number);

CREATE INDEX conversions_by_account_id_offer_id_external_id ON public.conversions USING btree (account_id, offer_id, external_id);

CREATE INDEX coupons_by_code ON public.coupons USING btree (code);

CREATE INDEX creatives_by_account_id ON public.creatives USING btree (account_id);

CREATE INDEX enrolments_due ON public.enrolments USING btree (lane, due_at) WHERE (due_at IS NOT NULL);

CREATE INDEX enrolments_over ON public.enrolments USING btree (ends_at) WHERE (due_at IS NULL);

CREATE INDEX enrolments_running ON public.enrolments USING btree (journey_id, recipient) WHERE (due_at IS NOT NULL);

CREATE INDEX idempotency_by_created_at ON public.idempotency USING btree (created_at);

CREATE INDEX imported_sends_by_list_id_recipient ON public.imported_sends USING btree (list_id, recipient);

CREATE INDEX invitations_by_account_id ON public.invitations USING btree (account_id);

CREATE INDEX journey_tasks_by_journey_id ON public.journey_tasks USING btree (journey_id);

CREATE INDEX journey_tasks_open ON public.journey_tasks USING btree (id) WHERE (ended_at IS NULL);

CREATE INDEX list_contacts_by_signup ON public.list_contacts USING btree (list_id, signup_at, recipient, active);

CREATE INDEX list_contacts_left ON public.list_contacts USING btree (list_id, signup_at, recipient) WHERE (NOT active);

CREATE INDEX list_contacts_sample ON public.list_contacts USING btree (list_id, recipient) INCLUDE (active, signup_at) WHERE ((recipient % (61)::bigint) = 0);

CREATE INDEX list_domains_by_domain_id ON public.list_domains USING btree (domain_id);

CREATE INDEX lists_by_number ON public.lists USING btree (number);

CREATE INDEX memberships_by_user_id ON public.memberships USING btree (user_id);

CREATE INDEX message_clicks_by_account_id_offer_id_at ON ONLY public.message_clicks USING btree (account_id, offer_id, at) WHERE (at IS NOT NULL);

CREATE INDEX messages_by_account_id_created_at ON ONLY public.messages USING btree (account_id, created_at);

CREATE INDEX messages_unsettled ON ONLY public.messages USING btree (status, number) WHERE (status = ANY (ARRAY['sending'::text, 'uncertain'::text]));

CREATE INDEX offers_by_account_id_external_id ON public.offers USING btree (account_id, external_id);

CREATE INDEX origin_counts_by_hour ON public.origin_counts USING btree (hour);

CREATE INDEX origin_counts_by_list_id_hour ON public.origin_counts USING btree (list_id, hour);

CREATE INDEX origin_counts_by_origin_id ON public.origin_counts USING btree (origin_id);

CREATE INDEX outbox_again ON public.outbox USING btree (endpoint_id, due_at, id) WHERE ((due_at IS NOT NULL) AND (retries > 0));

CREATE INDEX outbox_by_at ON public.outbox USING btree (at);

CREATE INDEX outbox_by_ref ON public.outbox USING btree (ref);

CREATE INDEX outbox_due ON public.outbox USING btree (endpoint_id, due_at, id) WHERE (due_at IS NOT NULL);

CREATE INDEX parked_receipts_by_received_at ON public.parked_receipts USING btree (received_at);

CREATE INDEX recipient_troubles_by_at ON public.recipient_troubles USING btree (at);

CREATE INDEX replies_by_account_id ON public.replies USING btree (account_id);

CREATE INDEX replies_by_account_id_sender ON public.replies USING btree (account_id, sender);

CREATE INDEX replies_to_review ON public.replies USING btree (account_id) WHERE (review AND (verdict IS NULL));

CREATE INDEX replies_unseen ON public.replies USING btree (account_id) WHERE ((seen_at IS NULL) AND (keyword IS NULL));

CREATE INDEX reply_parts_by_received_at ON public.reply_parts USING btree (received_at);

CREATE INDEX reply_refs_by_received_at ON public.reply_refs USING btree (received_at);

CREATE INDEX runs_by_account_id_local_date ON public.runs USING btree (account_id, local_date);

CREATE INDEX runs_open ON public.runs USING btree (state, turn_at) WHERE (state = ANY (ARRAY['due'::text, 'running'::text, 'paused'::text]));

CREATE INDEX runs_remembered ON public.runs USING btree (ended_at) WHERE remembers;

CREATE INDEX runs_to_sweep ON public.runs USING btree (sweep) WHERE (sweep IS NOT NULL);

CREATE INDEX scheduled_by_account_id ON public.scheduled USING btree (account_id);

CREATE INDEX scheduled_by_send_at ON public.scheduled USING btree (send_at);

CREATE INDEX schedules_by_account_id ON public.schedules USING btree (account_id);

CREATE INDEX schedules_due ON public.schedules USING btree (next_at) WHERE (next_at IS NOT NULL);

CREATE INDEX short_links_by_account_id ON public.short_links USING btree (account_id);

CREATE INDEX tracking_domains_by_account_id ON public.tracking_domains USING btree (account_id);

CREATE INDEX uploads_by_account_id ON public.uploads USING btree (account_id);

CREATE INDEX user_sessions_by_user_id ON public.user_sessions USING btree (user_id);

CREATE INDEX webhook_attempts_by_endpoint_id_event_id ON public.webhook_attempts USING btree (endpoint_id, event_id);

CREATE INDEX webhook_endpoints_by_account_id ON public.webhook_endpoints USING btree (account_id);

ALTER INDEX public.queue_key ATTACH PARTITION public.queue_0_pkey;

ALTER INDEX public.queue_key ATTACH PARTITION public.queue_1_pkey;

ALTER INDEX public.queue_key ATTACH PARTITION public.queue_2_pkey;

ALTER INDEX public.queue_key ATTACH PARTITION public.queue_3_pkey;

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_to_accounts FOREIGN KEY (account_id) REFERENCES public.accounts(id);

ALTER TABLE ONLY public.audiences
    ADD CONSTRAINT audiences_to_accounts FOREIGN KEY (account_id) REFERENCES public.accounts(id);

ALTER TABLE ONLY public.backup_codes
    ADD CONSTRAINT backup_codes_to_users FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.connectors
    ADD CONSTRAINT connectors_to_accounts FOREIGN KEY (account_id) REFERENCES public.accounts(id);

ALTER TABLE ONLY public.creatives
    ADD CONSTRAINT creatives_to_accounts FOREIGN KEY (account_id) REFERENCES public.accounts(id);

ALTER TABLE ONLY public.invitations
    ADD CONSTRAINT invitations_to_accounts FOREIGN KEY (account_id) REFERENCES public.accounts(id);

ALTER TABLE ONLY public.invitations
    ADD CONSTRAINT invitations_to_users FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.journey_tasks
    ADD CONSTRAINT journey_tasks_to_accounts FOREIGN KEY (account_id) REFERENCES public.accounts(id);

ALTER TABLE ONLY public.journey_tasks
    ADD CONSTRAINT journey_tasks_to_journeys FOREIGN KEY (journey_id) REFERENCES public.journeys(id);

ALTER TABLE ONLY public.journey_watches
    ADD CONSTRAINT journey_watches_to_journeys FOREIGN KEY (journey_id) REFERENCES public.journeys(id);

ALTER TABLE ONLY public.journeys
    ADD CONSTRAINT journeys_to_lists FOREIGN KEY (list_id) REFERENCES public.lists(id);

ALTER TABLE ONLY public.lists
    ADD CONSTRAINT lists_to_accounts FOREIGN KEY (account_id) REFERENCES public.accounts(id);

ALTER TABLE ONLY public.lists
    ADD CONSTRAINT lists_to_connectors FOREIGN KEY (connector_id) REFERENCES public.connectors(id);

ALTER TABLE ONLY public.lists
    ADD CONSTRAINT lists_to_second_connectors FOREIGN KEY (second_connector_id) REFERENCES public.connectors(id);

ALTER TABLE ONLY public.memberships
    ADD CONSTRAINT memberships_to_accounts FOREIGN KEY (account_id) REFERENCES public.accounts(id);

ALTER TABLE ONLY public.memberships
    ADD CONSTRAINT memberships_to_users FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.offers
    ADD CONSTRAINT offers_to_accounts FOREIGN KEY (account_id) REFERENCES public.accounts(id);

ALTER TABLE ONLY public.schedules
    ADD CONSTRAINT schedules_to_accounts FOREIGN KEY (account_id) REFERENCES public.accounts(id);

ALTER TABLE ONLY public.sender_owners
    ADD CONSTRAINT sender_owners_to_accounts FOREIGN KEY (account_id) REFERENCES public.accounts(id);

ALTER TABLE ONLY public.tracking_domains
    ADD CONSTRAINT tracking_domains_to_accounts FOREIGN KEY (account_id) REFERENCES public.accounts(id);

ALTER TABLE ONLY public.uploads
    ADD CONSTRAINT uploads_to_accounts FOREIGN KEY (account_id) REFERENCES public.accounts(id);

ALTER TABLE ONLY public.uploads
    ADD CONSTRAINT uploads_to_lists FOREIGN KEY (list_id) REFERENCES public.lists(id);

ALTER TABLE ONLY public.user_sessions
    ADD CONSTRAINT user_sessions_to_accounts FOREIGN KEY (account_id) REFERENCES public.accounts(id);

ALTER TABLE ONLY public.user_sessions
    ADD CONSTRAINT user_sessions_to_users FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.webhook_endpoints
    ADD CONSTRAINT webhook_endpoints_to_accounts FOREIGN KEY (account_id) REFERENCES public.accounts(id);

ALTER TABLE ONLY public.webhook_endpoints
    ADD CONSTRAINT webhook_endpoints_to_lists FOREIGN KEY (list_id) REFERENCES public.lists(id);

INSERT INTO public.alembic_version VALUES ('0001');
