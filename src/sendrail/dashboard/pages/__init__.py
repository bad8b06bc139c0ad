"""The pages: one module for each subject, with its routes; here all of them are put together."""

from typing import Final

from sendrail.dashboard.pages import (
    audiences,
    audit,
    campaigns,
    connectors,
    contacts,
    creatives,
    journeys,
    keys,
    lists,
    messages,
    offers,
    overview,
    reports,
    runs,
    sandbox,
    sending,
    signing_in,
    team,
    webhooks,
    you,
)

ROUTES: Final = (
    *signing_in.ROUTES,
    *overview.ROUTES,
    *messages.ROUTES,
    *contacts.ROUTES,
    *sending.ROUTES,
    *lists.ROUTES,
    *audiences.ROUTES,
    *campaigns.ROUTES,
    *runs.ROUTES,
    *creatives.ROUTES,
    *offers.ROUTES,
    *reports.ROUTES,
    *journeys.ROUTES,
    *connectors.ROUTES,
    *webhooks.ROUTES,
    *keys.ROUTES,
    *sandbox.ROUTES,
    *team.ROUTES,
    *audit.ROUTES,
    *you.ROUTES,
)
