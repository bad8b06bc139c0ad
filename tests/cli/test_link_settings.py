"""`sendrail link-settings`."""


def test_how_links_treat_visitors_is_shown_and_changed(shell):
    usual = shell.json("link-settings", "show")
    assert usual["filter_bots"] is False
    assert usual["page_button"] == "Continue"
    changed = shell.json(
        "link-settings", "set", "--filter-bots", "--title", "Nearly there", "--language", "en-GB"
    )
    given = {"filter_bots": True, "page_title": "Nearly there", "page_language": "en-GB"}
    assert changed == usual | given
    assert shell.json("link-settings", "set", "--title", "")["page_title"] == usual["page_title"]
    assert "filter_bots\tyes" in shell.run("link-settings", "show").stdout
    assert shell.json("link-settings", "set", "--no-filter-bots")["filter_bots"] is False
    assert shell.error("link-settings", "set", "--title", "x" * 81) == (2, "invalid_field")
