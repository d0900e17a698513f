"""From a family's tokens to one model's folder of checkpoints."""

from pathlib import Path
from statistics import fmean

import torch
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from trajectories.files import replacing_folder
from trajectories.pretraining.architectures import Size, build_model
from trajectories.pretraining.hardware import choose_hardware, deterministic, keep_freed_memory
from trajectories.pretraining.progress import progress
from trajectories.pretraining.schedule import Recipe
from trajectories.pretraining.storage import save_checkpoint, write_facts, write_losses
from trajectories.pretraining.train import train
from trajectories.pretraining.windows import Tokens, read_stream, training_batches

FINAL_STEPS = 32  # of which the mean is the final loss


def pretrain(tokens: Path, folder: Path, *, label: str, family: str, size: Size, recipe: Recipe) -> None:
    """Train one model from scratch and write its checkpoints, `trajectory.json` and `loss.csv`.

    All models trained with the same tokens, context, batch and seed see the same windows in the same order.
    The same inputs on the same machine give the same bytes. `folder` appears whole or not at all.

    Args:
        tokens: Folder with `train.npy`, a stream of token ids, and `tokenizer/`.
        folder: What is written; its name is the model's.
        label: The model's number of parameters as written in figures.
        family: Name of the models that share architecture and tokenizer.
        size: The model.
        recipe: How it is trained.

    Raises:
        FileNotFoundError: `tokens` lacks the stream or the tokenizer.
        ValueError: Tokens, vocabulary and size do not fit together; DivergedError: the training failed.
        OSError: The folder cannot be written.
    """
    stream = read_stream(tokens / "train.npy")
    tokenizer = _read_tokenizer(tokens / "tokenizer")
    _require_vocabulary(stream, tokenizer, tokens=tokens, size=size)
    batches = training_batches(
        stream, context=size.context, batch=recipe.batch, steps=recipe.steps, seed=recipe.seed
    )
    hardware = choose_hardware(recipe.precision)
    keep_freed_memory()
    tokens_per_step = recipe.batch * size.context
    with deterministic(), torch.random.fork_rng(devices=[]), replacing_folder(folder) as temporary:
        torch.manual_seed(recipe.seed)
        model = build_model(size, tokenizer=tokenizer, attention=hardware.attention)
        model.to(hardware.device)  # type: ignore[arg-type]
        with progress(folder.name, steps=recipe.steps, tokens_per_step=tokens_per_step) as report:
            losses = train(
                model,
                batches,
                name=folder.name,
                recipe=recipe,
                hardware=hardware,
                save=lambda step: save_checkpoint(
                    model, tokens / "tokenizer", temporary, name=folder.name, step=step
                ),
                report=report,
            )
        write_losses(losses, temporary / "loss.csv", tokens_per_step=tokens_per_step)
        facts = {
            "model": folder.name,
            "family": family,
            "label": label,
            "architecture": size.architecture,
            "parameters": sum(weight.numel() for weight in model.parameters()),
            "context": size.context,
            "seed": recipe.seed,
            "tokens_per_step": tokens_per_step,
            "training_tokens": len(stream),
            "precision": str(hardware.precision).removeprefix("torch."),
            "final_loss": round(fmean(losses[-FINAL_STEPS:]), 6),
        }
        kept = {
            name: getattr(recipe, name)
            for name in ("steps", "checkpoints", "learning_rate", "embedding_learning_rate", "batch")
        }
        write_facts(facts | kept, temporary / "trajectory.json")


def _read_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    if not folder.is_dir():
        raise FileNotFoundError(
            f"{folder} does not exist; make it with `dvc repro` or fetch it with `dvc pull`"
        )
    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder)
    return tokenizer


def _require_vocabulary(
    stream: Tokens, tokenizer: PreTrainedTokenizerBase, *, tokens: Path, size: Size
) -> None:
    if len(tokenizer) != size.vocabulary:
        raise ValueError(
            f"the tokenizer in {tokens} has {len(tokenizer)} tokens, the model's family has a vocabulary of "
            f"{size.vocabulary}; make the tokens again or change the vocabulary"
        )
    if len(stream) and stream.max() >= size.vocabulary:
        raise ValueError(
            f"{tokens / 'train.npy'} holds token {stream.max()}, the vocabulary ends at "
            f"{size.vocabulary - 1}; make the tokens again"
        )
