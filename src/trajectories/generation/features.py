"""What a model makes of whole texts: the hidden states by which MAUVE compares them."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from trajectories.checkpoints.tokenizers import tokenizer_difference
from trajectories.scoring.batch import thread_pool, tokens_that_fit
from trajectories.scoring.logits import hidden_states
from trajectories.scoring.sequences import Packing, pack, require_fitting
from trajectories.scoring.windows import input_device, readied

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from trajectories.checkpoints import Checkpoint

Batch = tuple[NDArray[np.int64], NDArray[np.intp], NDArray[np.intp]]  # token ids, texts, their rows


def text_features(
    checkpoint: "Checkpoint", sequences: Sequence[ArrayLike], *, batch_tokens: int | None = None
) -> NDArray[np.float32]:
    """The hidden state of each text's last token after the last layer (Pillutla et al., 2021).

    A text that is the beginning of another is read off that one's run. What stands after a text in a batch
    does not reach it, as the model is causal.

    Args:
        checkpoint: a model and its tokenizer.
        sequences: token ids of each text, integers [tokens], two at least.
        batch_tokens: tokens of one forward pass, at least one text; None: what the free memory takes.

    Returns:
        float32 [text, width].

    Raises:
        ValueError: there are no texts, or one has fewer than two tokens, is too long for the model, or holds
            ids that it does not know.
    """
    if not len(sequences):
        raise ValueError("features need at least one text, got none; give the token ids of each text")
    model: Any = checkpoint.model
    model.eval()
    packing = pack(sequences)
    require_fitting(
        packing.lengths,
        context=getattr(model.config, "max_position_embeddings", None),
        names=[f"text {text}" for text in range(len(sequences))],
    )
    _require_known(packing, model)
    device = input_device(model)
    last = np.array(packing.lengths) - 1

    def states(batch: Batch) -> NDArray[np.float32]:
        ids, members, rows = batch
        with torch.inference_mode():  # which other threads do not inherit
            found = hidden_states(model, torch.from_numpy(ids).to(device))[rows, last[members]]
            return found.float().cpu().numpy()

    with torch.inference_mode(), readied(model, device) as threads:
        batches = list(_batches(packing, model, batch_tokens, threads=threads))
        with thread_pool(threads) as pool:
            found = list(pool.map(states, batches))
    texts = np.concatenate([members for _, members, _ in batches])
    features: NDArray[np.float32] = np.concatenate(found)[np.argsort(texts)]
    return features


def make_features(
    checkpoint: "Checkpoint", *, source: "PreTrainedTokenizerBase"
) -> Callable[[Sequence[ArrayLike]], NDArray[np.float32]]:
    """`text_features` of texts in the tokens of another tokenizer, which the checkpoint reads in its own.

    Args:
        checkpoint: a model and its tokenizer.
        source: what the texts were encoded with. Where it differs, they are decoded, special tokens left out,
            and encoded anew, as far as the model has positions; what that makes fewer than two tokens of has
            the end-of-text token in front.
    """
    if tokenizer_difference(source, checkpoint.tokenizer) is None:
        return partial(text_features, checkpoint)
    longest = getattr(checkpoint.model.config, "max_position_embeddings", None)
    end = checkpoint.tokenizer.eos_token_id

    def features(sequences: Sequence[ArrayLike]) -> NDArray[np.float32]:
        rows = [np.asarray(ids).tolist() for ids in sequences]
        texts = source.batch_decode(rows, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        encoded = checkpoint.tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"]
        return text_features(checkpoint, [[end] * (2 - len(ids)) + ids[:longest] for ids in encoded])

    return features


def _batches(packing: Packing, model: Any, batch_tokens: int | None, *, threads: int) -> Iterator[Batch]:
    """What to run at a time, the texts that are in it, and the row of each."""
    block_of, row_of = np.array(packing.places).T
    device = input_device(model)
    for block, ids in enumerate(packing.blocks):
        length = ids.shape[1]
        tokens = batch_tokens or tokens_that_fit(model, length, device=device, threads=threads)
        rows = max(1, min(tokens // length, -(-len(ids) // threads)))
        for first in range(0, len(ids), rows):
            members = np.flatnonzero((block_of == block) & (row_of // rows == first // rows))
            yield ids[first : first + rows], members, row_of[members] - first


def _require_known(packing: Packing, model: Any) -> None:
    vocabulary = model.get_input_embeddings().num_embeddings
    for ids in packing.blocks:
        unknown = ids[(ids < 0) | (ids >= vocabulary)]
        if unknown.size:
            raise ValueError(
                f"token id {unknown[0]} is outside the model's vocabulary of {vocabulary}; "
                "encode the texts with the tokenizer of this model"
            )
