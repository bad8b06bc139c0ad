"""An SMSC made of smpp.twisted3, for `pytest -m slow`: a strict third codec, with bind limits.

It wants a Python of its own, with `pip install smpp.twisted3==0.8`; the first line on
standard output is its port.
"""

from smpp.pdu.pdu_types import CommandStatus
from smpp.twisted.config import SMPPServerConfig
from smpp.twisted.protocol import DataHandlerResponse
from smpp.twisted.server import SMPPServerFactory
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import IRealm, Portal
from twisted.internet import reactor
from zope.interface import implementer

taken = 0


@implementer(IRealm)
class Realm:
    def requestAvatar(self, avatar_id, _mind, *_interfaces):  # noqa: N802 - Twisted's name
        return IRealm, avatar_id, lambda: None


def take(_system_id, _smpp, _pdu):
    global taken  # noqa: PLW0603 - one process, one counter
    taken += 1
    return DataHandlerResponse(CommandStatus.ESME_ROK, message_id=b"%d" % taken)


checker = InMemoryUsernamePasswordDatabaseDontUse()
checker.addUser("esme", "secret")
config = SMPPServerConfig(msgHandler=take, systems={"esme": {"max_bindings": 2}})
factory = SMPPServerFactory(config, Portal(Realm(), [checker]))
port = reactor.listenTCP(0, factory, interface="127.0.0.1")
print(port.getHost().port, flush=True)
reactor.run()
