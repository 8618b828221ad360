"""A run in memory while it trains: Job → Training → Results. It knows no store and no file."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import safetensors.torch
import torch

from minigpt import memory, tokenizers, weights
from minigpt.config import GPTConfig, NotFinite, SampleConfig, TrainConfig
from minigpt.corpus import split, worlds
from minigpt.devices import best_device
from minigpt.generation import generate
from minigpt.metrics import Metrics, Results, SingleStep
from minigpt.model import new_model
from minigpt.trainer import ALONE, Share, Trainer

CHECKPOINT_SECONDS = 25.0  # between two; with the slice and the write, a crash costs less than 30
NEWEST, MUCH = 10, 1.2  # steps over which a last loss is averaged, and how far above blind guessing
SAMPLE = SampleConfig(max_new_tokens=160, temperature=0.8)


def is_snapshot_step(step: int, max_steps: int) -> bool:
    """0, 1, 2, 3, 4, 6, 8, 11, …: powers of √2, rounded, and the last: 21 in a run of 1,000."""
    return step in (0, max_steps) or step == round(2 ** (round(2 * math.log2(step)) / 2))


@dataclass(frozen=True)
class Job:
    """All that a run needs to be trained, wherever that may be: settings, ids and bytes."""

    id: str
    workspace: str  # whose it is: what a machine has is shared out among them
    model: GPTConfig
    train: TrainConfig
    tokenizer: str  # JSON, for tokenizers.load
    ids: np.ndarray  # of its text, uint16 (n,)
    origin: str  # JSON of the world that wrote the text, for worlds.load; empty where none did
    checkpoint: bytes | None  # a trainer's state as safetensors; without one, it begins
    pause_at: int | None  # the step at which it will pause by itself

    def trainer(
        self,
        *,
        device: torch.device | None = None,
        share: Share = ALONE,
        compiled: bool = False,
    ) -> Trainer:
        """Its trainer, as far as the checkpoint; on the best device there is, or on `device`.

        Raises InputError when the text is too short for the context.
        """
        train_ids, val_ids = split(self.ids, self.train.val_fraction, self.model.block_size)
        trainer = Trainer(
            new_model(self.model, self.train.seed).to(device or best_device()),
            train_ids,
            val_ids,
            self.train,
            self._exam(val_ids),
            share=share,
            compiled=compiled,
        )
        if self.checkpoint:
            trainer.load_state_dict(safetensors.torch.load(self.checkpoint))
        return trainer

    def _exam(self, val_ids: np.ndarray) -> worlds.Exam | None:
        """The exam on a text that comes from a world, where tokens are characters."""
        world, tokenizer = worlds.load(self.origin), tokenizers.load(self.tokenizer)
        if world is None or tokenizer.kind != "char":
            return None
        return worlds.exam(world, tokenizer.decode(val_ids), val_ids, self.model.block_size)


@dataclass
class Training:
    """A job in memory: its trainer, and what was learned since the last results."""

    job: Job
    trainer: Trainer
    seconds: float = 0.0  # of processor time that it had
    since: float = field(default_factory=time.monotonic)  # it is in memory
    saved_at: float = field(default_factory=time.monotonic)
    metrics: list[Metrics] = field(default_factory=list)
    samples: list[tuple[int, str]] = field(default_factory=list)
    snapshots: list[tuple[int, bytes]] = field(default_factory=list)
    sample_due: bool = False
    began: bool = False  # has made a step in this process
    measuring: float = 0.0  # seconds that measuring it on unseen text takes, as is estimated
    single: SingleStep | None = None

    def __post_init__(self) -> None:
        self.job = replace(self.job, checkpoint=None)  # the trainer has it: no need of both
        self.takes = memory.of_run(self.job.model, self.job.train, len(self.job.ids))

    @property
    def age(self) -> float:
        """For how many seconds it has been in memory."""
        return time.monotonic() - self.since

    @property
    def rests(self) -> bool:
        """Whether it has come to where it was asked to pause."""
        pause_at = self.job.pause_at
        return pause_at is not None and self.trainer.step >= pause_at

    @property
    def ended(self) -> bool:
        return self.trainer.step >= self.job.train.max_steps

    @property
    def checkpoint_due(self) -> bool:
        return time.monotonic() - self.saved_at >= CHECKPOINT_SECONDS

    def slice(self, seconds: float, before_step: Callable[[int], None]) -> None:
        """Trains for about `seconds`, at least one step; the very first step is a slice by itself,
        so that everybody's curve begins soon. `before_step` is told each step it goes into.
        Raises Diverged."""
        end = time.monotonic() + seconds
        trainer, train = self.trainer, self.job.train
        if self.sample_due:
            self._write_sample()
        if trainer.step == 0:
            self.snapshots.append((0, weights.snapshot_bytes(trainer.model)))
            end = 0.0
        while not (self.ended or self.rests):
            before_step(trainer.step + 1)
            if self.job.pause_at == trainer.step + 1:  # somebody waits for this very step
                metrics, self.single = trainer.advance_seen()
            else:
                metrics = trainer.advance()
            self.began = True
            self.metrics.append(metrics)
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
        loss, blind = sum(newest) / len(newest), math.log(self.job.model.vocab_size)
        if loss <= MUCH * blind:
            return ""
        return (
            f"its loss ended at {loss:,.2f}, where guessing blindly has {blind:.2f}, so it has "
            "learned nothing of this text: start again with a lower learning rate"
        )

    def sample(self) -> str:
        """A text the model writes right now, always from the same start and the same chance."""
        tokenizer = tokenizers.load(self.job.tokenizer)
        prompt = tokenizer.encode("\n")
        if prompt == [tokenizer.unk_id]:
            prompt = self.trainer.train_ids[:1].tolist()
        steps = generate(self.trainer.model, prompt, SAMPLE, candidates=0)
        return tokenizer.decode([step.id for step in steps]).lstrip("\n")

    def results(self, *, checkpoint: bool, **standing: object) -> Results:
        """What is to be written now; afterwards the memory of it is empty."""
        saved = None
        if checkpoint:
            saved = self.trainer.step, weights.to_bytes(self.trainer.state())
            self.saved_at = time.monotonic()
        results = Results(
            self.metrics, self.samples, self.snapshots, saved, single=self.single, **standing
        )
        self.metrics, self.samples, self.snapshots, self.single = [], [], [], None
        return results
