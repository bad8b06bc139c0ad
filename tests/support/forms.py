"""The forms of a page as a browser would send them: each field with the value that it shows."""

from html.parser import HTMLParser


class Form:
    """One form: where it goes, and what it says as it stands."""

    def __init__(self, action):
        self.action, self.fields = action, {}


class Forms(HTMLParser):
    """All forms of a page, in their order; fields stand within their form."""

    def __init__(self, html):
        super().__init__()
        self.all, self._form, self._select, self._area = [], None, None, None
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        about = dict(attrs)
        name = about.get("name")
        if tag == "form":
            self._form = Form(about.get("action", ""))
            self.all.append(self._form)
        elif self._form is None:
            return
        elif tag == "input" and name:
            kind = about.get("type", "text")
            if kind not in {"checkbox", "radio"} or "checked" in about:
                self._form.fields[name] = about.get("value") or (
                    "on" if kind in {"checkbox", "radio"} and "value" not in about else ""
                )
        elif tag == "select" and name:
            self._select = name
        elif tag == "option" and self._select:
            if self._select not in self._form.fields or "selected" in about:
                self._form.fields[self._select] = about.get("value") or ""
        elif tag == "textarea" and name:
            self._area, self._form.fields[name] = name, ""

    def handle_endtag(self, tag):
        if tag == "form":
            self._form = None
        elif tag == "select":
            self._select = None
        elif tag == "textarea" and self._area:
            # HTML, 13.2.6.4.7: a line feed behind the tag is none of the text.
            written = self._form.fields[self._area]
            self._form.fields[self._area] = written.removeprefix("\n")
            self._area = None

    def handle_data(self, data):
        if self._area:
            self._form.fields[self._area] += data

    def to(self, ending):
        """Return the one form whose address ends so."""
        [found] = [each for each in self.all if each.action.endswith(ending)]
        return found
