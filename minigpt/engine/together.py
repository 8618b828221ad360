"""Several processes train one run together, started by torchrun, one for each device.

    torchrun --nproc-per-node 2 -m minigpt train tales.txt

Each reads its share of every batch and their gradients are averaged, so the run is the one that a
single process would have made. The first, rank 0, leads: it alone writes to the store.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import torch
import torch.distributed as dist
from filelock import FileLock, Timeout
from tqdm import tqdm

from minigpt.config import InputError, words_of
from minigpt.devices import best_device
from minigpt.engine.jobs import job_of
from minigpt.engine.marker import Marker
from minigpt.engine.supervisor import lock_path
from minigpt.engine.training import Training
from minigpt.metrics import Results
from minigpt.store import Run, Store
from minigpt.trainer import Diverged, Share, Trainer

WRITE_SECONDS = 1.0  # between two looks at the store
STOP, STEP = 0, 1


def train_together(store: Store, wanted: Callable[[], str]) -> Run | None:
    """Trains the run that `wanted` gives to rank 0, which gets it back as it ended; the others get
    None.

    Raises InputError when it cannot be trained, or when another process of the job has died: the
    run is then paused at the last step that all of them made.
    """
    ends = threading.Event()  # torchrun sends SIGTERM when another process has died
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ends.set())
    device, backend = torch.device("cpu"), "gloo"
    if best_device().type == "cuda":  # other cards cannot average gradients
        device, backend = torch.device("cuda", int(os.environ["LOCAL_RANK"])), "cpu:gloo,cuda:nccl"
        torch.cuda.set_device(device)
    dist.init_process_group(backend)
    try:
        with _alone_with(store):
            run = store.run(_from_leader(wanted))
            share = Share(dist.get_rank(), dist.get_world_size())
            try:
                job = replace(job_of(store, run), pause_at=None)
                trainer = job.trainer(device=device, share=share)
            except InputError as error:
                if share.rank == 0:
                    store.record(
                        run.id, Results(state="paused", reason=words_of(error), rests=True)
                    )
                raise
            if share.rank == 0:
                return _lead(store, Training(job, trainer), ends)
            _follow(trainer)
            return None
    finally:
        dist.destroy_process_group()


@contextmanager
def _alone_with(store: Store) -> Iterator[None]:
    """Holds a store's worker lock in rank 0; raises InputError in all when a worker has it."""
    lock = FileLock(lock_path(store.folder))

    def hold() -> str:
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise InputError(
                "another training, or the app, uses this store: end it first, or set MINIGPT_HOME "
                "to another folder"
            ) from error
        store.requeue()  # what an earlier worker was training when it died
        return ""

    _from_leader(hold)
    try:
        yield
    finally:
        lock.release()  # by whom it is held; for the others it does nothing


def _from_leader(ask: Callable[[], str]) -> str:
    """What `ask` gives to rank 0, for all; its InputError is everybody's."""
    answer: list[str | InputError] = [""]
    if dist.get_rank() == 0:
        try:
            answer = [ask()]
        except InputError as error:
            answer = [error]
    dist.broadcast_object_list(answer)
    if isinstance(answer[0], InputError):
        raise answer[0]
    return answer[0]


def _agree(order: int = STOP) -> int:
    """Rank 0's order, STEP or STOP, as all receive it."""
    told = torch.tensor([order])
    dist.broadcast(told, 0)
    return int(told)


def _follow(trainer: Trainer) -> None:
    try:
        while _agree() == STEP:
            trainer.advance()
    except Diverged:
        return  # rank 0 has come to the same step and tells
    except RuntimeError as error:
        raise InputError("another process of this job has ended") from error


def _lead(store: Store, training: Training, ends: threading.Event) -> Run:
    run_id, trainer, marker = training.job.id, training.trainer, Marker(store.folder)
    store.rewind(run_id, trainer.step)
    store.record(run_id, Results(state="running"))
    try:
        _take_steps(store, training, marker, ends)
    except Diverged as error:  # in every process, at the same step
        results = training.results(
            checkpoint=True, state="diverged", reason=str(error), kept=error.kept
        )
    except RuntimeError as error:  # before this step has changed anything
        print(f"error: {error}", file=sys.stderr)
        reason = f"another process of its job ended in step {trainer.step + 1:,}"
        results = training.results(checkpoint=True, state="paused", reason=reason, rests=True)
        marker.clear()
        store.record(run_id, results)
        raise InputError(
            f"{reason}; go on with: python -m minigpt train --resume {run_id}"
        ) from error
    else:
        wish = store.run(run_id).wish
        if training.ended:
            reason = training.remark()
            results = training.results(checkpoint=True, state="finished", reason=reason)
        elif wish == "stopped":
            results = training.results(checkpoint=True, state=wish)
        else:
            results = training.results(checkpoint=True, state="paused", rests=True)
    marker.clear()
    store.record(run_id, results)
    return store.run(run_id)


def _take_steps(store: Store, training: Training, marker: Marker, ends: threading.Event) -> None:
    """Leads the others step by step until the run ends or is wished to rest, and lets them go."""
    job, trainer = training.job, training.trainer
    written_at = time.monotonic()
    with tqdm(total=job.train.max_steps, initial=trainer.step, unit="step", disable=None) as bar:
        while not (training.ended or ends.is_set()):
            _agree(STEP)
            training.slice(0.0, partial(marker.put, job.id))
            if time.monotonic() - written_at < WRITE_SECONDS:
                continue
            written_at = time.monotonic()
            bar.update(trainer.step - bar.n)
            results = training.results(checkpoint=training.checkpoint_due)
            marker.clear()
            store.record(job.id, results)
            if store.run(job.id).wish != "running":
                break
        bar.update(trainer.step - bar.n)
    _agree(STOP)
