"""A time that a test owns: the clock of a database, and those of the processes that share it.

What a database asks for as `clock_timestamp()` is found in a schema of ours before its own, by
those who connect by our URL. So leases lapse when a test says so, however slow the machine is.
"""

import postgres

_SCHEMA = "owned_time"
_MAKE = (
    f"CREATE SCHEMA IF NOT EXISTS {_SCHEMA}",
    f"CREATE TABLE IF NOT EXISTS {_SCHEMA}.clock (ms bigint NOT NULL)",
    f"""CREATE OR REPLACE FUNCTION {_SCHEMA}.clock_timestamp() RETURNS timestamptz
        LANGUAGE sql VOLATILE
        AS 'SELECT pg_catalog.to_timestamp(ms / 1000.0) FROM {_SCHEMA}.clock'""",
    f"DELETE FROM {_SCHEMA}.clock",
)


class OwnedTime:
    """Milliseconds since the epoch that pass when they are told to."""

    def __init__(self, url, ms):
        mark = "&" if "?" in url else "?"
        self.url = f"{url}{mark}search_path={_SCHEMA},pg_catalog,public"
        self._outside, self.ms = url, ms
        postgres.do(url, *_MAKE, f"INSERT INTO {_SCHEMA}.clock VALUES ({ms})")

    def advance(self, seconds):
        self.ms += round(seconds * 1000)
        # By the line, which has a loop of its own: a test may be in the midst of another.
        postgres.line(self._outside).do(f"UPDATE {_SCHEMA}.clock SET ms = {self.ms}")


class OwnedClock:
    """The clocks of one process: what they show is the owned time, and an offset of its own."""

    def __init__(self, time, offset=0.0):
        self._time = time
        self.offset = offset

    def now(self):
        return self._time.ms

    def monotonic(self):
        return self._time.ms / 1000 + self.offset

    def follow(self, earliest, latest):
        """Learn nothing: both are one time."""
