"""Where a caller lets links lead: one rule for offers, texts, links and domains."""

from urllib.parse import urlsplit

from sendrail.domain.destinations import DestinationRules, read_macro_url
from sendrail.domain.errors import InvalidInput
from sendrail.domain.order import Fault


def destination_of(
    text: str,
    rules: DestinationRules,
    name: str,
    param: str | None = None,
    *,
    own_host: str | None = None,
) -> str:
    """Return a URL that links may lead to, perhaps with macros, in its normal form.

    `name` says in an error which URL it is, and `param` the field at fault, else `name` does.
    `own_host` is one more that must not be led to. Raises `InvalidInput`.
    """
    url = read_macro_url(text.strip(), rules, param or name)
    if isinstance(url, Fault):
        problem = url.text.removeprefix("A link ")
    elif own_host and urlsplit(url).hostname == own_host:
        problem = "leads to the domain itself"
    else:
        return url
    raise InvalidInput(f"{name} {problem}", code="invalid_url", param=param or name)
