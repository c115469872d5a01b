"""The dashboard in a test: counters of today, and a refresh at once."""

from playwright.sync_api import Page

from infra.local.valkey import ValkeyProcess
from shared.cache import counters
from tests.support.servers import send_command


def count_today(valkey: ValkeyProcess, **counts: int) -> None:
    """Set counters of today and of all time."""
    pairs = " ".join(f"{name} {number}" for name, number in counts.items())
    for key in counters.counter_keys(5)[1:]:
        assert "ERR" not in send_command(valkey.port, f"HSET {key} {pairs}")


def refresh(page: Page) -> None:
    """Make the page refresh now, as if its tab became visible."""
    with page.expect_response("**/cache-stats*"):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
