"""Where a caller lets links lead: one rule for offers, texts, links and domains."""

from urllib.parse import urlsplit

from sendrail.domain.destinations import DestinationRules, read_destination
from sendrail.domain.errors import InvalidInput
from sendrail.domain.link_macros import macro_fault
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
    text = text.strip()
    url = read_destination(text, rules, param or name)
    fault = url.text if isinstance(url, Fault) else macro_fault(text)
    if fault is None and own_host and urlsplit(str(url)).hostname == own_host:
        fault = "leads to the domain itself"
    if fault is not None:
        problem = fault.removeprefix("A link ")
        raise InvalidInput(f"{name} {problem}", code="invalid_url", param=param or name)
    return str(url)
