"""The type of the whole configuration, against which Hydra checks conf/ and every override."""

from dataclasses import dataclass, field

from trajectories.config.alignment import AlignmentSettings
from trajectories.config.corpus import CorpusSettings
from trajectories.config.corruption import CorruptionSettings
from trajectories.config.decoding import DecodingSettings
from trajectories.config.execution import ExecutionSettings
from trajectories.config.figures import FigureSettings
from trajectories.config.judging import JudgingSettings
from trajectories.config.open_ended import OpenEndedSettings
from trajectories.config.scoring import ScoringSettings
from trajectories.config.suite import SuiteSettings
from trajectories.config.tasks import TaskSettings
from trajectories.config.trends import TrendSettings


# None of these is frozen: OmegaConf cannot merge values into a frozen dataclass inside another.
@dataclass
class Pipeline:
    """One choice of each folder of conf/, and what was overridden when they were composed."""

    corpus: CorpusSettings = field(default_factory=CorpusSettings)
    suite: SuiteSettings = field(default_factory=SuiteSettings)
    scoring: ScoringSettings = field(default_factory=ScoringSettings)
    trends: TrendSettings = field(default_factory=TrendSettings)
    corruption: CorruptionSettings = field(default_factory=CorruptionSettings)
    decoding: DecodingSettings = field(default_factory=DecodingSettings)
    open_ended: OpenEndedSettings = field(default_factory=OpenEndedSettings)
    judging: JudgingSettings = field(default_factory=JudgingSettings)
    tasks: TaskSettings = field(default_factory=TaskSettings)
    alignment: AlignmentSettings = field(default_factory=AlignmentSettings)
    figures: FigureSettings = field(default_factory=FigureSettings)
    execution: ExecutionSettings = field(default_factory=ExecutionSettings)
    overrides: list[str] = field(default_factory=list)
