"""Verification of callbacks for vendors without a public signature scheme.

What a vendor offers depends on the account, so every proof is a setting. A callback is genuine when
one of the configured proofs is valid: a vendor may sign its replies and not its receipts.
"""

from base64 import b64encode
from collections.abc import Sequence
from typing import Annotated, Final, Literal

from msgspec import Meta

from sendrail.carriers.http import callbacks, signatures
from sendrail.carriers.http.carrier import HttpSettings
from sendrail.carriers.sdk import CallbackRequest, Secret, about
from sendrail.domain.errors import CarrierTrouble

# A shorter token could be guessed; a longer one does not fit into the URLs that vendors take.
CallbackToken = Annotated[
    str,
    Meta(
        min_length=16,
        max_length=64,
        pattern=r"^[0-9A-Za-z_-]*\Z",
        extra_json_schema={"writeOnly": True},
    ),
]
_HEADER: Final = r"^[0-9A-Za-z-]+\Z"  # The part of RFC 9110, 5.6.2 that vendors use.


class ProofSettings(HttpSettings, frozen=True, kw_only=True):
    """How a vendor that signs by no fixed scheme proves its callbacks.

    Each secret has a second one, which is accepted as well while secrets are rotated.
    """

    callback_token: Annotated[
        CallbackToken | None,
        about(
            "A secret in the callback URL, 16 to 64 letters, digits, `-` and `_`.", shown_first=True
        ),
    ] = None
    callback_token_secondary: Annotated[
        CallbackToken | None, about("A second one, accepted while you rotate.")
    ] = None
    callback_user: Annotated[
        str, about("The user name of callbacks with Basic authentication.")
    ] = ""
    callback_password: Annotated[Secret | None, about("Its password.")] = None
    callback_password_secondary: Annotated[Secret | None, about("A second one.")] = None
    signature_secret: Annotated[
        Secret | None, about("The key of callbacks that are signed by HMAC over their body.")
    ] = None
    signature_secret_secondary: Annotated[Secret | None, about("A second one.")] = None
    signature_header: Annotated[
        str, Meta(pattern=_HEADER), about("The header with the signature.")
    ] = "x-signature"
    signature_algorithm: Annotated[
        Literal["sha1", "sha256", "sha512"], about("`sha1`, `sha256` or `sha512`.")
    ] = "sha256"
    signature_encoding: Annotated[Literal["hex", "base64"], about("`hex` or `base64`.")] = "hex"
    signature_prefix: Annotated[str, about("The text before the signature, such as `sha256=`.")] = (
        ""
    )


class Proofs:
    """The proofs that a connector's settings require."""

    def __init__(self, chosen: ProofSettings) -> None:
        self._chosen = chosen
        self._tokens = given(chosen.callback_token, chosen.callback_token_secondary)
        self._passwords = given(chosen.callback_password, chosen.callback_password_secondary)
        self._secrets = given(chosen.signature_secret, chosen.signature_secret_secondary)
        if not (self._tokens or self._passwords or self._secrets):
            raise CarrierTrouble(
                "Nothing proves callbacks: set callback_token, callback_password or"
                " signature_secret.",
                param="callback_token",
            )

    def url(self, callback_url: str) -> str:
        """Return the callback URL to give to the vendor: with the token, if there is one."""
        token = self._chosen.callback_token
        return callback_url if token is None else callbacks.with_token(callback_url, token)

    def verify(self, request: CallbackRequest) -> bool:
        """Return whether the request carries a valid proof; all are tried, for constant time."""
        token = callbacks.token_of(request) or ""
        pairs = [(self._chosen.callback_user, password) for password in self._passwords]
        held = (
            signatures.matches(token, self._tokens),
            signatures.basic_matches(request.headers.get("authorization", ""), pairs),
            self._is_signed(request),
        )
        return any(held)

    def _is_signed(self, request: CallbackRequest) -> bool:
        chosen = self._chosen
        if not request.body:
            # All empty bodies have the same signature, which proves nothing about the URL.
            return False
        signature = request.headers.get(chosen.signature_header.lower(), "")
        signature = signature.removeprefix(chosen.signature_prefix)
        if chosen.signature_encoding == "hex":
            signature = signature.lower()
        expected = [self._signature(secret, request.body) for secret in self._secrets]
        return signatures.matches(signature, expected)

    def _signature(self, secret: str, body: bytes) -> str:
        made = signatures.digest(secret, body, self._chosen.signature_algorithm)
        if self._chosen.signature_encoding == "hex":
            return made.hex()
        return b64encode(made).decode("ascii")


def given(*secrets: str | None) -> Sequence[str]:
    """Return the secrets that are not empty."""
    return [secret for secret in secrets if secret is not None]
