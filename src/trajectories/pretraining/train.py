"""The training loop: one model, its windows in order, one loss per step."""

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from trajectories.pretraining.hardware import Hardware
from trajectories.pretraining.loss import linear_cross_entropy
from trajectories.pretraining.progress import Report
from trajectories.pretraining.schedule import Recipe, rate_share

BETAS = (0.9, 0.95)  # of AdamW, as OPT was trained (Zhang et al., 2022)
STEPS_PER_LOOK = 8  # losses stay on the device until they are looked at, so that it need not wait


class DivergedError(ValueError):
    """A loss or a weight that is not finite."""


def train(
    model: PreTrainedModel,
    batches: Iterable[npt.NDArray[np.int64]],
    *,
    name: str,
    recipe: Recipe,
    hardware: Hardware,
    save: Callable[[int], None],
    report: Report,
) -> list[float]:
    """Train the model in place; the loss of every step, in nats per token.

    Args:
        model: On `hardware.device`, in float32.
        batches: `recipe.steps` arrays [batch, context + 1] of token ids.
        name: Of the model, for messages.
        recipe: How it is trained.
        hardware: What it is trained on.
        save: Called after each step of `recipe.checkpoints`.
        report: Called every few steps with the step and its loss.

    Raises:
        DivergedError: A loss, or at a checkpoint a weight, is not finite; that checkpoint is not saved.
    """
    optimizer = _optimizer(model, recipe)
    losses = torch.full((recipe.steps,), torch.nan, device=hardware.device)
    looked = 0
    for step, batch in enumerate(batches, start=1):
        share = rate_share(step, recipe=recipe)
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * share
        losses[step - 1] = _update(
            model, optimizer, torch.from_numpy(batch), recipe=recipe, hardware=hardware
        )
        if step % STEPS_PER_LOOK == 0 or step in recipe.checkpoints:
            _look(losses[looked:step], name=name, after=looked)
            looked = step
            report(step, float(losses[step - 1]))
        if step in recipe.checkpoints:
            _look_at_weights(model, name=name, step=step)
            save(step)
    return [float(loss) for loss in losses]


def _update(
    model: PreTrainedModel,
    optimizer: torch.optim.Optimizer,
    batch: Tensor,
    *,
    recipe: Recipe,
    hardware: Hardware,
) -> Tensor:
    tokens = batch.to(hardware.device)
    inputs, targets = tokens[:, :-1], tokens[:, 1:].flatten()
    # OPT would count the positions with a cumulative sum, which CUDA does not repeat to the byte.
    positions = torch.arange(inputs.shape[1], device=hardware.device)[None]
    half = hardware.precision is torch.bfloat16
    with torch.autocast(hardware.device, dtype=torch.bfloat16, enabled=half):
        output = model.base_model(input_ids=inputs, position_ids=positions, use_cache=False)
    head = model.get_output_embeddings().weight  # type: ignore[no-untyped-call]
    loss = linear_cross_entropy(
        output.last_hidden_state.flatten(0, 1),
        head,
        targets,
        precision=hardware.precision,
        positions_at_once=max(1, hardware.logits_at_once // len(head)),
    )
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(model.parameters(), recipe.gradient_norm)
    optimizer.step()
    optimizer.zero_grad()
    return loss.detach()


def _optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Its groups have a learning rate at its height, `peak`."""
    tables = {id(module.weight) for module in model.modules() if isinstance(module, nn.Embedding)}
    height, of_embeddings = recipe.learning_rate, recipe.embedding_learning_rate
    of_embeddings = height if of_embeddings is None else of_embeddings
    vectors = [each for each in model.parameters() if each.ndim < 2]
    embeddings = [each for each in model.parameters() if id(each) in tables]
    matrices = [each for each in model.parameters() if each.ndim >= 2 and id(each) not in tables]
    groups = [
        {"params": weights, "lr": peak, "peak": peak, "weight_decay": decay}
        for weights, peak, decay in (
            (matrices, height, recipe.weight_decay),
            (embeddings, of_embeddings, recipe.weight_decay),
            (vectors, of_embeddings, 0.0),
        )
    ]
    return torch.optim.AdamW(groups, betas=BETAS, fused=True)


def _look(losses: Tensor, *, name: str, after: int) -> None:
    """Raise if one of the losses, those of the steps after `after`, is not finite."""
    wrong = (~torch.isfinite(losses)).nonzero()
    if len(wrong):
        raise DivergedError(
            f"{name}: the loss of step {after + 1 + int(wrong[0])} is not finite; "
            "lower the model's learning_rate"
        )


def _look_at_weights(model: nn.Module, *, name: str, step: int) -> None:
    for weight, values in model.named_parameters():
        if not torch.isfinite(values).all():
            raise DivergedError(
                f"{name}: {weight} is not finite after step {step}; lower the model's learning_rate"
            )
