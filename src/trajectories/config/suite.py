"""What conf/suite chooses: families and sizes of models, their training, the windows they are scored on."""

from dataclasses import dataclass, field
from enum import Enum

from omegaconf import MISSING


class Architecture(Enum):
    """Architectures that can be trained here, by their transformers `model_type`."""

    opt = "opt"
    gpt_neox = "gpt_neox"


class Kept(Enum):
    """Which checkpoints of a model are kept: the whole trajectory or its end."""

    all = "all"
    final = "final"


class TrainingPrecision(Enum):
    """Number format of matrix products in training; auto: bfloat16 where the processor has it."""

    auto = "auto"
    float32 = "float32"
    bfloat16 = "bfloat16"


@dataclass
class FamilySettings:
    """Models that share an architecture and a tokenizer: a folder or repository, or null to train one."""

    architecture: Architecture = MISSING
    vocabulary: int = MISSING
    tokenizer: str | None = None


@dataclass
class ModelSettings:
    """One size of a family."""

    label: str = MISSING
    family: str = MISSING
    width: int = MISSING
    layers: int = MISSING
    heads: int = MISSING
    learning_rate: float = MISSING
    checkpoints: Kept = MISSING


@dataclass
class TrainingSettings:
    """The run that all models of a suite share; `steps` of `batch` windows each."""

    steps: int = MISSING
    batch: int = MISSING
    warmup: float = MISSING
    weight_decay: float = MISSING
    gradient_norm: float = MISSING
    checkpoint_every: int = MISSING
    early_checkpoints: list[int] = MISSING
    precision: TrainingPrecision = MISSING
    seed: int = MISSING


@dataclass
class WindowSettings:
    """How many held-out windows of `context` tokens are scored."""

    analysis: int = MISSING
    validation_per_domain: int = MISSING


@dataclass
class SuiteSettings:
    """A suite of models; `family` names the family whose trajectories are analysed."""

    choice: str = MISSING
    context: int = MISSING
    family: str = MISSING
    families: dict[str, FamilySettings] = field(default_factory=dict)
    models: dict[str, ModelSettings] = field(default_factory=dict)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    windows: WindowSettings = field(default_factory=WindowSettings)
