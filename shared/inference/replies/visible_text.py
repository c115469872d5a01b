"""Finds out, while a model writes, which part of its text belongs to the answer.

`reasoning.strip_reasoning` decides that about a whole text. Here the text is not complete: what may
be reasoning, a tag or a special token is held back, and so is all that follows a tag in the middle.
"""

import re

from shared.inference.replies.reasoning import (
    ANY_TAG,
    END_OF_REASONING,
    INVISIBLE,
    strip_reasoning,
)

_MAX_TAG = 200  # characters
_CHANNELS = ("analysis", "commentary", "assistantfinal", "final<|message|>")
_MARK = re.compile(
    r"<\s?(?:[/|\uff5ca-z_]|\Z)|\[/?(?:(?:think|inst|tool_calls)\]|[a-z_]{0,10}\Z)|\u25c1",
    re.IGNORECASE,
)
# The beginning of a tag or token that more text may complete.
_PARTIAL_TAG = re.compile(
    r"(?:<[\s/]{0,3}[\w:]*(?:\s+[\w-]+=[^<>]*|\s*)|\[/?[a-z_]{0,10}|\u25c1[^\u25b7]{0,12})\Z",
    re.IGNORECASE,
)


class VisibleText:
    """Takes the parts of a text, and returns what is certainly in the answer.

    The returned parts together are a beginning of `strip_reasoning` of the whole text. There is one
    exception: text before a closing tag that has no opening tag is reasoning, too.

    Args:
        hold_until_closing_tag: the text may begin with reasoning that has no opening tag. It is
            held back until a closing tag. Without any, nothing is returned.
    """

    def __init__(self, *, hold_until_closing_tag: bool = False) -> None:
        self.returned = ""
        self._holds = hold_until_closing_tag
        self._text = ""
        self._position = 0  # up to which the answer was returned
        self._has_begun = False
        self._is_frozen = False
        self._scanned = 0  # up to which the end of reasoning was searched
        self._end_of_reasoning: int | None = None

    def feed(self, part: str) -> str:
        """Add text. Return the text that follows what was returned before; empty if none does."""
        self._text += part
        if not self._has_begun:
            self._begin()
        if not self._has_begun or self._is_frozen:
            return ""
        end = self._find_end()
        ready = self._text[self._position : end]
        self._position = end
        self.returned += ready
        return ready

    def _begin(self) -> None:
        """Find where the answer begins: at once, or after the last end of reasoning."""
        if not self._holds:
            start = _skip_blanks(self._text, 0)
            if not _may_be_marked(self._text, start):
                self._has_begun, self._position = True, start
                return
        for end in END_OF_REASONING.finditer(self._text, self._scanned):
            self._end_of_reasoning = self._scanned = end.end()
        self._scanned = max(self._scanned, len(self._text) - _MAX_TAG)
        if self._end_of_reasoning is None:
            return
        start = _skip_blanks(self._text, self._end_of_reasoning)
        if _may_be_marked(self._text, start):
            return
        visible = strip_reasoning(self._text)
        if visible and self._text.startswith(visible, start):
            self._has_begun, self._position = True, start
        self._end_of_reasoning = None

    def _find_end(self) -> int:
        """Return the end of the text that is decided, without the blanks at its end."""
        if tag := ANY_TAG.search(self._text, self._position):
            self._is_frozen = True
        else:
            tail = max(self._position, len(self._text) - _MAX_TAG)
            tag = _PARTIAL_TAG.search(self._text, tail)
        end = tag.start() if tag else len(self._text)
        while end > self._position and _is_blank(self._text[end - 1]):
            end -= 1
        return end


def _is_blank(character: str) -> bool:
    return character.isspace() or character in INVISIBLE


def _skip_blanks(text: str, start: int) -> int:
    while start < len(text) and _is_blank(text[start]):
        start += 1
    return start


def _may_be_marked(text: str, start: int) -> bool:
    """Return whether a text begins with a tag or a channel, or may do so when it is longer."""
    begins = text[start : start + max(map(len, _CHANNELS))]
    may_be_channel = any(begins.startswith(each) or each.startswith(begins) for each in _CHANNELS)
    return may_be_channel or _MARK.match(text, start) is not None
