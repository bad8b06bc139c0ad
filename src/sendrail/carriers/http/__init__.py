"""The kit for carriers that are reached by HTTP: one says what to ask and how to read the answer.

`carrier.HttpCarrier` is what such a carrier is built on; `client` is the only file with a socket.
"""
