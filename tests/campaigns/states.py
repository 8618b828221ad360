"""Random sequences of all that people and workers do to runs, on a clock of their own.

    python -m tests.campaigns.states 5000

Start, pause, resume, one step, stop, train longer, rename, delete, export, import, looking,
waiting, and workers that end or die in between: no run may ever be in a state it cannot be in.
"""

import argparse
import itertools
import shutil
import tempfile
from pathlib import Path
from unittest.mock import patch

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine

from minigpt import bundle
from minigpt.config import GPTConfig, InputError, SampleConfig, TrainConfig
from minigpt.engine import training, worker
from minigpt.limits import Limits
from minigpt.store import LIBRARY_SHELF, Store
from minigpt.tokenizers import CharTokenizer

TEXT = "to be, or not to be. " * 8
TOKENIZER = CharTokenizer.train(TEXT)
MODEL = GPTConfig(TOKENIZER.vocab_size, block_size=4, n_layer=1, n_head=1, n_embd=2)
TRAIN = TrainConfig(max_steps=5, batch_size=1, eval_interval=3, eval_batches=1, warmup_steps=1)
LIMITS = Limits(max_running=3, max_running_per_workspace=2, abandoned_minutes=10, max_age_days=1)
_sequences = itertools.count(1)
PEOPLE = st.sampled_from(["ann", "bob", "eve"])


class Runs(RuleBasedStateMachine):
    """What happens to the runs of three people."""

    runs = Bundle("runs")

    @initialize()
    def open(self) -> None:
        print(f"sequence {next(_sequences):,}", end="\r", flush=True)
        self.folder = Path(tempfile.mkdtemp())
        self.now = 1_000_000.0
        self.store = Store(self.folder, clock=lambda: self.now)
        self.text_id = self.store.add_text(LIBRARY_SHELF, "text", TEXT)
        self.deleted: set[str] = set()
        self.worker = worker.Worker(self.store, LIMITS)

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.all_that_wish_to_run_come_to_their_end()
            self.store.close()
            shutil.rmtree(self.folder)

    # What people do. A refusal is a sentence; anything else is a defect.

    @rule(target=runs, who=PEOPLE)
    def start(self, who: str) -> str:
        return self.store.create_run(who, "a run", self.text_id, TOKENIZER.to_json(), MODEL, TRAIN)

    @rule(run_id=runs, wish=st.sampled_from(["running", "paused", "stopped", "deleted"]))
    def wish(self, run_id: str, wish: str) -> None:
        try:
            self.store.wish(run_id, wish)
        except InputError:
            return
        if wish == "deleted":
            self.deleted.add(run_id)

    @rule(run_id=runs)
    def one_step(self, run_id: str) -> None:
        self.try_to(self.store.step, run_id)

    @rule(run_id=runs, steps=st.integers(1, 3))
    def train_longer(self, run_id: str, steps: int) -> None:
        self.try_to(self.store.extend, run_id, steps)

    @rule(run_id=runs, name=st.sampled_from(["", "new name", "x" * 100]))
    def rename(self, run_id: str, name: str) -> None:
        self.try_to(self.store.rename, run_id, name)

    @rule(target=runs, run_id=runs, who=PEOPLE)
    def export_and_import(self, run_id: str, who: str) -> str:
        try:
            data = bundle.export_run(self.store, self.store.run(run_id))
            return bundle.import_run(self.store, data, who, limits=LIMITS)
        except InputError:
            return run_id

    @rule(run_id=runs)
    def look(self, run_id: str) -> None:
        self.store.look(run_id)

    @rule(minutes=st.sampled_from([1, 11, 60 * 30]))
    def wait(self, minutes: int) -> None:
        self.now += 60 * minutes

    # What workers do.

    @rule(turns=st.integers(1, 8))
    def work(self, turns: int) -> None:
        self.worker._tidied_at = float("-inf")
        for _ in range(turns):
            self.worker.turn()
        assert not self.worker.health.trouble

    @rule()
    def worker_ends(self) -> None:
        self.worker.save()
        self.worker = worker.Worker(self.store, LIMITS)

    @rule()
    def worker_dies(self) -> None:
        self.worker = worker.Worker(self.store, LIMITS)

    @staticmethod
    def try_to(act, *args: object) -> None:
        try:
            act(*args)
        except InputError as refusal:
            assert len(str(refusal)) > 20

    # What is always so.

    @invariant()
    def every_run_is_in_a_state_it_can_be_in(self) -> None:
        if not hasattr(self, "store"):
            return
        for run in self.store.runs():
            assert run.id not in self.deleted
            assert (run.state, run.wish) != ("paused", "running"), "nobody would take it up"
            assert run.step <= run.train.max_steps
            assert run.state != "finished" or run.step == run.train.max_steps
            steps = self.store.curves(run.id).step.tolist()
            assert steps == list(range(1, run.step + 1))
            assert (self.store.checkpoint_step(run.id) or 0) <= run.step
            if run.state == "failed":
                assert "ended twice" in run.reason
        in_memory = self.worker.trainings
        running = {run.id for run in self.store.running()}
        assert set(in_memory) <= running | self.deleted
        if self.worker._requeued:
            assert running <= set(in_memory)
        whole = [training.job for training in in_memory.values() if training.job.pause_at is None]
        assert len(whole) <= LIMITS.max_running
        for who in ("ann", "bob", "eve"):
            own = [run for run in whole if run.workspace == who]
            assert len(own) <= LIMITS.max_running_per_workspace

    def all_that_wish_to_run_come_to_their_end(self) -> None:
        asked = [run.id for run in self.store.runs() if run.active and run.wish == "running"]
        for _ in range(40 * (len(asked) + 1)):
            self.worker.turn()
        for run in self.store.runs():
            assert run.state in ("finished", "stopped", "paused", "failed")
            if run.id in asked and run.pause_at is None:
                assert run.state in ("finished", "paused", "failed")
                assert run.state != "paused" or run.wish == "paused"


def campaign(count: int, derandomize: bool = False) -> None:
    """Raises on the first sequence that breaks a rule, made as short as it can be."""
    chosen = settings(
        max_examples=count,
        stateful_step_count=25,
        deadline=None,
        derandomize=derandomize,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    with patch.object(training, "SAMPLE", SampleConfig(max_new_tokens=2)):
        run_machine(Runs, settings=chosen)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("count", type=int, nargs="?", default=5_000)
    args = arguments.parse_args()
    campaign(args.count)
    print(f"{args.count:,} sequences: no illegal state")


if __name__ == "__main__":
    main()
