"""Reading a model as transformers does: silently, without running code, and only whole."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

import torch
from transformers import AutoModelForCausalLM, PreTrainedModel
from transformers.utils import logging as transformers_logging

# While it reads, transformers replaces functions and settings of torch for the whole process.
_READING = Lock()


def read_pretrained(
    folder: Path, *, dtype: str | torch.dtype, device_map: str | None = None
) -> PreTrainedModel:
    """The model in a Hugging Face folder.

    Args:
        folder: Its configuration and weights, which have been found readable.
        dtype: A number format, or `auto`: as stored.
        device_map: `auto`: spread over what devices and memory there are, through accelerate.

    Raises:
        ValueError: Weights and configuration do not fit together.
    """
    with _READING, _quiet():
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=dtype,
            device_map=device_map,
            trust_remote_code=False,
            weights_only=True,
            ignore_mismatched_sizes=True,  # they are in the report, and so in our message
            output_loading_info=True,
        )
    model, report = loaded
    wrong = {
        "missing": sorted(report["missing_keys"]),
        "of another shape": sorted(str(name) for name, *_ in report["mismatched_keys"]),
    }
    for what, names in wrong.items():
        if names:
            raise ValueError(
                f"the weights in {folder} do not fit its config.json ({len(names)} {what}, the first "
                f"{names[0]}); fetch or train the checkpoint again"
            )
    checked: PreTrainedModel = model
    return checked


@contextmanager
def _quiet() -> Iterator[None]:
    """Without transformers' progress bars and reports: what is wrong becomes an error."""
    verbosity, bars = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity(logging.CRITICAL)
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        transformers_logging.set_verbosity(verbosity)
        if bars:
            transformers_logging.enable_progress_bar()  # type: ignore[no-untyped-call]
