"""What conf/suite chooses: models, trained here or fetched, and the held-out windows they are scored on."""

from dataclasses import dataclass, field
from enum import Enum

from omegaconf import II, MISSING


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


class FirstToken(Enum):
    """The token before every text: beginning or end of text, none, or (auto) the first of these there is."""

    auto = "auto"
    bos = "bos"
    eos = "eos"
    none = "none"


class StepList(Enum):
    """Which of a model's lists of steps is fetched."""

    short = "short"
    all = "all"


@dataclass
class FamilySettings:
    """Models that share an architecture and a tokenizer: a folder or repository, or null to train one.

    A family that is trained here needs `architecture` and `vocabulary`; for others null takes what there is.
    """

    architecture: Architecture | None = None
    vocabulary: int | None = None
    tokenizer: str | None = None
    revision: str | None = None
    first_token: FirstToken = FirstToken.auto


@dataclass
class ModelSettings:
    """One size of a family that is trained here."""

    label: str = MISSING
    family: str = MISSING
    width: int = MISSING
    layers: int = MISSING
    heads: int = MISSING
    learning_rate: float = MISSING
    checkpoints: Kept = MISSING


@dataclass
class FetchSettings:
    """What the fetched models of a suite share; each may have its own.

    `revision` is a pattern with {step} and {tokens}, `folder` holds a folder per model. `short` and `all` are
    steps and ranges with a blank between them, `0 512 1000..143000/1000`; empty means all that there are.
    """

    steps: StepList = StepList.short
    short: str = ""
    all: str = ""
    revision: str = "main"
    folder: str | None = None
    last_step: int | None = None
    tokens_per_step: int | None = None


@dataclass
class FetchedSettings:
    """One model whose checkpoints lie on the Hugging Face Hub, in a folder, or on both."""

    label: str | None = None
    family: str = II("suite.family")
    repository: str | None = None
    folder: str | None = None
    revision: str = II("suite.fetch.revision")
    short: str = II("suite.fetch.short")
    all: str = II("suite.fetch.all")
    last_step: int | None = II("suite.fetch.last_step")
    tokens_per_step: int | None = II("suite.fetch.tokens_per_step")
    learning_rate: float | None = None
    seed: int | None = None


@dataclass
class TrainingSettings:
    """The run that all models of a suite share; `steps` of `batch` windows each.

    `embedding_learning_rate` is the peak of embedding tables, norms and biases, null: that of each model.
    """

    steps: int = MISSING
    batch: int = MISSING
    embedding_learning_rate: float | None = None
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
    """A suite of models; `family` names the family whose trajectories are analysed.

    `models` are trained here as `training` says, `fetched` are fetched; a model is in one of the two.
    """

    choice: str = MISSING
    context: int = MISSING
    family: str = MISSING
    families: dict[str, FamilySettings] = field(default_factory=dict)
    models: dict[str, ModelSettings] = field(default_factory=dict)
    training: TrainingSettings | None = None
    fetched: dict[str, FetchedSettings] = field(default_factory=dict)
    fetch: FetchSettings = field(default_factory=FetchSettings)
    windows: WindowSettings = field(default_factory=WindowSettings)
