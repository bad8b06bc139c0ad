"""Pages for people who read the API: its description and what describes errors."""

from starlette.routing import BaseRoute


def page_routes() -> list[BaseRoute]:
    """Return the routes of the documentation pages."""
    return []
