"""`sendrail postbacks`, and the coupons of `sendrail offers`."""


def test_how_conversions_are_taken_is_shown_and_changed(shell):
    blank = {
        "currency": "USD",
        "click_window_days": None,
        "open_links": False,
        "has_postback_secret": False,
    }
    assert shell.json("postbacks", "show") == blank
    changed = shell.json("postbacks", "set", "--currency", "eur", "--window", "30", "--open-links")
    assert changed == blank | {"currency": "EUR", "click_window_days": 30, "open_links": True}
    assert shell.json("postbacks", "set", "--window", "0")["click_window_days"] is None
    assert shell.json("postbacks", "secret")["postback_secret"].startswith("pbs_")
    assert "has_postback_secret\tyes" in shell.run("postbacks", "show").stdout
    assert shell.error("postbacks", "set", "--currency", "euro") == (2, "invalid_field")


def test_an_offer_has_coupons(shell):
    url = "https://shop.example/"
    first, second = (shell.json("offers", "add", name, url)["id"] for name in ("A", "B"))
    assert shell.json("offers", "coupons", first, "summer", "WINTER") == {
        "coupons": ["SUMMER", "WINTER"]
    }
    assert shell.error("offers", "coupons", second, "Summer") == (1, "coupon_taken")
    assert shell.json("offers", "coupons", first, "winter") == {"coupons": ["WINTER"]}
    assert shell.json("offers", "coupons", second, "Summer") == {"coupons": ["SUMMER"]}
    assert shell.error("offers", "coupons", first, "x" * 65) == (2, "invalid_field")
    assert shell.json("offers", "coupons", first, "--none") == {"coupons": []}
