"""Round trips to a database, counted; and bounds for them."""

from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import event

# What the driver asks by itself, once for each type of array on a connection.
DRIVERS_OWN = ("typeinfo_tree", "set_config('jit'")


@dataclass(frozen=True)
class Bound:
    """So many round trips for a round, and so many more for each lane (or list) in it."""

    fixed: int
    a_lane: int = 0

    def at(self, lanes):
        return self.fixed + self.a_lane * lanes


@contextmanager
def heard(store):
    """Collect the statements of every connection that a store has, also of those beside it."""
    ran = []

    def hear_core(_connection, _cursor, statement, *_):
        ran.append(" ".join(statement.split()))

    def hear_driver(query):
        ran.append(" ".join(query.query.split()))

    stores = [store, *store._others]
    sessions = [each for one in stores for each in (*one._writers, *one._readers)]
    event.listen(store.engine, "before_cursor_execute", hear_core)
    raws = [each.tx.driver.raw for each in sessions if each._core is not None]
    for raw in raws:
        raw.add_query_logger(hear_driver)
    try:
        yield ran
    finally:
        event.remove(store.engine, "before_cursor_execute", hear_core)
        for raw in raws:
            raw.remove_query_logger(hear_driver)
        after = [each.tx.driver.raw for each in sessions if each._core is not None]
        assert after == raws, "each connection was there before: else it was not heard"


def counted(ran):
    return len([each for each in ran if not any(own in each for own in DRIVERS_OWN)])
