"""`python -m infra.pair_model.train DATA START OUT`: train the question-pair model.

Three models, each trained on two thirds of the labelled pairs, label the remaining third. The final
model learns from the mean of these soft labels and the given ones, which tolerates wrong labels.
Needs torch, transformers, tokenizers and safetensors. It takes four minutes on one H100 and hours
on CPUs. docs/pair-model.md describes the data.

DATA    folder with qqp_train.tsv.gz, paws_wiki_dev.tsv and catechism_*.tsv
START   folder of all-MiniLM-L6-v2 or of a pair model: model.safetensors, config.json, vocab.txt
OUT     folder for the files that belong in shared/matching/pair_model/files
"""

import argparse
import hashlib
import math
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np

from infra.pair_model.frames import frame_pairs
from infra.pair_model.labelled_pairs import Pair, read_pairs
from infra.pair_model.quantise import dequantise, quantise
from infra.pair_model.synthesis import Synthesis
from shared.matching.pair_model.wordpieces import CLS, SEP, WordPieces

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LABELLED = (
    "qqp_train.tsv.gz",
    "paws_wiki_dev.tsv",
    "catechism_hard_negatives.tsv",
    "catechism_cross_positives.tsv",
)
_QUESTION_TOKENS = 46
_QUESTION_WORDS = range(3, 31)  # of questions that synthetic pairs are made from
_BATCH = 256
_SORTED_BATCHES = 20  # batches of similar length, so that little is padded
_RATE, _WARM_UP, _DECAY, _DROPOUT = 1e-4, 0.06, 0.01, 0.1
_DIFFERENT, _SAME, _FRAMES = 36_000, 28_000, 8_000  # synthetic pairs


class Trainer:
    """Trains models.

    Args:
        start: the folder of the weights to start from, of MiniLM or a pair model.
    """

    def __init__(self, start: Path) -> None:
        import torch  # type: ignore[import-not-found, unused-ignore] # noqa: PLC0415 - no dependency of the project

        self._torch: Any = torch
        self._start = start
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._pieces = WordPieces((start / "vocab.txt").read_bytes())

    def train(self, pairs: Sequence[Pair], targets: Sequence[float], epochs: int, seed: int) -> Any:
        """Return a model that was trained on pairs and the probabilities it should give them."""
        torch, random = self._torch, Random(seed)  # noqa: S311 - no secret
        torch.manual_seed(seed)
        model = self._new_model()
        optimiser = torch.optim.AdamW(model.parameters(), lr=_RATE, weight_decay=_DECAY)
        steps = epochs * (math.ceil(len(pairs) / _BATCH) + 1)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, _RATE, total_steps=steps, pct_start=_WARM_UP, anneal_strategy="linear"
        )
        wanted = torch.tensor(targets, dtype=torch.float32, device=self._device)
        model.train()
        for _ in range(epochs):
            for batch in _batches(pairs, random):
                logits = self._logits(
                    model, [pairs[at] for at in batch], swap=random.choice([False, True])
                )
                loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, wanted[batch])
                loss.backward()
                torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimiser.step()
                schedule.step()
                optimiser.zero_grad(set_to_none=True)
        return model

    def score(self, model: Any, pairs: Sequence[Pair]) -> "NDArray[np.float32]":
        """Return the mean logit of both orders for each pair."""
        model.eval()
        with self._torch.no_grad():
            return np.concatenate(
                [
                    sum(self._logits(model, batch, swap=swap) for swap in (False, True)).cpu() / 2
                    for start in range(0, len(pairs), _BATCH)
                    if (batch := pairs[start : start + _BATCH])
                ]
            )

    def _new_model(self) -> Any:
        from safetensors.numpy import load_file  # noqa: PLC0415 - no dependency of the product
        from transformers import (  # type: ignore[import-not-found, unused-ignore] # noqa: PLC0415 - no dependency of the project
            BertConfig,
            BertModel,
        )

        config = BertConfig.from_pretrained(self._start)
        bert = BertModel(config, add_pooling_layer=False)
        parts = {
            "bert": bert,
            "dropout": self._torch.nn.Dropout(_DROPOUT),
            "out": self._torch.nn.Linear(2 * config.hidden_size, 1),
        }
        model = self._torch.nn.ModuleDict(parts)
        weights = dequantise(load_file(self._start / "model.safetensors"))
        is_pair_model = "out.weight" in weights
        target = model if is_pair_model else bert
        target.load_state_dict(
            {name: self._torch.from_numpy(each) for name, each in weights.items()}, strict=False
        )
        return model.to(self._device)

    def _logits(self, model: Any, pairs: Sequence[Pair], *, swap: bool) -> Any:
        ids, types, mask = (
            self._torch.tensor(each, device=self._device) for each in self._encode(pairs, swap=swap)
        )
        with self._torch.autocast(self._device, self._torch.bfloat16):
            states = model["bert"](
                input_ids=ids, token_type_ids=types, attention_mask=mask
            ).last_hidden_state
            weights = mask.unsqueeze(-1) / mask.sum(1)[:, None, None]
            features = self._torch.cat([states[:, 0], (states * weights).sum(1)], 1)
            return model["out"](model["dropout"](features)).squeeze(-1).float()

    def _encode(self, pairs: Sequence[Pair], *, swap: bool) -> "NDArray[np.int64]":
        """Return token ids, token types and mask, shape (3, pairs, tokens)."""
        rows = []
        for pair in pairs:
            a, b = (self._pieces.tokenize(text)[:_QUESTION_TOKENS] for text in (pair.a, pair.b))
            first, second = (b, a) if swap else (a, b)
            rows.append(([CLS, *first, SEP], [*second, SEP]))
        encoded = np.zeros((3, len(rows), max(len(a) + len(b) for a, b in rows)), np.int64)
        for row, (a, b) in enumerate(rows):
            encoded[0, row, : len(a) + len(b)] = a + b
            encoded[1, row, len(a) : len(a) + len(b)] = 1
            encoded[2, row, : len(a) + len(b)] = 1
        return encoded


def _batches(pairs: Sequence[Pair], random: Random) -> Iterator[list[int]]:
    """Yield the indexes of all pairs in random batches of similar length."""
    order = random.sample(range(len(pairs)), len(pairs))
    for start in range(0, len(order), _SORTED_BATCHES * _BATCH):
        near = sorted(
            order[start : start + _SORTED_BATCHES * _BATCH],
            key=lambda at: len(pairs[at].a) + len(pairs[at].b),
        )
        batches = [near[first : first + _BATCH] for first in range(0, len(near), _BATCH)]
        yield from random.sample(batches, len(batches))


def train(data: Path, start: Path, out: Path) -> None:
    """Train the model and write its files."""
    trainer, random = Trainer(start), Random(5)  # noqa: S311 - no secret
    labelled = list(dict.fromkeys(pair for name in _LABELLED for pair in read_pairs(data / name)))
    questions = sorted({text for pair in read_pairs(data / _LABELLED[0]) for text in pair[:2]})
    questions = [text for text in questions if len(text.split()) in _QUESTION_WORDS]
    random.shuffle(questions)
    changed = Synthesis(questions, random).pairs(_DIFFERENT, _SAME)
    synthetic = list(dict.fromkeys([*changed, *frame_pairs(random, _FRAMES)]))
    random.shuffle(labelled)
    soft: dict[Pair, float] = {}
    for fold in range(3):
        held = labelled[fold::3]
        rest = [pair for at, pair in enumerate(labelled) if at % 3 != fold] + synthetic[fold::2]
        logits = trainer.score(trainer.train(rest, [pair.label for pair in rest], 3, fold), held)
        soft |= dict(zip(held, (1 / (1 + np.exp(-logits))).tolist(), strict=True))
    pairs = labelled + synthetic
    targets = [(pair.label + soft.get(pair, pair.label)) / 2 for pair in pairs]
    model = trainer.train(pairs, targets, 5, 7)
    save(model, start, out)


def save(model: Any, start: Path, out: Path) -> None:
    """Write a model's 8-bit weights, the other files of `start`, and their SHA-256 sums."""
    from safetensors.numpy import save_file  # noqa: PLC0415 - no dependency of the product

    weights = {name: each.float().cpu().numpy() for name, each in model.state_dict().items()}
    out.mkdir(parents=True, exist_ok=True)
    save_file(quantise(weights), out / "model.safetensors")
    for name in ("config.json", "vocab.txt"):
        shutil.copy(start / name, out)
    sums = (
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
        for path in sorted(out.iterdir())
        if path.name != "SHA256SUMS"
    )
    (out / "SHA256SUMS").write_text("".join(sums))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m infra.pair_model.train")
    for argument in ("data", "start", "out"):
        parser.add_argument(argument, type=Path)
    train(**vars(parser.parse_args()))
