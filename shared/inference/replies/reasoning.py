"""Removes reasoning and special tokens from a text that a language model wrote.

Hosts without a parser for a model's format return both in the content: `<think>…</think>` of
DeepSeek, Qwen and others, `[THINK]` of Mistral, the channels of OpenAI's harmony format (gpt-oss),
and tokens such as `<|im_end|>`. A tag that the text only mentions stays: in code, in quotes, or
within a sentence.
"""

import re
import string

_NAME = (
    r"(?:\w+[:_])?(?:think|thinking|thoughts?|reasoning|reflection|scratchpad|analysis"
    r"|inner_monologue)(?:_\w+)?"
)
_OPENING = re.compile(
    rf"<\s?{_NAME}(?:\s+[\w-]+=[^<>]*)?\s*>|\[THINK\]|<\|(?:begin_of_thought|start_thinking|think(?:ing)?|inner_prefix)\|>|◁think▷"
    r"|<(?:\|channel|unused94)>\s*thought\b",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    rf"<\s?/\s?{_NAME}\s*>|\[/THINK\]|<\|(?:end_of_thought|end_thinking|/think(?:ing)?|inner_suffix)\|>|◁/think▷"
    r"|<(?:channel\||unused95)>",
    re.IGNORECASE,
)
_FINAL_CHANNEL = re.compile(
    r"(?:\A|<\|start\|>\s*assistant|<\|end\|>)\s*<\|channel\|>\s*final\b[^<]*"
    r"(?:<\|constrain\|>[^<]*)?<\|message\|>|\A\s*final<\|message\|>(?! is\b)"
)
_OTHER_CHANNEL = re.compile(
    r"\s*(?:<\|start\|>\s*assistant)?\s*<\|channel\|>\s*(?:analysis|commentary)"
    r"|\s*(?:analysis|commentary)\b[^<\n]{0,40}<\|message\|>"
)
# The harmony format without its special tokens: "analysisThe user asks …assistantfinalFaith is …".
_PLAIN_FINAL = re.compile(
    r"\s*(?:(?:analysis|commentary).*)?assistantfinal(?:<\|message\|>)?", re.DOTALL
)
_PLAIN_ANALYSIS = re.compile(r"\s*analysis(?=[A-Z])")

# What follows a tag that begins a sentence about it: "<think> is a tag".
_PROSE = r" (?:is|are|was|and|or|tags?|tokens?|blocks?|marks?|opens?|means|starts?|begins?|ends?)\b"
_SPECIAL = (
    r"(?:<[|\uff5c](?!python_tag|tool)[\w\u2581]+[|\uff5c]>|</?s>|\[/?INST\]"
    r"|<(?:bos|eos|pad|start_of_turn|end_of_turn|end_of_utterance)>)"
)
_TOKEN = re.compile(_SPECIAL)
_LEADING = re.compile(rf"(?:\s*{_SPECIAL}(?!{_PROSE})(?:(?:assistant|model)(?=\s*[\n<]))?)+")
_TRAILING = re.compile(rf"(?:{_SPECIAL}\s*)+\Z")
# A model that does not stop there writes the next turns of the conversation too.
_END_OF_TURN = re.compile(
    r"(?:<\|(?:im_end|eot_id|end|end_of_text|endoftext|return|END_OF_TURN_SPECIAL)\|>"
    rf"|<\uff5cend\u2581of\u2581sentence\uff5c>|</s>|<end_of_turn>)(?={_SPECIAL}|[ \t]*\n)"
)

# "<think>, then …", "<think>…</think>", and a tag at the beginning of a list item or a table cell
_NAMED = re.compile(rf"{_PROSE}|[,;:)|]|\.(?!\.)|(?:\.\.\.|\u2026)<")
_PLACEHOLDER = re.compile(r"[>\]](?:\.\.\.|\u2026)\Z")
_MARKER = re.compile(r"\s*(?:[-*+\u2022>|]|\d+[.)])\s+\Z|.*\|\s+\Z")
_TOOL_CALL = re.compile(
    r"^[^\S\n]*(?:<(?:tool_call|function_call|tools?)>\s*[{\[<]|<function=\w|\[TOOL_CALLS\]"
    r"|<[|\uff5c](?:python_tag|tool[\w\u2581]*)[|\uff5c]>)",
    re.MULTILINE,
)
_WRAPPER = re.compile(
    rf"<(answer|final_answer|response|output)>(?!{_PROSE})(?P<answer>(?:(?!</\1>).)*)(?:</\1>)?",
    re.DOTALL | re.IGNORECASE,
)
_EMPTY_TAG = re.compile(rf"(?:<{_NAME}\s?/>\s*)+", re.IGNORECASE)
INVISIBLE = "\x00\ufeff\u200b\u200c\u200d\u200e\u200f\u2060"
_SENTENCE_END = re.compile(r"[.!?\u2026\u3002\uff01\uff1f][\"'\u201d\u2019)\]*_]*\s*\Z")
_WITHIN_SENTENCE = re.compile(r"[\w,;:(\u2013-] +\Z")
_OPENING_QUOTE = re.compile("(?:^|[\\s(])[\"'\u201c\u2018\u201e\u00ab]\\Z")
_CLOSING_QUOTE = re.compile("[\"'](?!\\w)|[\u201d\u2019\u00bb]")

END_OF_REASONING = re.compile(
    rf"{_CLOSING.pattern}|<\|message\|>|assistantfinal(?:<\|message\|>)?", re.IGNORECASE
)
"""What an answer may follow: a closing tag, or a header of the harmony format."""

ANY_TAG = re.compile(
    rf"{_OPENING.pattern}|{_CLOSING.pattern}|{_SPECIAL}|<[|\uff5c]|<{_NAME}\s?/>|</?unused9[45]>"
    r"|<(?:tool_call|function_call|tools?)>|<function=|\[TOOL_CALLS\]",
    re.IGNORECASE,
)
"""Any tag or token because of which a text may be no answer, or not all of it."""

_MAX_CHARACTERS = 400_000
_MAX_TAGS = 200


def strip_reasoning(text: str) -> str:
    """Return the answer alone; an empty string if the text has reasoning and no answer.

    A text with more than `_MAX_TAGS` tags, or `_MAX_CHARACTERS` characters, is no answer.
    """
    text = _strip(text)
    if len(text) > _MAX_CHARACTERS or _count_tags(text) > _MAX_TAGS:
        return ""
    if final := _last(_FINAL_CHANNEL, text):
        text = text[final.end() :]
    elif _OTHER_CHANNEL.match(text):
        return ""
    text = text[_leading_tokens(text) :]
    if empty := _EMPTY_TAG.match(text):
        text = text[empty.end() :]
    if plain := _PLAIN_FINAL.match(text):
        text = text[plain.end() :]
    elif _PLAIN_ANALYSIS.match(text):
        return ""
    while opening := next((tag for tag in _OPENING.finditer(text) if _opens(tag)), None):
        rest = text[opening.end() :]
        closing = next((tag for tag in _CLOSING.finditer(rest) if _closes(tag)), None)
        if closing is None:
            return ""
        text = text[: opening.start()] + rest[closing.end() :]
    # Without an opening tag: the chat template opened the block, and the prompt contains it.
    closings = [tag for tag in _CLOSING.finditer(text) if _closes(tag)]
    if closings:
        text = text[closings[-1].end() :]
    if end := next((tag for tag in _END_OF_TURN.finditer(text) if not _is_quoted(tag)), None):
        text = text[: end.start()]
    text = text[_leading_tokens(text) :]
    trailing = _TRAILING.search(text)
    text = _strip(text[: trailing.start()] if trailing and not _in_code_span(trailing) else text)
    wrapper = _WRAPPER.fullmatch(text)
    return _strip(wrapper["answer"]) if wrapper else text


def has_tool_call(text: str) -> bool:
    """Return whether a text contains a call of a tool, outside of code and quotes."""
    return any(not _is_quoted(call) for call in _TOOL_CALL.finditer(text))


def _count_tags(text: str) -> int:
    return sum(1 for pattern in (_OPENING, _CLOSING, _TOKEN) for _ in pattern.finditer(text))


def _strip(text: str) -> str:
    """Remove white space and invisible characters at both ends."""
    return text.strip(INVISIBLE + string.whitespace).strip()


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    return next((tag for tag in reversed([*pattern.finditer(text)]) if not _is_quoted(tag)), None)


def _leading_tokens(text: str) -> int:
    """Return the length of the special tokens at the beginning."""
    leading = _LEADING.match(text)
    return leading.end() if leading and not _OPENING.match(leading[0].strip()) else 0


def _opens(tag: re.Match[str]) -> bool:
    """Whether an opening tag begins reasoning: it begins a line or follows a sentence."""
    before, after = _line_before(tag), tag.string[tag.end() :]
    if _is_quoted(tag) or _NAMED.match(after) or _MARKER.match(before):
        return False
    return not before.strip() or _SENTENCE_END.search(before) is not None


def _closes(tag: re.Match[str]) -> bool:
    """Whether a closing tag ends reasoning: no sentence continues after it."""
    before, after = _line_before(tag), tag.string[tag.end() :]
    if _is_quoted(tag) or _MARKER.match(before) or _PLACEHOLDER.search(before):
        return False
    continues = after[:1] in tuple(",.;:)?!") or (after[:1] == " " and after.strip()[:1].islower())
    if _OPENING.search(before):  # "Models write <think>…</think> first."
        return bool(after) and not continues
    return not (continues and _WITHIN_SENTENCE.search(before))


def _is_quoted(tag: re.Match[str]) -> bool:
    """Whether a tag is in a code block, in a code span or in quotes."""
    text, before = tag.string, _line_before(tag)
    in_block = text.count("```", 0, tag.start()) % 2 == 1
    opened, closed = _OPENING_QUOTE.search(before), _CLOSING_QUOTE.match(text, tag.end())
    return in_block or _in_code_span(tag) or opened is not None or closed is not None


def _in_code_span(tag: re.Match[str]) -> bool:
    return _line_before(tag).replace("```", "").count("`") % 2 == 1


def _line_before(tag: re.Match[str]) -> str:
    """Return the part of its line before a tag."""
    return tag.string[tag.string.rfind("\n", 0, tag.start()) + 1 : tag.start()]
