"""What a transaction reaches by SQLAlchemy Core, the same on every database.

A store's own transaction adds what is hot, on the driver itself, and replaces here what its
database does otherwise. Each set of statements is made when it is first asked for.
"""

from functools import cached_property

from sqlalchemy import Connection

from sendrail.domain.erasure import Pseudonyms
from sendrail.storage.accounts.accounts import Accounts
from sendrail.storage.accounts.audit import Audit
from sendrail.storage.accounts.connectors import Connectors
from sendrail.storage.accounts.installation_values import InstallationValues
from sendrail.storage.accounts.lists import Lists
from sendrail.storage.accounts.senders import Senders
from sendrail.storage.accounts.verifications import Verifications
from sendrail.storage.contacts.blocks import Blocks
from sendrail.storage.contacts.bounces import Bounces
from sendrail.storage.contacts.contacts import Contacts
from sendrail.storage.contacts.erased import Erased
from sendrail.storage.contacts.erasure import Erasure
from sendrail.storage.contacts.exports import Exports
from sendrail.storage.contacts.imported import Imported
from sendrail.storage.contacts.journeys import Journeys
from sendrail.storage.contacts.numbers import Numbers
from sendrail.storage.contacts.signups import SignUps
from sendrail.storage.pipeline.auto_replies import AutoReplies
from sendrail.storage.pipeline.endpoints import Endpoints
from sendrail.storage.pipeline.lookup import LookUp
from sendrail.storage.pipeline.refused import RefusedCallbacks
from sendrail.storage.pipeline.reply_log import ReplyLog


class CoreTx:
    """One transaction's settings, contacts and look-ups."""

    def __init__(self, core: Connection, pseudonyms: Pseudonyms) -> None:
        self.core = core
        self._pseudonyms = pseudonyms

    @cached_property
    def accounts(self) -> Accounts:
        return Accounts(self.core)

    @cached_property
    def connectors(self) -> Connectors:
        return Connectors(self.core)

    @cached_property
    def lists(self) -> Lists:
        return Lists(self.core)

    @cached_property
    def senders(self) -> Senders:
        return Senders(self.core)

    @cached_property
    def verifications(self) -> Verifications:
        return Verifications(self.core)

    @cached_property
    def installation_values(self) -> InstallationValues:
        return InstallationValues(self.core)

    @cached_property
    def contacts(self) -> Contacts:
        return Contacts(self.core, self.erased)

    @cached_property
    def erased(self) -> Erased:
        return Erased(self.core, self._pseudonyms)

    @cached_property
    def erasure(self) -> Erasure:
        return Erasure(self.core, self.erased)

    @cached_property
    def imported(self) -> Imported:
        return Imported(self.core, self.erased)

    @cached_property
    def exports(self) -> Exports:
        return Exports(self.core)

    @cached_property
    def numbers(self) -> Numbers:
        return Numbers(self.core)

    @cached_property
    def audit(self) -> Audit:
        return Audit(self.core)

    @cached_property
    def signups(self) -> SignUps:
        return SignUps(self.core)

    @cached_property
    def blocks(self) -> Blocks:
        return Blocks(self.core)

    @cached_property
    def journeys(self) -> Journeys:
        return Journeys(self.core)

    @cached_property
    def endpoints(self) -> Endpoints:
        return Endpoints(self.core)

    @cached_property
    def auto_replies(self) -> AutoReplies:
        return AutoReplies(self.core)

    @cached_property
    def reply_log(self) -> ReplyLog:
        return ReplyLog(self.core)

    @cached_property
    def refused(self) -> RefusedCallbacks:
        return RefusedCallbacks(self.core)

    @cached_property
    def bounces(self) -> Bounces:
        return Bounces(self.core, self.contacts)

    @cached_property
    def lookup(self) -> LookUp:
        return LookUp(self.core)
