"""One model in memory whose weights change from checkpoint to checkpoint, the next ones read ahead."""

import logging
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from transformers import PreTrainedModel

from trajectories.checkpoints.dimensions import architectural_difference, read_configuration
from trajectories.checkpoints.load import (
    can_replace_weights,
    load_model,
    load_weights,
    read_weights,
    replace_weights,
)
from trajectories.checkpoints.memory import free_memory

if TYPE_CHECKING:
    from trajectories.checkpoints.sources import Source

COPIES = 2  # of the weights that have to fit into free memory for the next ones to be read ahead


log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Ahead:
    """The next checkpoint, fetched while the model is at work.

    Attributes:
        folder: Where it lies.
        fits: Whether the model takes its weights; a checkpoint of another configuration needs another model.
        weights: None where they were not read.
    """

    folder: Path
    fits: bool = False
    weights: Mapping[str, Tensor] | None = None


class Loader:
    """Builds the model of the first checkpoint, and then only replaces its weights, where that is enough."""

    def __init__(self, *, device: str, precision: str) -> None:
        self.device, self.precision = device, precision
        self._model: PreTrainedModel | None = None
        torch.get_num_threads()  # or one thread would become everybody's number, where torch has none yet
        self._thread = ThreadPoolExecutor(1, initializer=torch.set_num_threads, initargs=(1,))
        self._ahead: Future[_Ahead] | None = None

    def prepare(self, source: "Source") -> None:
        """Begin to fetch and read a checkpoint, while the model goes on as it is."""
        self._ahead = self._thread.submit(self._fetch, source)

    def load(self) -> PreTrainedModel:
        """The model with the weights of the checkpoint that was prepared.

        Raises:
            OSError: The checkpoint cannot be fetched or read.
            ValueError: Its weights and its configuration do not fit together.
        """
        assert self._ahead is not None, "nothing was prepared"
        ahead, self._ahead = self._ahead.result(), None
        if self._model is None or not ahead.fits:
            self._model = None  # before the next is built: there may be no room for two
            torch.cuda.empty_cache()
            self._model = load_model(ahead.folder, device=self.device, dtype=self.precision)
        elif ahead.weights is None:
            load_weights(self._model, ahead.folder)
        else:
            replace_weights(self._model, ahead.weights)
        return self._model

    def close(self) -> None:
        """Wait for what is being read, and give memory back, which other processes on the device may need."""
        if self._ahead is not None and self._ahead.running():
            log.warning("waiting for the next checkpoint, which is being fetched or read")
        self._thread.shutdown(cancel_futures=True)
        self._ahead = self._model = None
        torch.cuda.empty_cache()

    def _fetch(self, source: "Source") -> _Ahead:
        folder, model = source.folder(), self._model
        if model is None or not can_replace_weights(model):
            return _Ahead(folder)
        if architectural_difference(read_configuration(folder), model.config) is not None:
            return _Ahead(folder)
        return _Ahead(folder, fits=True, weights=read_weights(model, folder) if _room_for(model) else None)


def _room_for(model: PreTrainedModel) -> bool:
    needed = COPIES * sum(weight.nbytes for weight in model.parameters())
    return free_memory(torch.device("cpu")) > needed
