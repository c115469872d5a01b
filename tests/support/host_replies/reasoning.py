"""Completions with reasoning or special tokens in the text or beside it."""

from typing import Any

from tests.support.host_replies.completions import chat_reply, completion
from tests.support.host_replies.host_reply import ANSWER, HostReply

_BUDGET = "error: Raise ANSWER_MAX_TOKENS, or lower LLM_REASONING_EFFORT"
_FINAL = "<|start|>assistant<|channel|>final<|message|>"


def _text(description: str, text: str, outcome: str = "answered", **given: Any) -> HostReply:
    return chat_reply(text, description, completion(content=text, **given), outcome)


REASONING = (
    chat_reply(
        "reasoning_content",
        "sends reasoning beside the answer (DeepSeek, vLLM)",
        completion(content=ANSWER, reasoning_content="Well."),
        "answered",
    ),
    chat_reply(
        "reasoning",
        "sends reasoning beside the answer (OpenRouter)",
        completion(content=ANSWER, reasoning="Well.", reasoning_details=[{"text": "Well."}]),
        "answered",
    ),
    _text("sends reasoning in the text", f"<think>Well.</think>{ANSWER}"),
    _text("sends reasoning in the text", f"<think>\nWell.\n</think>\n\n{ANSWER}"),
    _text("sends reasoning in the text", f"<thinking>Well.</thinking>{ANSWER}"),
    _text("sends reasoning in the text (Seed-OSS)", f"<seed:think>Well.</seed:think>{ANSWER}"),
    _text("sends reasoning in the text (Mistral)", f"[THINK]Well.[/THINK]{ANSWER}"),
    _text("opened the block in the prompt", f"Well.\n</think>\n\n{ANSWER}"),
    _text(
        "sends harmony channels (gpt-oss)",
        f"<|channel|>analysis<|message|>Well.<|end|>{_FINAL}{ANSWER}<|return|>",
    ),
    _text("sends harmony channels without their tokens", f"analysisWell.assistantfinal{ANSWER}"),
    _text("sends special tokens", f"{ANSWER}<|im_end|>"),
    _text("sends special tokens", f"<s>{ANSWER}</s>"),
    _text(
        "sends special tokens", f"{ANSWER}<|eot_id|><|start_header_id|>user<|end_header_id|>Why?"
    ),
    _text("spent the limit on reasoning", "<think>Well", _BUDGET, finish_reason="length"),
    _text("does not end the reasoning", "<think>Well, Faith is trust [1].", _BUDGET),
    _text("ends after the reasoning", "<think>Well.</think>", _BUDGET),
    chat_reply(
        "hidden reasoning",
        "spent the limit on reasoning that it hides (OpenAI)",
        completion(content=None, finish_reason="length"),
        _BUDGET,
    ),
    HostReply(
        "400 output limit",
        "spent the limit on reasoning (OpenAI)",
        "chat",
        {"error": {"message": "max_tokens or model output limit was reached"}},
        _BUDGET,
        status=400,
    ),
    chat_reply(
        "only reasoning beside",
        "spent the limit on reasoning",
        completion(content=None, reasoning="Well", finish_reason="length"),
        _BUDGET,
    ),
)
