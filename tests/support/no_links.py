"""What binds the links of orders where no order has any, and finds no domain for them."""


class NoLinks:
    def bind(self, _tx, line, _refusals, _learned, _now):
        return line


class NoDomains:
    """Links of an account without a tracking domain."""

    def host_of(self, _tx, _sender):
        return None
