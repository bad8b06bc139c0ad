"""What a browser sends of the forms of a page, when nothing was typed and no button pressed."""

from html.parser import HTMLParser


class _Fields(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found, self._select, self._text = {}, None, None

    def handle_starttag(self, tag, attrs):
        each = dict(attrs)
        match tag:
            case "input" if "name" in each:
                is_box = each.get("type") in {"checkbox", "radio"}
                if not is_box or "checked" in each:
                    self.found[each["name"]] = each.get("value") or ""
            case "select":
                self._select = each["name"]
            case "option" if self._select is not None:
                if "selected" in each or self._select not in self.found:
                    self.found[self._select] = each.get("value") or ""
            case "textarea":
                self._text = each["name"]
                self.found[self._text] = ""

    def handle_data(self, data):
        if self._text is not None:
            self.found[self._text] += data

    def handle_endtag(self, tag):
        if tag == "select":
            self._select = None
        if tag == "textarea":
            # The line break after the tag is no part of the text.
            self.found[self._text] = self.found[self._text].removeprefix("\n")
            self._text = None


def fields_of(html):
    """Return the fields of a page, the last value of each name, without the form's token."""
    fields = _Fields()
    fields.feed(html)
    fields.found.pop("form_token", None)
    return fields.found
