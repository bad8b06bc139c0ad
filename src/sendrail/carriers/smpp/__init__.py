"""SMPP 3.4 and 5.0: the client (ESME) of an operator's or aggregator's message centre (SMSC)."""
