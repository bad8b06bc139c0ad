CREATE TABLE accounts (
	id INTEGER NOT NULL,
	name TEXT NOT NULL,
	status TEXT NOT NULL,
	blocked_words TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	stop_words TEXT DEFAULT '' NOT NULL,
	country TEXT DEFAULT '' NOT NULL,
	timezone TEXT DEFAULT 'America/New_York' NOT NULL,
	prepend_text TEXT,
	append_text TEXT,
	quiet_hours TEXT,
	CONSTRAINT accounts_key PRIMARY KEY (id),
	CONSTRAINT accounts_one_name UNIQUE (name)
);

CREATE TABLE agents (
	id INTEGER NOT NULL,
	digest BLOB NOT NULL,
	text BLOB NOT NULL,
	seen_on INTEGER NOT NULL,
	CONSTRAINT agents_key PRIMARY KEY (id),
	CONSTRAINT agents_one_digest UNIQUE (digest)
);

CREATE TABLE alembic_version (
        version_num VARCHAR(32) NOT NULL,
        CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
    );

CREATE TABLE api_keys (
	id INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	digest BLOB NOT NULL,
	shown TEXT NOT NULL,
	name TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	revoked_at BIGINT,
	last_used_at BIGINT,
	CONSTRAINT api_keys_key PRIMARY KEY (id),
	CONSTRAINT api_keys_one_digest UNIQUE (digest),
	CONSTRAINT api_keys_to_accounts FOREIGN KEY(account_id) REFERENCES accounts (id)
);

CREATE TABLE attempts (
	number BIGINT NOT NULL,
	attempt SMALLINT NOT NULL,
	lane SMALLINT NOT NULL,
	connector_id BIGINT NOT NULL,
	epoch BIGINT NOT NULL,
	started_at BIGINT NOT NULL,
	ended_at BIGINT NOT NULL,
	outcome TEXT NOT NULL,
	detail TEXT,
	provider_detail TEXT,
	carrier_ref TEXT,
	CONSTRAINT attempts_key PRIMARY KEY (number, attempt)
)
 WITHOUT ROWID;

CREATE TABLE audiences (
	id INTEGER NOT NULL,
	ref TEXT NOT NULL,
	account_id INTEGER NOT NULL,
	name TEXT NOT NULL,
	description TEXT NOT NULL,
	source_lists TEXT NOT NULL,
	filter TEXT NOT NULL,
	status TEXT NOT NULL,
	cached_size BIGINT,
	cached_size_updated_at BIGINT,
	created_at BIGINT NOT NULL,
	updated_at BIGINT NOT NULL,
	CONSTRAINT audiences_key PRIMARY KEY (id),
	CONSTRAINT audiences_one_ref UNIQUE (ref),
	CONSTRAINT audiences_to_accounts FOREIGN KEY(account_id) REFERENCES accounts (id)
);

CREATE TABLE audit (
	id INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	at BIGINT NOT NULL,
	actor TEXT NOT NULL,
	action TEXT NOT NULL,
	about TEXT NOT NULL,
	details TEXT NOT NULL,
	request_id TEXT,
	CONSTRAINT audit_key PRIMARY KEY (id)
);

CREATE TABLE auto_replies (
	list_id BIGINT NOT NULL,
	recipient BIGINT NOT NULL,
	keyword TEXT NOT NULL,
	account_id BIGINT NOT NULL,
	list_number BIGINT NOT NULL,
	body TEXT NOT NULL,
	asked_at BIGINT NOT NULL,
	queued_at BIGINT,
	CONSTRAINT auto_replies_key PRIMARY KEY (list_id, recipient, keyword)
)
 WITHOUT ROWID;

CREATE TABLE backup_codes (
	user_id INTEGER NOT NULL,
	digest BLOB NOT NULL,
	CONSTRAINT backup_codes_key PRIMARY KEY (user_id, digest),
	CONSTRAINT backup_codes_to_users FOREIGN KEY(user_id) REFERENCES users (id)
)
 WITHOUT ROWID;

CREATE TABLE blocks (
	account_id INTEGER NOT NULL,
	recipient BIGINT NOT NULL,
	note TEXT NOT NULL,
	blocked_at BIGINT NOT NULL,
	CONSTRAINT blocks_key PRIMARY KEY (account_id, recipient)
)
 WITHOUT ROWID;

CREATE TABLE campaign_sends (
	account_id INTEGER NOT NULL,
	recipient BIGINT NOT NULL,
	sends TEXT NOT NULL,
	CONSTRAINT campaign_sends_key PRIMARY KEY (account_id, recipient)
)
 WITHOUT ROWID;

CREATE TABLE carrier_refs (
	connector_id BIGINT NOT NULL,
	carrier_ref TEXT NOT NULL,
	lane SMALLINT NOT NULL,
	number BIGINT NOT NULL,
	part SMALLINT,
	parts SMALLINT,
	told BOOLEAN DEFAULT 0 NOT NULL,
	CONSTRAINT carrier_refs_key PRIMARY KEY (connector_id, carrier_ref)
)
 WITHOUT ROWID;

CREATE TABLE click_reclassifications (
	account_id INTEGER NOT NULL,
	rules TEXT NOT NULL,
	until_at BIGINT NOT NULL,
	at BIGINT NOT NULL,
	click_id BIGINT NOT NULL,
	seen_at BIGINT NOT NULL,
	seen_id BIGINT NOT NULL,
	is_judged BOOLEAN NOT NULL,
	has_lost BOOLEAN NOT NULL,
	report TEXT NOT NULL,
	CONSTRAINT click_reclassifications_key PRIMARY KEY (account_id)
)
 WITHOUT ROWID;

CREATE TABLE clicks (
	id INTEGER NOT NULL,
	account_id BIGINT NOT NULL,
	number BIGINT NOT NULL,
	position SMALLINT,
	at BIGINT NOT NULL,
	click_class SMALLINT NOT NULL,
	reason SMALLINT NOT NULL,
	agent_id BIGINT,
	network BLOB,
	digest BLOB,
	CONSTRAINT clicks_key PRIMARY KEY (id)
);

CREATE TABLE cohort_counts (
	list_id BIGINT NOT NULL,
	day INTEGER NOT NULL,
	band SMALLINT NOT NULL,
	what TEXT NOT NULL,
	shard SMALLINT NOT NULL,
	n BIGINT NOT NULL,
	amount BIGINT NOT NULL,
	CONSTRAINT cohort_counts_key PRIMARY KEY (list_id, day, band, what, shard)
)
 WITHOUT ROWID;

CREATE TABLE connector_states (
	connector_id INTEGER NOT NULL,
	state TEXT NOT NULL,
	detail TEXT NOT NULL,
	since BIGINT NOT NULL,
	CONSTRAINT connector_states_key PRIMARY KEY (connector_id)
)
 WITHOUT ROWID;

CREATE TABLE connectors (
	id INTEGER NOT NULL,
	account_id INTEGER,
	name TEXT NOT NULL,
	kind TEXT NOT NULL,
	settings BLOB NOT NULL,
	window INTEGER NOT NULL,
	mps FLOAT,
	segments_per_second FLOAT,
	version INTEGER NOT NULL,
	token BLOB,
	token_digest BLOB,
	old_token_digest BLOB,
	old_token_until BIGINT,
	paused_at BIGINT,
	removed_at BIGINT,
	CONSTRAINT connectors_key PRIMARY KEY (id),
	CONSTRAINT connectors_to_accounts FOREIGN KEY(account_id) REFERENCES accounts (id)
);

CREATE TABLE consent_events (
	id INTEGER NOT NULL,
	list_id INTEGER NOT NULL,
	recipient BIGINT NOT NULL,
	active BOOLEAN NOT NULL,
	reason TEXT NOT NULL,
	source TEXT NOT NULL,
	evidence TEXT NOT NULL,
	at BIGINT NOT NULL,
	rule TEXT,
	CONSTRAINT consent_events_key PRIMARY KEY (id)
);

CREATE TABLE contact_activity (
	list_id INTEGER NOT NULL,
	recipient BIGINT NOT NULL,
	sends INTEGER NOT NULL,
	first_sent_at BIGINT NOT NULL,
	last_sent_at BIGINT NOT NULL,
	last_origin_id BIGINT,
	last_origin_at BIGINT,
	CONSTRAINT contact_activity_key PRIMARY KEY (list_id, recipient)
)
 WITHOUT ROWID;

CREATE TABLE contact_counts (
	list_id INTEGER NOT NULL,
	recipient BIGINT NOT NULL,
	band SMALLINT NOT NULL,
	what TEXT NOT NULL,
	n BIGINT NOT NULL,
	amount BIGINT NOT NULL,
	CONSTRAINT contact_counts_key PRIMARY KEY (list_id, recipient, band, what)
)
 WITHOUT ROWID;

CREATE TABLE contact_earnings (
	list_id INTEGER NOT NULL,
	recipient BIGINT NOT NULL,
	clicks INTEGER NOT NULL,
	last_clicked_at BIGINT,
	conversions INTEGER NOT NULL,
	revenue BIGINT NOT NULL,
	last_revenue_at BIGINT,
	CONSTRAINT contact_earnings_key PRIMARY KEY (list_id, recipient)
)
 WITHOUT ROWID;

CREATE TABLE contact_history (
	list_id INTEGER NOT NULL,
	recipient BIGINT NOT NULL,
	sends INTEGER NOT NULL,
	first_sent_at BIGINT,
	last_sent_at BIGINT,
	clicks INTEGER NOT NULL,
	last_clicked_at BIGINT,
	conversions INTEGER NOT NULL,
	revenue BIGINT NOT NULL,
	last_revenue_at BIGINT,
	CONSTRAINT contact_history_key PRIMARY KEY (list_id, recipient)
)
 WITHOUT ROWID;

CREATE TABLE contacts (
	account_id INTEGER NOT NULL,
	recipient BIGINT NOT NULL,
	email TEXT,
	carrier TEXT,
	line_type TEXT,
	timezone TEXT,
	told_zone TEXT,
	is_valid BOOLEAN,
	looked_up_at BIGINT,
	created_at BIGINT NOT NULL,
	CONSTRAINT contacts_key PRIMARY KEY (account_id, recipient)
)
 WITHOUT ROWID;

CREATE TABLE conversions (
	id INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	offer_id INTEGER NOT NULL,
	event TEXT NOT NULL,
	external_id TEXT,
	known_by TEXT,
	number BIGINT,
	list_id BIGINT,
	source TEXT NOT NULL,
	attribution TEXT NOT NULL,
	amount BIGINT NOT NULL,
	payout BIGINT,
	currency TEXT NOT NULL,
	at BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	imported BOOLEAN NOT NULL,
	attributed BOOLEAN NOT NULL,
	takes_back BIGINT,
	link_id BIGINT,
	CONSTRAINT conversions_key PRIMARY KEY (id),
	CONSTRAINT conversions_one_account_id_offer_id_event_known_by UNIQUE (account_id, offer_id, event, known_by)
);

CREATE TABLE counters (
	name TEXT NOT NULL,
	value BIGINT NOT NULL,
	CONSTRAINT counters_key PRIMARY KEY (name)
)
 WITHOUT ROWID;

CREATE TABLE coupons (
	account_id INTEGER NOT NULL,
	code TEXT NOT NULL,
	offer_id INTEGER NOT NULL,
	created_at BIGINT NOT NULL,
	CONSTRAINT coupons_key PRIMARY KEY (account_id, code)
)
 WITHOUT ROWID;

CREATE TABLE creative_links (
	creative_id INTEGER NOT NULL,
	position SMALLINT NOT NULL,
	account_id INTEGER NOT NULL,
	"key" TEXT NOT NULL,
	offer_id INTEGER NOT NULL,
	url TEXT,
	url_params TEXT NOT NULL,
	CONSTRAINT creative_links_key PRIMARY KEY (creative_id, position)
)
 WITHOUT ROWID;

CREATE TABLE creatives (
	id INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	name TEXT NOT NULL,
	message TEXT NOT NULL,
	status TEXT NOT NULL,
	creative_type TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	updated_at BIGINT NOT NULL,
	CONSTRAINT creatives_key PRIMARY KEY (id),
	CONSTRAINT creatives_to_accounts FOREIGN KEY(account_id) REFERENCES accounts (id)
);

CREATE TABLE destinations (
	id INTEGER NOT NULL,
	account_id BIGINT NOT NULL,
	offer_id BIGINT,
	digest BLOB NOT NULL,
	url TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	CONSTRAINT destinations_key PRIMARY KEY (id),
	CONSTRAINT destinations_one_account_id_digest UNIQUE (account_id, digest)
);

CREATE TABLE enrolments (
	list_id INTEGER NOT NULL,
	recipient BIGINT NOT NULL,
	journey_id INTEGER NOT NULL,
	lane SMALLINT NOT NULL,
	started_at BIGINT NOT NULL,
	ends_at BIGINT NOT NULL,
	version INTEGER DEFAULT 0 NOT NULL,
	step TEXT DEFAULT '' NOT NULL,
	arrived_at BIGINT DEFAULT 0 NOT NULL,
	seq INTEGER DEFAULT 0 NOT NULL,
	due_at BIGINT,
	waits SMALLINT DEFAULT 0 NOT NULL,
	state TEXT DEFAULT '{}' NOT NULL,
	times SMALLINT DEFAULT 1 NOT NULL,
	end_reason TEXT,
	CONSTRAINT enrolments_key PRIMARY KEY (list_id, recipient, journey_id)
)
 WITHOUT ROWID;

CREATE TABLE erased (
	account_id INTEGER NOT NULL,
	digest BIGINT NOT NULL,
	complained BOOLEAN NOT NULL,
	erased_at BIGINT NOT NULL,
	CONSTRAINT erased_key PRIMARY KEY (account_id, digest)
)
 WITHOUT ROWID;

CREATE TABLE found_paces (
	connector_id INTEGER NOT NULL,
	process TEXT NOT NULL,
	per_second FLOAT NOT NULL,
	found_limit FLOAT,
	at BIGINT NOT NULL,
	CONSTRAINT found_paces_key PRIMARY KEY (connector_id, process)
)
 WITHOUT ROWID;

CREATE TABLE idempotency (
	account_id BIGINT NOT NULL,
	"key" TEXT NOT NULL,
	route TEXT NOT NULL,
	body_digest BLOB NOT NULL,
	status SMALLINT NOT NULL,
	answer BLOB NOT NULL,
	created_at BIGINT NOT NULL,
	CONSTRAINT idempotency_key PRIMARY KEY (account_id, "key")
)
 WITHOUT ROWID;

CREATE TABLE imported_sends (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	account_id INTEGER NOT NULL,
	ref TEXT NOT NULL,
	list_id BIGINT NOT NULL,
	recipient BIGINT NOT NULL,
	at BIGINT NOT NULL,
	send_type TEXT,
	delivered BOOLEAN,
	length INTEGER,
	clicked_at BIGINT,
	click_offer_id BIGINT,
	created_at BIGINT NOT NULL,
	CONSTRAINT imported_sends_one_account_id_ref UNIQUE (account_id, ref)
);

CREATE TABLE inbox (
	id INTEGER NOT NULL,
	connector_id BIGINT NOT NULL,
	received_at BIGINT NOT NULL,
	raw BLOB NOT NULL,
	CONSTRAINT inbox_key PRIMARY KEY (id)
);

CREATE TABLE invitations (
	id INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	email TEXT NOT NULL,
	role TEXT NOT NULL,
	is_operator BOOLEAN NOT NULL,
	user_id INTEGER,
	digest BLOB NOT NULL,
	created_at BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	CONSTRAINT invitations_key PRIMARY KEY (id),
	CONSTRAINT invitations_one_digest UNIQUE (digest),
	CONSTRAINT invitations_to_accounts FOREIGN KEY(account_id) REFERENCES accounts (id),
	CONSTRAINT invitations_to_users FOREIGN KEY(user_id) REFERENCES users (id)
);

CREATE TABLE journey_counts (
	journey_id INTEGER NOT NULL,
	version INTEGER NOT NULL,
	step TEXT NOT NULL,
	what TEXT NOT NULL,
	lane SMALLINT NOT NULL,
	count BIGINT NOT NULL,
	CONSTRAINT journey_counts_key PRIMARY KEY (journey_id, version, step, what)
)
 WITHOUT ROWID;

CREATE TABLE journey_events (
	list_id INTEGER NOT NULL,
	recipient BIGINT NOT NULL,
	kind SMALLINT NOT NULL,
	detail TEXT NOT NULL,
	at BIGINT NOT NULL,
	lane SMALLINT NOT NULL,
	CONSTRAINT journey_events_key PRIMARY KEY (list_id, recipient, kind, detail)
)
 WITHOUT ROWID;

CREATE TABLE journey_tasks (
	id INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	journey_id INTEGER NOT NULL,
	kind TEXT NOT NULL,
	params TEXT NOT NULL,
	cursor BIGINT NOT NULL,
	done BIGINT NOT NULL,
	failed BIGINT NOT NULL,
	state TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	ended_at BIGINT,
	CONSTRAINT journey_tasks_key PRIMARY KEY (id),
	CONSTRAINT journey_tasks_to_accounts FOREIGN KEY(account_id) REFERENCES accounts (id),
	CONSTRAINT journey_tasks_to_journeys FOREIGN KEY(journey_id) REFERENCES journeys (id)
);

CREATE TABLE journey_versions (
	journey_id INTEGER NOT NULL,
	version INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	document TEXT NOT NULL,
	digest TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	created_by TEXT NOT NULL,
	CONSTRAINT journey_versions_key PRIMARY KEY (journey_id, version)
)
 WITHOUT ROWID;

CREATE TABLE journey_watches (
	journey_id INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	list_id INTEGER NOT NULL,
	audience TEXT NOT NULL,
	cursor BIGINT NOT NULL,
	is_first BOOLEAN NOT NULL,
	next_at BIGINT NOT NULL,
	CONSTRAINT journey_watches_key PRIMARY KEY (journey_id),
	CONSTRAINT journey_watches_to_journeys FOREIGN KEY(journey_id) REFERENCES journeys (id)
);

CREATE TABLE journeys (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	list_id INTEGER NOT NULL,
	name TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	"trigger" TEXT DEFAULT 'none' NOT NULL,
	status TEXT DEFAULT 'active' NOT NULL,
	priority INTEGER DEFAULT 0 NOT NULL,
	"exclusive" BOOLEAN DEFAULT 0 NOT NULL,
	holds_other_sends BOOLEAN DEFAULT 1 NOT NULL,
	asks_message BOOLEAN DEFAULT 0 NOT NULL,
	active_version INTEGER,
	draft TEXT,
	paused_ms BIGINT DEFAULT 0 NOT NULL,
	paused_at BIGINT,
	resumed_at BIGINT,
	overdue TEXT,
	CONSTRAINT journeys_one_list_id_name UNIQUE (list_id, name),
	CONSTRAINT journeys_to_lists FOREIGN KEY(list_id) REFERENCES lists (id)
);

CREATE TABLE leases (
	name TEXT NOT NULL,
	owner TEXT NOT NULL,
	epoch BIGINT NOT NULL,
	taken_at BIGINT NOT NULL,
	CONSTRAINT leases_key PRIMARY KEY (name)
)
 WITHOUT ROWID;

CREATE TABLE link_settings (
	account_id INTEGER NOT NULL,
	filter_bots BOOLEAN NOT NULL,
	page_title TEXT,
	page_text TEXT,
	page_button TEXT,
	page_language TEXT,
	CONSTRAINT link_settings_key PRIMARY KEY (account_id)
)
 WITHOUT ROWID;

CREATE TABLE list_contacts (
	list_id INTEGER NOT NULL,
	recipient BIGINT NOT NULL,
	active BOOLEAN NOT NULL,
	first_name TEXT NOT NULL,
	last_name TEXT NOT NULL,
	subscribed_at BIGINT NOT NULL,
	unsubscribed_at BIGINT,
	reason TEXT,
	custom_fields TEXT DEFAULT '{}' NOT NULL,
	signup_at BIGINT DEFAULT 0 NOT NULL,
	signup_method TEXT,
	ip_address TEXT,
	url TEXT,
	ad_network_source TEXT,
	ad_network_id TEXT,
	CONSTRAINT list_contacts_key PRIMARY KEY (list_id, recipient)
)
 WITHOUT ROWID;

CREATE TABLE list_domains (
	list_id INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	domain_id INTEGER NOT NULL,
	CONSTRAINT list_domains_key PRIMARY KEY (list_id)
)
 WITHOUT ROWID;

CREATE TABLE lists (
	id INTEGER NOT NULL,
	lane SMALLINT NOT NULL,
	account_id INTEGER NOT NULL,
	number BIGINT NOT NULL,
	name TEXT NOT NULL,
	brand TEXT NOT NULL,
	status TEXT NOT NULL,
	rate INTEGER NOT NULL,
	connector_id INTEGER NOT NULL,
	byoc BOOLEAN NOT NULL,
	verified_at BIGINT,
	on_uncertain TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	answers BOOLEAN DEFAULT 1 NOT NULL,
	stop_text TEXT,
	start_text TEXT,
	help_text TEXT,
	second_connector_id INTEGER,
	sender_name TEXT,
	prepend_text TEXT,
	append_text TEXT,
	frames_sends BOOLEAN DEFAULT 0 NOT NULL,
	quiet_scope TEXT DEFAULT 'campaigns' NOT NULL,
	quiet_hours TEXT,
	has_own_hours BOOLEAN DEFAULT 0 NOT NULL,
	CONSTRAINT lists_key PRIMARY KEY (id),
	CONSTRAINT lists_one_account_id_number UNIQUE (account_id, number),
	CONSTRAINT lists_to_accounts FOREIGN KEY(account_id) REFERENCES accounts (id),
	CONSTRAINT lists_to_connectors FOREIGN KEY(connector_id) REFERENCES connectors (id),
	CONSTRAINT lists_to_second_connectors FOREIGN KEY(second_connector_id) REFERENCES connectors (id)
);

CREATE TABLE marks (
	name TEXT NOT NULL,
	value BLOB NOT NULL,
	CONSTRAINT marks_key PRIMARY KEY (name)
)
 WITHOUT ROWID;

CREATE TABLE memberships (
	account_id INTEGER NOT NULL,
	user_id INTEGER NOT NULL,
	role TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	CONSTRAINT memberships_key PRIMARY KEY (account_id, user_id),
	CONSTRAINT memberships_to_accounts FOREIGN KEY(account_id) REFERENCES accounts (id),
	CONSTRAINT memberships_to_users FOREIGN KEY(user_id) REFERENCES users (id)
)
 WITHOUT ROWID;

CREATE TABLE message_clicks (
	number INTEGER NOT NULL,
	account_id BIGINT NOT NULL,
	at BIGINT,
	position SMALLINT,
	offer_id BIGINT,
	clicks INTEGER DEFAULT 0 NOT NULL,
	human_clicks INTEGER DEFAULT 0 NOT NULL,
	machine_clicks INTEGER DEFAULT 0 NOT NULL,
	CONSTRAINT message_clicks_key PRIMARY KEY (number)
);

CREATE TABLE messages (
	number INTEGER NOT NULL,
	lane SMALLINT NOT NULL,
	account_id BIGINT NOT NULL,
	list_id BIGINT NOT NULL,
	recipient BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	status TEXT NOT NULL,
	attempt SMALLINT NOT NULL,
	epoch BIGINT NOT NULL,
	skips SMALLINT NOT NULL,
	resent SMALLINT NOT NULL,
	segments SMALLINT NOT NULL,
	encoding TEXT NOT NULL,
	body TEXT NOT NULL,
	metadata TEXT,
	detail TEXT,
	provider_detail TEXT,
	connector_id BIGINT,
	carrier_ref TEXT,
	sending_at BIGINT,
	sent_at BIGINT,
	ended_at BIGINT,
	parts_left SMALLINT,
	links TEXT,
	origin_id BIGINT,
	CONSTRAINT messages_key PRIMARY KEY (number)
);

CREATE TABLE offers (
	id INTEGER NOT NULL,
	ref TEXT NOT NULL,
	account_id INTEGER NOT NULL,
	name TEXT NOT NULL,
	tracking_url TEXT NOT NULL,
	fallback_url TEXT,
	external_platform TEXT,
	external_id TEXT,
	advertiser_id TEXT,
	payout BIGINT NOT NULL,
	payout_type TEXT NOT NULL,
	click_window_days SMALLINT,
	filter_bots BOOLEAN,
	pixel_amounts BOOLEAN NOT NULL,
	status TEXT NOT NULL,
	expires_at BIGINT,
	metadata TEXT NOT NULL,
	secret BLOB,
	old_secret BLOB,
	old_secret_until BIGINT,
	created_at BIGINT NOT NULL,
	updated_at BIGINT NOT NULL,
	CONSTRAINT offers_key PRIMARY KEY (id),
	CONSTRAINT offers_one_ref UNIQUE (ref),
	CONSTRAINT offers_to_accounts FOREIGN KEY(account_id) REFERENCES accounts (id)
);

CREATE TABLE origin_counts (
	origin_id BIGINT NOT NULL,
	list_id BIGINT NOT NULL,
	hour INTEGER NOT NULL,
	what TEXT NOT NULL,
	shard SMALLINT NOT NULL,
	n BIGINT NOT NULL,
	segments BIGINT NOT NULL,
	amount BIGINT NOT NULL,
	CONSTRAINT origin_counts_key PRIMARY KEY (origin_id, list_id, hour, what, shard)
)
 WITHOUT ROWID;

CREATE TABLE origins (
	id INTEGER NOT NULL,
	account_id BIGINT NOT NULL,
	kind TEXT NOT NULL,
	of_id BIGINT NOT NULL,
	version INTEGER NOT NULL,
	part TEXT NOT NULL,
	creative_id BIGINT,
	offers TEXT NOT NULL,
	CONSTRAINT origins_key PRIMARY KEY (id),
	CONSTRAINT origins_one_account_id_kind_of_id_version_part UNIQUE (account_id, kind, of_id, version, part)
);

CREATE TABLE outbox (
	id INTEGER NOT NULL,
	endpoint_id BIGINT NOT NULL,
	kind TEXT NOT NULL,
	ref BIGINT NOT NULL,
	at BIGINT NOT NULL,
	due_at BIGINT,
	told BOOLEAN NOT NULL,
	attempts SMALLINT NOT NULL,
	retries SMALLINT NOT NULL,
	body BLOB,
	CONSTRAINT outbox_key PRIMARY KEY (id)
);

CREATE TABLE parked_receipts (
	id INTEGER NOT NULL,
	connector_id BIGINT NOT NULL,
	carrier_ref TEXT NOT NULL,
	status TEXT,
	detail TEXT NOT NULL,
	received_at BIGINT NOT NULL,
	trouble TEXT,
	CONSTRAINT parked_receipts_key PRIMARY KEY (id)
);

CREATE TABLE postback_settings (
	account_id INTEGER NOT NULL,
	currency TEXT NOT NULL,
	click_window_days SMALLINT,
	open_links BOOLEAN NOT NULL,
	secret BLOB,
	old_secret BLOB,
	old_secret_until BIGINT,
	CONSTRAINT postback_settings_key PRIMARY KEY (account_id)
)
 WITHOUT ROWID;

CREATE TABLE queue (
	lane SMALLINT NOT NULL,
	list_id BIGINT NOT NULL,
	rank SMALLINT NOT NULL,
	due_at BIGINT NOT NULL,
	number BIGINT NOT NULL,
	CONSTRAINT queue_key PRIMARY KEY (lane, list_id, rank, due_at, number)
)
 WITHOUT ROWID;

CREATE TABLE recipient_troubles (
	list_id BIGINT NOT NULL,
	recipient BIGINT NOT NULL,
	number BIGINT NOT NULL,
	at BIGINT NOT NULL,
	CONSTRAINT recipient_troubles_key PRIMARY KEY (list_id, recipient, number)
)
 WITHOUT ROWID;

CREATE TABLE refused_callbacks (
	id INTEGER NOT NULL,
	connector_id BIGINT NOT NULL,
	received_at BIGINT NOT NULL,
	refused_at BIGINT NOT NULL,
	about TEXT NOT NULL,
	size BIGINT NOT NULL,
	reason TEXT NOT NULL,
	raw BLOB NOT NULL,
	CONSTRAINT refused_callbacks_key PRIMARY KEY (id)
);

CREATE TABLE replies (
	id INTEGER NOT NULL,
	account_id BIGINT NOT NULL,
	list_id BIGINT NOT NULL,
	sender BIGINT NOT NULL,
	body TEXT NOT NULL,
	keyword TEXT,
	received_at BIGINT NOT NULL,
	rule TEXT,
	review BOOLEAN DEFAULT 0 NOT NULL,
	word TEXT,
	seen_at BIGINT,
	verdict TEXT,
	CONSTRAINT replies_key PRIMARY KEY (id)
);

CREATE TABLE reply_parts (
	connector_id BIGINT NOT NULL,
	sender BIGINT NOT NULL,
	list_number BIGINT NOT NULL,
	reference INTEGER NOT NULL,
	total SMALLINT NOT NULL,
	number SMALLINT NOT NULL,
	body TEXT NOT NULL,
	octets BLOB,
	alphabet TEXT,
	answered BOOLEAN NOT NULL,
	joined BOOLEAN NOT NULL,
	received_at BIGINT NOT NULL,
	CONSTRAINT reply_parts_key PRIMARY KEY (connector_id, sender, list_number, reference, total, number)
)
 WITHOUT ROWID;

CREATE TABLE reply_refs (
	connector_id BIGINT NOT NULL,
	carrier_ref TEXT NOT NULL,
	received_at BIGINT NOT NULL,
	CONSTRAINT reply_refs_key PRIMARY KEY (connector_id, carrier_ref)
)
 WITHOUT ROWID;

CREATE TABLE run_recipients (
	run_id INTEGER NOT NULL,
	recipient BIGINT NOT NULL,
	variant SMALLINT NOT NULL,
	CONSTRAINT run_recipients_key PRIMARY KEY (run_id, recipient)
)
 WITHOUT ROWID;

CREATE TABLE run_waves (
	run_id INTEGER NOT NULL,
	wave SMALLINT NOT NULL,
	account_id INTEGER NOT NULL,
	due_at BIGINT NOT NULL,
	ends_at BIGINT NOT NULL,
	ranges TEXT NOT NULL,
	is_rest BOOLEAN NOT NULL,
	told TEXT,
	cursor BIGINT NOT NULL,
	done BOOLEAN NOT NULL,
	CONSTRAINT run_waves_key PRIMARY KEY (run_id, wave)
)
 WITHOUT ROWID;

CREATE TABLE runs (
	id INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	schedule_id INTEGER NOT NULL,
	local_date TEXT NOT NULL,
	state TEXT NOT NULL,
	reason TEXT,
	content TEXT NOT NULL,
	version SMALLINT NOT NULL,
	due_at BIGINT NOT NULL,
	ends_at BIGINT NOT NULL,
	started_at BIGINT,
	ended_at BIGINT,
	turn_at BIGINT NOT NULL,
	planned BIGINT NOT NULL,
	held_out BIGINT NOT NULL,
	left_out TEXT NOT NULL,
	variants TEXT NOT NULL,
	sweep TEXT,
	remembers BOOLEAN NOT NULL,
	moments TEXT,
	CONSTRAINT runs_key PRIMARY KEY (id),
	CONSTRAINT runs_one_account_id_schedule_id_local_date UNIQUE (account_id, schedule_id, local_date)
);

CREATE TABLE scheduled (
	lane SMALLINT NOT NULL,
	number BIGINT NOT NULL,
	send_at BIGINT NOT NULL,
	account_id BIGINT NOT NULL,
	list_id BIGINT NOT NULL,
	rank SMALLINT NOT NULL,
	CONSTRAINT scheduled_key PRIMARY KEY (lane, number)
)
 WITHOUT ROWID;

CREATE TABLE schedules (
	id INTEGER NOT NULL,
	ref TEXT NOT NULL,
	account_id INTEGER NOT NULL,
	status TEXT NOT NULL,
	terms TEXT NOT NULL,
	on_since BIGINT,
	next_at BIGINT,
	last_date TEXT,
	created_at BIGINT NOT NULL,
	updated_at BIGINT NOT NULL,
	CONSTRAINT schedules_key PRIMARY KEY (id),
	CONSTRAINT schedules_one_ref UNIQUE (ref),
	CONSTRAINT schedules_to_accounts FOREIGN KEY(account_id) REFERENCES accounts (id)
);

CREATE TABLE sender_owners (
	connector_id INTEGER NOT NULL,
	number BIGINT NOT NULL,
	account_id INTEGER NOT NULL,
	since BIGINT NOT NULL,
	CONSTRAINT sender_owners_key PRIMARY KEY (connector_id, number),
	CONSTRAINT sender_owners_to_accounts FOREIGN KEY(account_id) REFERENCES accounts (id)
)
 WITHOUT ROWID;

CREATE TABLE short_links (
	id INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	list_id BIGINT NOT NULL,
	destination_id BIGINT NOT NULL,
	recipient BIGINT,
	metadata TEXT,
	created_at BIGINT NOT NULL,
	clicks INTEGER NOT NULL,
	human_clicks INTEGER NOT NULL,
	last_clicked_at BIGINT,
	CONSTRAINT short_links_key PRIMARY KEY (id)
);

CREATE TABLE signup_counts (
	list_id BIGINT NOT NULL,
	day INTEGER NOT NULL,
	shard SMALLINT NOT NULL,
	n BIGINT NOT NULL,
	CONSTRAINT signup_counts_key PRIMARY KEY (list_id, day, shard)
)
 WITHOUT ROWID;

CREATE TABLE tracking_domains (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	account_id INTEGER NOT NULL,
	host TEXT NOT NULL,
	home_url TEXT,
	fallback_url TEXT,
	letters SMALLINT NOT NULL,
	is_default BOOLEAN NOT NULL,
	token TEXT NOT NULL,
	verified_at BIGINT,
	checked_at BIGINT,
	problem TEXT,
	created_at BIGINT NOT NULL,
	CONSTRAINT tracking_domains_one_host UNIQUE (host),
	CONSTRAINT tracking_domains_to_accounts FOREIGN KEY(account_id) REFERENCES accounts (id)
);

CREATE TABLE upload_pieces (
	upload_id BIGINT NOT NULL,
	number INTEGER NOT NULL,
	account_id BIGINT NOT NULL,
	content BLOB NOT NULL,
	CONSTRAINT upload_pieces_key PRIMARY KEY (upload_id, number)
);

CREATE TABLE uploads (
	id INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	list_id INTEGER NOT NULL,
	name TEXT NOT NULL,
	source TEXT NOT NULL,
	country TEXT NOT NULL,
	fields TEXT DEFAULT '{}' NOT NULL,
	state TEXT NOT NULL,
	size BIGINT NOT NULL,
	done BIGINT NOT NULL,
	report TEXT NOT NULL,
	fault TEXT NOT NULL,
	created_by TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	started_at BIGINT,
	beat_at BIGINT NOT NULL,
	ended_at BIGINT,
	has_pieces BOOLEAN NOT NULL,
	CONSTRAINT uploads_key PRIMARY KEY (id),
	CONSTRAINT uploads_to_accounts FOREIGN KEY(account_id) REFERENCES accounts (id),
	CONSTRAINT uploads_to_lists FOREIGN KEY(list_id) REFERENCES lists (id)
);

CREATE TABLE user_sessions (
	id INTEGER NOT NULL,
	user_id INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	digest BLOB NOT NULL,
	created_at BIGINT NOT NULL,
	used_at BIGINT NOT NULL,
	confirmed_at BIGINT NOT NULL,
	agent TEXT NOT NULL,
	address TEXT NOT NULL,
	CONSTRAINT user_sessions_key PRIMARY KEY (id),
	CONSTRAINT user_sessions_one_digest UNIQUE (digest),
	CONSTRAINT user_sessions_to_users FOREIGN KEY(user_id) REFERENCES users (id),
	CONSTRAINT user_sessions_to_accounts FOREIGN KEY(account_id) REFERENCES accounts (id)
);

CREATE TABLE users (
	id INTEGER NOT NULL,
	email TEXT NOT NULL,
	name TEXT NOT NULL,
	is_operator BOOLEAN NOT NULL,
	password TEXT NOT NULL,
	totp BLOB,
	totp_since BIGINT,
	totp_step BIGINT,
	created_at BIGINT NOT NULL,
	disabled_at BIGINT,
	CONSTRAINT users_key PRIMARY KEY (id),
	CONSTRAINT users_one_email UNIQUE (email)
);

CREATE TABLE verifications (
	list_id INTEGER NOT NULL,
	checked_at BIGINT NOT NULL,
	checked TEXT NOT NULL,
	sent_at BIGINT,
	recipient BIGINT,
	message_number BIGINT,
	CONSTRAINT verifications_key PRIMARY KEY (list_id)
)
 WITHOUT ROWID;

CREATE TABLE watched_members (
	list_id INTEGER NOT NULL,
	journey_id INTEGER NOT NULL,
	recipient BIGINT NOT NULL,
	CONSTRAINT watched_members_key PRIMARY KEY (list_id, journey_id, recipient)
)
 WITHOUT ROWID;

CREATE TABLE webhook_attempts (
	event_id BIGINT NOT NULL,
	attempt SMALLINT NOT NULL,
	endpoint_id BIGINT NOT NULL,
	started_at BIGINT NOT NULL,
	ended_at BIGINT NOT NULL,
	outcome TEXT NOT NULL,
	status SMALLINT,
	detail TEXT NOT NULL,
	CONSTRAINT webhook_attempts_key PRIMARY KEY (event_id, attempt)
)
 WITHOUT ROWID;

CREATE TABLE webhook_endpoints (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	account_id INTEGER NOT NULL,
	name TEXT NOT NULL,
	url TEXT NOT NULL,
	events TEXT NOT NULL,
	list_id INTEGER,
	state TEXT NOT NULL,
	secret BLOB NOT NULL,
	old_secret BLOB,
	old_secret_until BIGINT,
	failing_since BIGINT,
	listens_until BIGINT,
	created_at BIGINT NOT NULL,
	CONSTRAINT webhook_endpoints_to_accounts FOREIGN KEY(account_id) REFERENCES accounts (id),
	CONSTRAINT webhook_endpoints_to_lists FOREIGN KEY(list_id) REFERENCES lists (id)
);

CREATE INDEX agents_by_seen_on ON agents (seen_on);

CREATE INDEX audiences_by_account_id ON audiences (account_id);

CREATE INDEX audit_by_account_id ON audit (account_id);

CREATE INDEX audit_imports_begun ON audit (at) WHERE action = 'import.begun';

CREATE INDEX auto_replies_by_queued_at_asked_at ON auto_replies (queued_at, asked_at);

CREATE INDEX carrier_refs_by_number ON carrier_refs (number);

CREATE INDEX cohort_counts_by_day ON cohort_counts (day);

CREATE INDEX connectors_by_old_token_digest ON connectors (old_token_digest);

CREATE INDEX connectors_by_token_digest ON connectors (token_digest);

CREATE INDEX consent_events_by_list_id_recipient ON consent_events (list_id, recipient);

CREATE INDEX contacts_to_look_up ON contacts (account_id, recipient) WHERE looked_up_at IS NULL;

CREATE INDEX contacts_told_zones ON contacts (account_id, told_zone, recipient) WHERE told_zone IS NOT NULL;

CREATE INDEX conversions_by_account_id_link_id ON conversions (account_id, link_id) WHERE link_id IS NOT NULL;

CREATE INDEX conversions_by_account_id_number ON conversions (account_id, number);

CREATE INDEX conversions_by_account_id_offer_id_external_id ON conversions (account_id, offer_id, external_id);

CREATE INDEX coupons_by_code ON coupons (code);

CREATE INDEX creatives_by_account_id ON creatives (account_id);

CREATE INDEX enrolments_due ON enrolments (lane, due_at) WHERE due_at IS NOT NULL;

CREATE INDEX enrolments_over ON enrolments (ends_at) WHERE due_at IS NULL;

CREATE INDEX enrolments_running ON enrolments (journey_id, recipient) WHERE due_at IS NOT NULL;

CREATE INDEX idempotency_by_created_at ON idempotency (created_at);

CREATE INDEX imported_sends_by_list_id_recipient ON imported_sends (list_id, recipient);

CREATE INDEX invitations_by_account_id ON invitations (account_id);

CREATE INDEX journey_tasks_by_journey_id ON journey_tasks (journey_id);

CREATE INDEX journey_tasks_open ON journey_tasks (id) WHERE ended_at IS NULL;

CREATE INDEX list_contacts_by_signup ON list_contacts (list_id, signup_at, recipient, active);

CREATE INDEX list_contacts_left ON list_contacts (list_id, active, signup_at, recipient) WHERE active = 0;

CREATE INDEX list_contacts_sample ON list_contacts (list_id, active, recipient, signup_at, custom_fields) WHERE recipient % 61 = 0;

CREATE INDEX list_domains_by_domain_id ON list_domains (domain_id);

CREATE INDEX lists_by_number ON lists (number);

CREATE INDEX memberships_by_user_id ON memberships (user_id);

CREATE INDEX message_clicks_by_account_id_offer_id_at ON message_clicks (account_id, offer_id, at) WHERE at IS NOT NULL;

CREATE INDEX messages_unsettled ON messages (status, number) WHERE status IN ('sending', 'uncertain');

CREATE INDEX offers_by_account_id_external_id ON offers (account_id, external_id);

CREATE INDEX origin_counts_by_hour ON origin_counts (hour);

CREATE INDEX origin_counts_by_list_id_hour ON origin_counts (list_id, hour);

CREATE INDEX outbox_again ON outbox (endpoint_id, due_at, id) WHERE due_at IS NOT NULL AND retries > 0;

CREATE INDEX outbox_by_ref ON outbox (ref);

CREATE INDEX outbox_due ON outbox (endpoint_id, due_at, id) WHERE due_at IS NOT NULL;

CREATE INDEX parked_receipts_by_received_at ON parked_receipts (received_at);

CREATE INDEX recipient_troubles_by_at ON recipient_troubles (at);

CREATE INDEX replies_by_account_id ON replies (account_id);

CREATE INDEX replies_by_account_id_sender ON replies (account_id, sender);

CREATE INDEX replies_to_review ON replies (account_id) WHERE review AND verdict IS NULL;

CREATE INDEX replies_unseen ON replies (account_id) WHERE seen_at IS NULL AND keyword IS NULL;

CREATE INDEX reply_parts_by_received_at ON reply_parts (received_at);

CREATE INDEX reply_refs_by_received_at ON reply_refs (received_at);

CREATE INDEX runs_by_account_id_local_date ON runs (account_id, local_date);

CREATE INDEX runs_open ON runs (state, turn_at) WHERE state IN ('due', 'running', 'paused');

CREATE INDEX runs_remembered ON runs (ended_at) WHERE remembers;

CREATE INDEX runs_to_sweep ON runs (sweep) WHERE sweep IS NOT NULL;

CREATE INDEX scheduled_by_account_id ON scheduled (account_id);

CREATE INDEX scheduled_by_send_at ON scheduled (send_at);

CREATE INDEX schedules_by_account_id ON schedules (account_id);

CREATE INDEX schedules_due ON schedules (next_at) WHERE next_at IS NOT NULL;

CREATE INDEX short_links_by_account_id ON short_links (account_id);

CREATE INDEX tracking_domains_by_account_id ON tracking_domains (account_id);

CREATE INDEX uploads_by_account_id ON uploads (account_id);

CREATE INDEX user_sessions_by_user_id ON user_sessions (user_id);

CREATE INDEX webhook_attempts_by_endpoint_id_event_id ON webhook_attempts (endpoint_id, event_id);

CREATE INDEX webhook_endpoints_by_account_id ON webhook_endpoints (account_id);

INSERT INTO alembic_version VALUES ('0001');
