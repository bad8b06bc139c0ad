"""The common base of HTTP carriers; a carrier builds the requests and parses the answers.

`carrier.HttpCarrier` is the base class; `client` is the only file with a socket.
"""
