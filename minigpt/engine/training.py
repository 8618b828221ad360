"""A run in memory while it trains."""

import math
import time
from dataclasses import astuple, dataclass, field

from minigpt import tokenizers, weights
from minigpt.config import NotFinite, SampleConfig
from minigpt.engine.marker import Marker
from minigpt.generation import generate
from minigpt.steps import SingleStep
from minigpt.store import MetricsRow, Results, Run
from minigpt.trainer import Trainer

CHECKPOINT_SECONDS = 25.0  # between two; with the slice and the write, a crash costs less than 30
NEWEST, MUCH = 10, 1.2  # steps over which a last loss is averaged, and how far above blind guessing
SAMPLE = SampleConfig(max_new_tokens=160, temperature=0.8)


def is_snapshot_step(step: int, max_steps: int) -> bool:
    """0, 1, 2, 3, 4, 6, 8, 11, …: powers of √2, rounded, and the last: 21 in a run of 1,000."""
    return step in (0, max_steps) or step == round(2 ** (round(2 * math.log2(step)) / 2))


@dataclass
class Training:
    """A run in memory: its trainer, and what was learned since the last write."""

    run: Run
    trainer: Trainer
    seconds: float  # of processor time that it had; the one with the fewest is next
    pause_at: int | None
    saved_at: float = field(default_factory=time.monotonic)
    metrics: list[MetricsRow] = field(default_factory=list)
    samples: list[tuple[int, str]] = field(default_factory=list)
    snapshots: list[tuple[int, bytes]] = field(default_factory=list)
    sample_due: bool = False
    began: bool = False  # has made a step in this process
    single: SingleStep | None = None

    @property
    def rests(self) -> bool:
        """Whether it has come to where it was asked to pause."""
        return self.pause_at is not None and self.trainer.step >= self.pause_at

    @property
    def ended(self) -> bool:
        return self.trainer.step >= self.run.train.max_steps

    @property
    def checkpoint_due(self) -> bool:
        return time.monotonic() - self.saved_at >= CHECKPOINT_SECONDS

    def slice(self, seconds: float, marker: Marker) -> None:
        """Trains for about `seconds`, at least one step; the very first step is a slice by itself,
        so that everybody's curve begins soon. Raises Diverged."""
        end = time.monotonic() + seconds
        trainer, train = self.trainer, self.run.train
        if self.sample_due:
            self._write_sample()
        if trainer.step == 0:
            self.snapshots.append((0, weights.snapshot_bytes(trainer.model)))
            end = 0.0
        while not (self.ended or self.rests):
            marker.put(self.run.id, trainer.step + 1)
            if self.pause_at == trainer.step + 1:  # somebody waits for this very step
                metrics, self.single = trainer.advance_seen()
            else:
                metrics = trainer.advance()
            self.began = True
            self.metrics.append(MetricsRow(*astuple(metrics)))
            if is_snapshot_step(metrics.step, train.max_steps):
                self.snapshots.append((metrics.step, weights.snapshot_bytes(trainer.model)))
            self.sample_due = trainer.is_measured_step
            if self.sample_due or time.monotonic() >= end:
                break
        if self.sample_due and (self.ended or self.rests):
            self._write_sample()

    def _write_sample(self) -> None:
        try:
            self.samples.append((self.trainer.step, self.sample()))
        except NotFinite as error:
            raise self.trainer.diverged(self.trainer.step) from error
        self.sample_due = False

    def remark(self) -> str:
        """What has to be said of a run that has come to its end: nothing, of a sound one."""
        newest = self.trainer.loss_history[-NEWEST:]
        loss, blind = sum(newest) / len(newest), math.log(self.run.model.vocab_size)
        if loss <= MUCH * blind:
            return ""
        return (
            f"its loss ended at {loss:,.2f}, where guessing blindly has {blind:.2f}, so it has "
            "learned nothing of this text: start again with a lower learning rate"
        )

    def sample(self) -> str:
        """A text the model writes right now, always from the same start and the same chance."""
        tokenizer = tokenizers.load(self.run.tokenizer)
        prompt = tokenizer.encode("\n")
        if prompt == [tokenizer.unk_id]:
            prompt = self.trainer.train_ids[:1].tolist()
        steps = generate(self.trainer.model, prompt, SAMPLE, candidates=0)
        return tokenizer.decode([step.id for step in steps]).lstrip("\n")

    def results(self, *, checkpoint: bool, **standing: object) -> Results:
        """What is to be written now; afterwards the memory of it is empty."""
        saved = None
        if checkpoint:
            saved = self.trainer.step, weights.to_bytes(self.trainer.state_dict())
            self.saved_at = time.monotonic()
        results = Results(
            self.metrics, self.samples, self.snapshots, saved, single=self.single, **standing
        )
        self.metrics, self.samples, self.snapshots, self.single = [], [], [], None
        return results
