"""Training as an iterator of metrics. It knows no disk and no screen."""

import math
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch.nn.parallel import DistributedDataParallel

from minigpt import optim
from minigpt.config import NotFinite, SettingError, TrainConfig
from minigpt.corpus import Exam, as_ids, batch, split_at, windows
from minigpt.devices import autocast, seed_device
from minigpt.evaluation import accuracy, mean_loss
from minigpt.metrics import Metrics, SingleStep
from minigpt.model import GPT


class Diverged(Exception):
    """The loss, its gradient or the weights stopped being numbers at `step`; the trainer has gone
    back to the weights after `kept` steps, the last that were sound."""

    def __init__(self, step: int, kept: int) -> None:
        super().__init__(
            f"the loss stopped being a number at step {step:,}: start again with a lower learning "
            f"rate; the weights of step {kept:,}, from before that, are kept"
        )
        self.step, self.kept = step, kept


@dataclass(frozen=True)
class Share:
    """Which part of every batch this process reads, when several train one model together."""

    rank: int = 0
    of: int = 1


ALONE = Share()


@contextmanager
def chance_of(seed: int, step: int, device: torch.device, rank: int = 0) -> Iterator[None]:
    """Inside, torch's generators, from which dropout draws, come from `(seed, step, rank)`.

    Afterwards the processor's is as it was. torch.manual_seed would do the same to the generators
    of GPUs that are not there, and remember a traceback for each.
    """
    before = torch.get_rng_state()
    number = rank << 52 | seed << 20 | step  # a run has fewer than 2**20 steps
    torch.default_generator.manual_seed(number)
    seed_device(device, number)
    try:
        yield
    finally:
        torch.set_rng_state(before)


class Trainer:
    """Trains `model` on `train_ids`, ints (n,), validating on `val_ids`, ints (m,), m may be 0; in
    a list, an array or a tensor. Raises InputError when they do not fit the model.

    It trains on the device the model is on; `compiled` by torch.compile; with a `share`, together
    with the other processes of the default process group, which see the same ids.

    Iterate for one `Metrics` a step. Everything step k does comes from the weights, the optimizer
    and `(seed, k)`, so a run may stop anywhere, and one continued from `state_dict` is bit for bit
    the one that never stopped. Raises `Diverged` once the weights are ruined, and has then gone
    back to the last ones that gave a loss.
    """

    def __init__(
        self,
        model: GPT,
        train_ids: Iterable[int],
        val_ids: Iterable[int],
        config: TrainConfig,
        exam: Exam | None = None,
        *,
        share: Share = ALONE,
        compiled: bool = False,
    ) -> None:
        if config.batch_size % share.of:
            raise SettingError(
                f"{{batch_size}} is {config.batch_size} and {share.of} processes share it: choose "
                f"a multiple of {share.of}"
            )
        self.model, self.config, self.exam, self.share = model, config, exam, share
        self._forward = torch.compile(model) if compiled else model
        if share.of > 1:
            self._forward = DistributedDataParallel(self._forward)
        train_ids, val_ids = (as_ids(ids, model.config.vocab_size) for ids in (train_ids, val_ids))
        T = model.config.block_size
        split_at(len(train_ids), 0.0, T)  # tells when they do not fill one context
        self.train_ids = train_ids
        self.optimizers = optim.optimizers(model, config)
        self.loss_history: list[float] = []
        self.seconds = 0.0
        self._weights = list(model.parameters())
        self._sound: list[torch.Tensor] = []  # the newest weights that are known to give a loss
        self._validation = None
        if len(val_ids) > 1:
            most = config.eval_batches * config.batch_size
            x, y = windows(val_ids, T, most)
            self._validation = x, y

    @property
    def step(self) -> int:
        """How many steps are done."""
        return len(self.loss_history)

    @property
    def is_measured_step(self) -> bool:
        """Whether the step just made is one after which it is seen what the model can do: the
        first, the last, and each at the interval."""
        step, config = self.step, self.config
        return step in (1, config.max_steps) or (step > 0 and step % config.eval_interval == 0)

    def __iter__(self) -> Iterator[Metrics]:
        while self.step < self.config.max_steps:
            yield self.advance()

    def advance(self) -> Metrics:
        """Makes one step."""
        started = time.perf_counter()
        config, step = self.config, self.step
        optim.set_progress(self.optimizers, step, config)
        try:
            loss, grad_norm = self._gradients(step)
            if not math.isfinite(loss):
                raise self.diverged(step + 1)
            self._keep_weights()
            if not math.isfinite(grad_norm):
                raise Diverged(step + 1, step)
            for optimizer in self.optimizers:
                optimizer.step()
        finally:
            self._forget_gradients()
        self.loss_history.append(loss)

        measures = self.is_measured_step
        try:
            if not math.isfinite(torch.nn.utils.get_total_norm(self._weights).item()):
                raise NotFinite
            val_loss = self.validate() if measures else None
            right = accuracy(self.model, self.exam) if measures and self.exam else None
        except NotFinite as error:
            raise self.diverged(self.step) from error
        self.seconds += time.perf_counter() - started
        return Metrics(
            step=self.step,
            tokens=self.step * config.batch_size * self.model.config.block_size,
            train_loss=loss,
            val_loss=val_loss,
            lr=config.learning_rate * optim.rate(step, config),
            grad_norm=grad_norm,
            seconds=self.seconds,
            accuracy=right,
        )

    @torch.no_grad()
    def _keep_weights(self) -> None:
        """Copies the weights: that costs a five-hundredth of a step at most, and a step may ruin
        them at once."""
        if not self._sound:
            self._sound = [torch.empty_like(weight) for weight in self._weights]
        torch._foreach_copy_(self._sound, self._weights)

    @torch.no_grad()
    def diverged(self, at: int) -> Diverged:
        """Goes back to the newest weights that gave a loss, those before the newest step, and
        returns what is to be raised; `at` is the step where it was seen.

        It stays where it is when it has made no step itself, and when the older weights do no
        better: then it is not the weights.
        """
        if self._sound:
            ruined = [weight.clone() for weight in self._weights]
            torch._foreach_copy_(self._weights, self._sound)
            self._sound = []
            if self.share.of == 1 and not math.isfinite(self._loss_again(at - 1)):
                torch._foreach_copy_(self._weights, ruined)
            else:
                self.loss_history.pop()
                for optimizer in self.optimizers:
                    optimizer.state.clear()  # what it remembers led astray
        return Diverged(at, self.step)

    def advance_seen(self) -> tuple[Metrics, SingleStep]:
        """Makes the very step that `advance` makes, and looks at what it did: some three times the
        work, for a person who lets a run make one step."""
        step, names = self.step, [name for name, _ in self.model.named_parameters()]
        before = [weight.detach().clone() for weight in self._weights]
        metrics = self.advance()
        squares: dict[str, list[float]] = {}
        for name, old, new in zip(names, before, self._weights, strict=True):
            sums = squares.setdefault(part_of(name), [0.0, 0.0])
            sums[0] += (new.detach() - old).double().square().sum().item()
            sums[1] += old.double().square().sum().item()
        moves = {part: (d**0.5, n**0.5) for part, (d, n) in squares.items()}
        x, y = self._batch(step)
        ids = [*x[0].tolist(), y[0, -1].item()]
        after = self._loss_again(step)
        if not math.isfinite(after):
            raise self.diverged(self.step)
        return metrics, SingleStep(metrics.step, ids, len(x), metrics.train_loss, after, moves)

    def _loss_again(self, step: int) -> float:
        """The loss of a step's batch with the weights as they are now, with the same dropout."""
        self.model.train()
        total = 0.0
        parts = self._parts(*self._batch(step))
        with chance_of(self.config.seed, step, self.model.device, self.share.rank):
            for inputs, targets in parts:
                total += self._loss(inputs, targets).item() * len(inputs)
        return total / sum(len(inputs) for inputs, _ in parts)

    def _batch(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Inputs and targets of a step that this process reads, each (B, T)."""
        config, model, share = self.config, self.model, self.share
        x, y = (
            torch.from_numpy(rows[share.rank :: share.of]).to(model.device)
            for rows in batch(
                self.train_ids, model.config.block_size, config.batch_size, config.seed, step
            )
        )
        return x, y

    def _parts(self, x: torch.Tensor, y: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """A batch as it is read, one part after the other."""
        return list(
            zip(*(rows.chunk(self.config.accumulation_steps) for rows in (x, y)), strict=True)
        )

    def _gradients(self, step: int) -> tuple[float, float]:
        """Fills the gradients of step `step`, clipped; returns the loss and their norm."""
        config, model, share = self.config, self.model, self.share
        x, y = self._batch(step)
        if not model.training:
            model.train()
        parts = self._parts(x, y)
        loss = torch.zeros((), device=model.device)
        with chance_of(config.seed, step, model.device, share.rank):
            for inputs, targets in parts:
                # Processes add up their gradients once, with the last part.
                waits = share.of > 1 and inputs is not parts[-1][0]
                with self._forward.no_sync() if waits else nullcontext():
                    part = self._loss(inputs, targets) * (len(inputs) / len(x))
                    part.backward()
                loss += part.detach()
        if share.of > 1:
            torch.distributed.all_reduce(loss)
        gradients = [w.grad for w in self._weights if w.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        if config.grad_clip and norm > config.grad_clip:
            torch.nn.utils.clip_grads_with_norm_(self._weights, config.grad_clip, norm)
        return loss.item() / share.of, norm.item()

    def _loss(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Mean cross-entropy of targets y given inputs x, both int64 (B, T)."""
        with autocast(x.device, self.config.precision):
            logits = self._forward(x)  # (B, T, V)
        return F.cross_entropy(logits.float().flatten(0, 1), y.flatten())

    def _forget_gradients(self) -> None:
        for optimizer in self.optimizers:
            optimizer.zero_grad()

    def validate(self) -> float | None:
        """Loss on the validation windows, in nats per token; None when there are none."""
        if self._validation is None:
            return None
        at_once = math.ceil(self.config.batch_size / self.config.accumulation_steps)
        return mean_loss(self.model, *self._validation, at_once)

    def state_dict(self) -> dict[str, torch.Tensor]:
        """Copies of all a run needs to go on: one flat dict of tensors, fit for safetensors."""
        return {name: tensor.clone() for name, tensor in self.state().items()}

    def state(self) -> dict[str, torch.Tensor]:
        """The same without copying: the next step changes it."""
        state = {f"model.{name}": weight for name, weight in self.model.state_dict().items()}
        for name, weight in self.model.named_parameters():
            for optimizer in self.optimizers:
                for key, value in optimizer.state.get(weight, {}).items():
                    state[f"optimizer.{name}.{key}"] = value
        state["loss_history"] = torch.tensor(self.loss_history, dtype=torch.float64)
        state["seconds"] = torch.tensor(self.seconds, dtype=torch.float64)
        return {name: tensor.detach() for name, tensor in state.items()}

    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        """Goes on where `state_dict` was taken. Raises KeyError or RuntimeError on another's."""
        self.model.load_state_dict(
            {
                name.removeprefix("model."): tensor
                for name, tensor in state.items()
                if name.startswith("model.")
            }
        )
        for name, weight in self.model.named_parameters():
            prefix = f"optimizer.{name}."
            kept = {
                key.removeprefix(prefix): tensor.to(weight.device, copy=True)
                for key, tensor in state.items()
                if key.startswith(prefix)
            }
            for optimizer in self.optimizers:
                if kept and any(weight is w for g in optimizer.param_groups for w in g["params"]):
                    optimizer.state[weight] = kept
        self.loss_history = state["loss_history"].tolist()
        self.seconds = state["seconds"].item()


def part_of(name: str) -> str:
    """The part of a model that a weight belongs to: wte, bigram, wpe, h.0.attn, h.0.mlp, …; a norm
    belongs to what it stands before."""
    first, *rest = name.split(".")
    if first == "h":
        inside = {"ln_1": "attn", "ln_2": "mlp"}.get(rest[1], rest[1])
        return f"h.{rest[0]}.{inside}"
    return {"ln_f": "lm_head"}.get(first, first)
