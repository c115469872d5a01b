"""Replies of model hosts and what Tercet makes of each: the source of the table in docs/hosts.md.

`python -m tests.support.host_replies` writes the table into the page.
"""

from tests.support.host_replies.completions import COMPLETIONS
from tests.support.host_replies.embeddings import EMBEDDINGS
from tests.support.host_replies.errors import ERRORS
from tests.support.host_replies.finish_reasons import FINISH_REASONS
from tests.support.host_replies.host_reply import HostReply
from tests.support.host_replies.reasoning import REASONING
from tests.support.host_replies.waits import WAITS

SECTIONS: dict[str, tuple[HostReply, ...]] = {
    "Errors": ERRORS,
    "Waits": WAITS,
    "Completions": COMPLETIONS,
    "Finish reasons": FINISH_REASONS,
    "Reasoning": REASONING,
    "Embeddings": EMBEDDINGS,
}
HOST_REPLIES = tuple(reply for section in SECTIONS.values() for reply in section)
