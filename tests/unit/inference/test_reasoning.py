"""Reasoning and special tokens are removed; tags that a text mentions are not."""

import random

import pytest

from shared.inference.replies.reasoning import has_tool_call, strip_reasoning
from tests.support.host_replies.generator import generate_message

ANSWER = "Faith is trust [1]."
_FINAL = "<|channel|>final<|message|>"
_ANALYSIS = "<|channel|>analysis<|message|>"


@pytest.mark.parametrize(
    "text",
    [
        f"<think>The user asks about faith.</think>{ANSWER}",
        f"<think>\nThe user asks.\n</think>\n\n{ANSWER}",
        f"  \n<think>The user asks.</think>{ANSWER}\n",
        f"<think></think>{ANSWER}",
        f"<think>One.</think><think>Two.</think>{ANSWER}",
        f"<think>One <think> two </think> three.</think>{ANSWER}",
        f"<think>okay so faith </think> {ANSWER}",
        f"<think>They ask what </think> does, and </think>, too.</think>{ANSWER}",
        f'<think>They said "no"</think>{ANSWER}',
        f"<think>The tag `</think>` ends it.</think>{ANSWER}",
        f"<thinking>The user asks.</thinking>{ANSWER}",
        f"<THINK>The user asks.</THINK>{ANSWER}",
        f"<thought>The user asks.</thought>{ANSWER}",
        f"<reasoning>The user asks.</reasoning>{ANSWER}",
        f"<seed:think>The user asks.</seed:think>{ANSWER}",
        f"[THINK]The user asks.[/THINK]{ANSWER}",
        f"\u25c1think\u25b7The user asks.\u25c1/think\u25b7{ANSWER}",
        f"<|channel>thought\nThe user asks.\n<channel|>{ANSWER}",
        f"<think>\n...\n</think>\n{ANSWER}",
        f"<think>... The user asks.</think>{ANSWER}",
        f"<|START_THINKING|>The user asks.<|END_THINKING|>{ANSWER}",
        f"<|begin_of_thought|>The user asks.<|end_of_thought|>{ANSWER}",
        f"{ANSWER}\n\n<think>Is that right? Yes.</think>",
    ],
)
def test_reasoning_block_is_removed(text: str) -> None:
    assert strip_reasoning(text) == ANSWER


@pytest.mark.parametrize(
    "text",
    [
        f"The user asks.\n</think>\n\n{ANSWER}",
        f"The user asks.</think>{ANSWER}",
        f"The user asks </think> {ANSWER}",
        f"One.</think>Two.</think>{ANSWER}",
        f"The user asks.\n[/THINK]\n{ANSWER}",
        f"The user asks.\n</seed:think>\n{ANSWER}",
        f"Okay <think>the user asks</think> {ANSWER}",
    ],
)
def test_reasoning_with_only_a_closing_tag_is_removed(text: str) -> None:
    """The chat template has opened the block, so the reply does not contain its opening tag."""
    assert strip_reasoning(text) == ANSWER


@pytest.mark.parametrize(
    "text",
    [
        f"{_ANALYSIS}The user asks.<|end|><|start|>assistant{_FINAL}{ANSWER}<|return|>",
        f"{_FINAL}{ANSWER}",
        f"<|start|>assistant{_FINAL}{ANSWER}<|end|>",
        f"The user asks.<|end|><|start|>assistant{_FINAL}{ANSWER}",
        f"{_ANALYSIS}A.<|end|>{_ANALYSIS}B.<|end|><|start|>assistant{_FINAL}{ANSWER}<|return|>",
        f"{_FINAL}{ANSWER}<|end|><|start|>assistant{_ANALYSIS}One more.",
        f"analysisThe user asks.assistantfinal{ANSWER}",
        f"analysis<|message|>A.<|end|><|start|>assistant{_FINAL}{ANSWER}",
        f"final<|message|>{ANSWER}",
        f"<|start|>assistantfinal<|message|>{ANSWER}",
        f"analysis\n\nThe user asks.\n\nassistantfinal{ANSWER}",
    ],
)
def test_only_the_final_channel_of_the_harmony_format_is_the_answer(text: str) -> None:
    assert strip_reasoning(text) == ANSWER


@pytest.mark.parametrize(
    "text",
    [
        "<think>The user asks",
        "<think>",
        "<think>\nThe user asks about <b>faith</b>.",
        "<think>The user asks.</think>",
        "[THINK]The user asks",
        "<seed:think>The user asks",
        "The user asks.</think>",
        "Sure.\n<think>\nThe user asks",
        "<think>The tag <think> opens it, and </think> ends it. So",
        "<think>Models write <think>their reasoning</think> before the answer.",
        f"{_ANALYSIS}The user asks",
        "<|start|>assistant<|channel|>commentary<|message|>I call a tool",
        "analysisThe user asks",
        "analysis<|message|>The user asks",
        "commentary to=functions.x<|message|>{}",
        '<think type="deep">The user asks',
        "\u200b<think>The user asks",
        "\ufeff\x00",
        "<|im_end|>",
        " \n",
        "",
    ],
)
def test_reasoning_without_an_answer_leaves_nothing(text: str) -> None:
    assert strip_reasoning(text) == ""


@pytest.mark.parametrize(
    "text",
    [
        f'<think time="3s" id=1>The user asks.</think>{ANSWER}',
        f"< think >The user asks.</ think >{ANSWER}",
        f"<analysis>The user asks.</analysis>\n{ANSWER}",
        f"<inner_monologue>The user asks.</inner_monologue>{ANSWER}",
        f"<longcat_think>The user asks.</longcat_think>{ANSWER}",
        f"<think_never_used_51bc>The user asks.</think_never_used_51bc>{ANSWER}",
        f"<unused94>thought\nThe user asks.<unused95>{ANSWER}",
        f"<|inner_prefix|>The user asks.<|inner_suffix|>{ANSWER}",
        f"<think/>\n{ANSWER}",
        f"<think>Yes.</think>\n<answer>\n{ANSWER}\n</answer>",
        f"<final_answer>{ANSWER}",
        f"\ufeff<think>Yes.</think>{ANSWER}\u200b",
    ],
)
def test_other_tags_and_invisible_characters_are_removed(text: str) -> None:
    assert strip_reasoning(text) == ANSWER


@pytest.mark.parametrize(
    "text",
    [
        '<tool_call>\n{"name": "search"}\n</tool_call>',
        'I search.\n<tool_call>{"name": "search"}</tool_call>',
        "<function=search>{}</function>",
        '[TOOL_CALLS][{"name": "search"}]',
        "<|python_tag|>search()",
        "<\uff5ctool\u2581calls\u2581begin\uff5c>search",
    ],
)
def test_call_of_a_tool_is_recognised(text: str) -> None:
    assert has_tool_call(strip_reasoning(text))


@pytest.mark.parametrize(
    "text",
    [
        "A model writes `<tool_call>{}` to call a tool.",
        "<tool_call> is a tag.",
        '```\n<tool_call>\n{"name": "search"}\n</tool_call>\n```\nThis is the format.',
    ],
)
def test_text_about_tool_calls_is_no_call(text: str) -> None:
    assert not has_tool_call(strip_reasoning(text))


@pytest.mark.parametrize(
    "token",
    [
        "<|im_end|>",
        "<|eot_id|>",
        "<|end_of_text|>",
        "<|endoftext|>",
        "<|return|>",
        "<|eom_id|>",
        "</s>",
        "<eos>",
        "<end_of_turn>",
        "<\uff5cend\u2581of\u2581sentence\uff5c>",
        "<|END_OF_TURN_TOKEN|>",
        "<|im_end|>\n<|endoftext|>\n",
        "<|im_end|>\n<|im_start|>user\nAnd what is hope?<|im_end|>",
        "<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nAnd what is hope?",
        "</s>\nAnd what is hope?",
    ],
)
def test_tokens_at_the_end_are_removed_with_what_follows_them(token: str) -> None:
    assert strip_reasoning(ANSWER + token) == ANSWER
    assert strip_reasoning(f"{ANSWER}\n{token}") == ANSWER


@pytest.mark.parametrize(
    "start",
    [
        "<s>",
        "<|im_start|>assistant\n",
        "<|start_header_id|>assistant<|end_header_id|>\n\n",
        "<start_of_turn>model\n",
        "<|assistant|>",
        "[/INST] ",
    ],
)
def test_tokens_at_the_beginning_are_removed(start: str) -> None:
    assert strip_reasoning(start + ANSWER) == ANSWER
    assert strip_reasoning(f"{start}<think>Yes.</think>{ANSWER}") == ANSWER


@pytest.mark.parametrize(
    "text",
    [
        "The tag <think> is used by models [1].",
        "The `<think>` tag opens it [1].",
        "`<think>` opens it and `</think>` closes it.",
        "```\n<think>reasoning</think>\n```\nThis is the format.",
        "```xml\n<reasoning>it follows</reasoning>\n```",
        'Use "</think>" to close it.',
        "Use \u201c</think>\u201d to close it.",
        "It opens with <think> and closes with </think>.",
        "<think> is a tag.",
        "<think> and </think> are tags of language models.",
        "Models write <think>their reasoning</think> before the answer.",
        "Wrap it as <think>\u2026</think>.",
        "It ends with </think>, then the answer follows.",
        "It has two tags. <think> opens the block.",
        "A list:\n- <think>: opens\n- </think>: closes",
        "Tags: <think>, </think> and <s>.",
        "Map<Thought> is a type.",
        "Fill it in:\n<title>\n<reason>",
        "<answer> opens the block, and </answer> closes it.",
        "<response> is a tag.",
        "final<|message|> is before an answer.",
        "<think>\u2026</think> tags wrap the reasoning.",
        "The format:\n\n<think>...</think>\n\nThen the answer follows.",
        "1. <think> opens it.\n2. </think> closes it.",
        "* <think>\n* </think>",
        "| tag | use |\n|---|---|\n| <think> | opens |\n| </think> | closes |",
        "Use a tag, e.g. <think>, before it.",
        "It has tags. <think>, for example.",
        "She said <thinking> about it.",
        "In Mistral's format [THINK] is a tag.",
        "Turns end with <|im_end|> in ChatML.",
        "`<|im_end|>` ends a turn.",
        "The tokens <|im_start|> and <|im_end|> mark turns.",
        "Use the token \u201c<|eot_id|>\u201d there.",
        "```\n<|im_start|>user\nWho?<|im_end|>\n<|im_start|>assistant\n```\nThis is ChatML.",
        "The marker <|channel|>final<|message|> precedes an answer.",
        "An analysis of the passages shows that faith is trust [1].",
        "5 < 6 and 7 > 3, so x</y.",
    ],
)
def test_text_that_mentions_a_tag_stays(text: str) -> None:
    assert strip_reasoning(text) == text


@pytest.mark.parametrize("is_cut", [False, True])
def test_generated_texts_give_their_answers(*, is_cut: bool) -> None:
    chance = random.Random(7)
    for _ in range(3_000):
        message = generate_message(chance, is_cut=is_cut)
        assert strip_reasoning(message.text) == (message.answer or "")


@pytest.mark.parametrize(
    "text",
    [
        "</think>" * 25_000,
        "<think>" * 25_000,
        "<think>one</think>" * 5_000 + "Faith is trust.",
        "<|im_end|>x" * 20_000,
        "word " * 100_000,
    ],
    ids=["closing", "opening", "blocks", "tokens", "long"],
)
def test_text_with_too_many_tags_or_characters_is_no_answer(text: str) -> None:
    """The position of each tag is read, so the time would grow with the square of the length."""
    assert strip_reasoning(text) == ""
