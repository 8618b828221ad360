"""What a run's curve says, in plain sentences with the numbers they rest on. No torch.

Each detector looks for one thing and says nothing where it cannot be told from chance: a trend has
to be three times its own uncertainty, a turn several times the spread of its neighbours.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from minigpt.counting import rounded, times_over
from minigpt.findings.levels import FLOOR, Levels
from minigpt.findings.trends import mean, median, slope_of, spread
from minigpt.store import Curves, Run

SURE = 3.0  # how many times its uncertainty a trend has to be
LEAST_STEPS = 20  # a shorter training says nothing yet
BACK = 0.3  # nats: how far a loss has to be thrown back to be told
OFF_COURSE = 0.5  # nats above blind guessing, which no healthy training comes to
SPIKE, SPIKE_SPREADS = 0.4, 10.0  # nats, and times the usual spread: a jump that is no chance
NEIGHBOURS = 10  # steps on each side that a jump is compared with
RISE = 0.02  # nats: how far a validation loss has to turn up to be told
FALL = 0.005  # of the loss: how far it has to fall over its last fifth to be still falling
LEAST_FALL = 0.01  # nats: less is told as 0.00
KNOWN_BY_HEART = 0.1  # nats on the text it learns from, where hardly anything is left to learn
NEWEST = 6  # measurements on unseen text that tell whether it still falls
AT_FLOOR = 0.03  # of the floor: nearer than that is at it
MOST_SAID = 2  # at a time
MUCH_DECAY, USUAL_DECAY = 0.5, 0.1  # of a weight in a step, which no training bears; and usual
MANY_TIMES = 50  # reading a text so often, a model larger than it can learn it by heart


@dataclass(frozen=True)
class Finding:
    """One thing that a curve says: a few words, the numbers, and what to try."""

    kind: str
    title: str
    numbers: str
    advice: str

    def __str__(self) -> str:
        return f"{self.title}: {self.numbers} {self.advice}"


def findings(run: Run, curves: Curves, known: Levels | None) -> list[Finding]:
    """All that the curve of a run says, the most important first.

    Of a run that still trains, only what can be known by now; `known` is None without its text.
    """
    reading = _Reading(run, curves, known)
    for detect in BROKEN:  # then the curve says nothing more of the text or of the model
        if broken := detect(reading):
            return [broken]
    found = [finding for detect in DETECTORS if (finding := detect(reading))]
    kinds = {finding.kind for finding in found}
    return [finding for finding in found if not kinds & SAID_BY.get(finding.kind, set())]


class _Reading:
    """A run's curve, and what several detectors ask of it."""

    def __init__(self, run: Run, curves: Curves, known: Levels | None) -> None:
        self.run, self.model, self.train = run, run.model, run.train
        finite = np.isfinite(curves.train_loss)
        self.steps, self.loss = curves.step[finite], curves.train_loss[finite]
        measured = np.isfinite(curves.val_loss)
        self.val_steps, self.val = curves.step[measured], curves.val_loss[measured]
        self.lines = {"uniform": math.log(run.model.vocab_size)}
        self.lines |= known.lines if known else {}
        self.tokens = known.tokens if known else None
        restarts = [r.start for r in run.train.restarts if r.start < run.step]
        self.begun = restarts[-1] if restarts else 0  # since when the learning rate falls
        self.has_ended = run.state in ("finished", "stopped") and run.step >= LEAST_STEPS

    def read(self, steps: int) -> float:
        """How many times over so many steps read the part of the text that it learns from."""
        return steps * self.train.batch_size * self.model.block_size / self.tokens

    @property
    def times(self) -> float:
        """How often it will have been read in the end, which of a run at rest is by now; 0 where
        it is not known."""
        last = self.train.max_steps if self.run.active else self.run.step
        return self.read(last) if self.tokens else 0.0

    @property
    def times_told(self) -> str:
        """The same in words, with what was read by now."""
        if not self.run.active:
            return f"were read {times_over(self.times)}"
        now = times_over(self.read(self.run.step))
        return f"were read {now} by now, and {times_over(self.times)} in the end"

    @property
    def newest(self) -> float:
        """The training loss by now, that of several batches."""
        return float(np.median(self.loss[-NEIGHBOURS:]))

    def rates(self, factor: float) -> str:
        """The learning rates, and others to try."""
        rates = [self.train.learning_rate]
        if self.train.optimizer == "muon":
            rates.append(self.train.muon_learning_rate)
        now, then = (
            " and ".join(dict.fromkeys(f"{_askable(rate * by):g}" for rate in rates))
            for by in (1, factor)
        )
        decayed = max(rates) * self.train.weight_decay
        if factor < 1 and decayed >= MUCH_DECAY:
            return (
                f"Weight decay times learning rate is {decayed:.2g}, and by so much every weight "
                f"is drawn to zero in a step: start again with a weight decay of {USUAL_DECAY}."
            )
        word = "lower" if factor < 1 else "higher"
        return f"Start again with a {word} learning rate: {then} instead of {now}."


def _askable(rate: float) -> float:
    """A learning rate that can be asked for, with one digit."""
    return min(1.0, float(f"{rate:.1g}"))


def _diverged(reading: _Reading) -> Finding | None:
    if reading.run.state != "diverged":
        return None
    last = (
        f" The step before it was at {rounded(reading.loss[-1], 3)} nats."
        if len(reading.loss)
        else ""
    )
    return Finding(
        "diverged",
        "It came apart",
        f"at step {reading.run.step + 1:,} the loss was no longer a number.{last}",
        reading.rates(1 / 3),
    )


def _thrown_back(reading: _Reading) -> Finding | None:
    """The loss went up and has not come back."""
    since = reading.steps > reading.begun
    loss, steps = reading.loss[since], reading.steps[since]
    if len(loss) < LEAST_STEPS:
        return None
    smooth, now, sure = mean(loss, NEIGHBOURS), reading.newest, max(BACK, SURE * spread(loss))
    best, uniform = int(smooth.argmin()), reading.lines["uniform"]
    if now > uniform + sure:
        numbers = f"the loss is at {rounded(now, 3)} nats; blind guessing gives {uniform:.2f}."
        return Finding("back", "Worse than guessing", numbers, reading.rates(1 / 3))
    if now < smooth[best] + sure:
        return None
    unigram = reading.lines.get("unigram", math.inf)
    numbers = f"from {smooth[best]:.2f} nats at step {steps[best]:,.0f} to {now:.2f} by now."
    if now > unigram - BACK / 2:
        numbers = (
            f"{numbers[:-1]}, where one is who knows only how often each token occurs "
            f"({unigram:.2f})."
        )
    return Finding("back", "Thrown back", numbers, reading.rates(1 / 3))


def _off_course(reading: _Reading) -> Finding | None:
    """The loss was once far worse than blind guessing, and has come back since."""
    if len(reading.loss) < LEAST_STEPS:
        return None
    smooth, uniform = mean(reading.loss, NEIGHBOURS // 2), reading.lines["uniform"]
    top = int(smooth.argmax())
    if smooth[top] < uniform + OFF_COURSE:
        return None
    below = np.flatnonzero(smooth[top:] < uniform)
    back = top + below[0] if len(below) else -1
    return Finding(
        "course",
        "Off course at first" if top < len(smooth) / 2 else "Off course for a while",
        f"around step {reading.steps[top]:,.0f} the loss was at {rounded(smooth[top], 3)} nats, "
        f"where blind guessing gives {uniform:.2f}, and was below that again from step "
        f"{reading.steps[back]:,.0f} on.",
        reading.rates(1 / 3),
    )


def _stuck(reading: _Reading) -> Finding | None:
    """After many steps it knows no more than how often each token occurs."""
    unigram = reading.lines.get("unigram")
    if unigram is None or reading.run.step < max(4 * LEAST_STEPS, 2 * reading.train.warmup_steps):
        return None
    if reading.newest < unigram - 0.05:
        return None
    half = len(reading.loss) // 2
    slope, uncertain = slope_of(reading.steps[half:], reading.loss[half:])
    calm = reading.loss.max() < reading.lines["uniform"] + BACK and not _spikes(reading)
    creeps = calm and slope < -SURE * uncertain  # else it was too high at first
    return Finding(
        "stuck",
        "Only how often each token occurs",
        f"after {reading.run.step:,} steps the loss is at {reading.newest:.2f} nats; who knows no "
        f"more than that has {unigram:.2f}.",
        reading.rates(3 if creeps else 1 / 3),
    )


def _by_heart(reading: _Reading) -> Finding | None:
    """The loss on unseen text turned up while that on the training text went on falling."""
    val, steps = reading.val, reading.val_steps
    best = int(val.argmin()) if len(val) > 3 else len(val)
    after = val[best + 1 :]
    if len(after) < 2 or after[-3:].min() - val[best] < max(RISE, SURE * spread(val)):
        return None
    then = reading.loss[np.abs(reading.steps - steps[best]) <= NEIGHBOURS].mean()
    if reading.newest > then:
        return None
    advice = "More text, dropout or a smaller model hold it back; so do fewer steps."
    if reading.times > MANY_TIMES:
        advice = (
            f"The {reading.tokens:,} tokens it learns from {reading.times_told}: bring more text, "
            "or take a smaller model, dropout or fewer steps."
        )
    return Finding(
        "heart",
        f"Learning by heart since step {steps[best]:,.0f}",
        f"there it was at its best on unseen text, {val[best]:.2f} nats, and is at {val[-1]:.2f} "
        f"by now, while on the text it learns from it went from {then:.2f} to "
        f"{reading.newest:.2f}.",
        advice,
    )


def _spikes(reading: _Reading) -> Finding | None:
    """Single steps, or a few, at which the loss jumped and came back."""
    loss, steps = reading.loss, reading.steps
    if len(loss) < 4 * NEIGHBOURS:
        return None
    around = median(loss, NEIGHBOURS)
    above = loss - around
    usual = 1.4826 * float(np.median(np.abs(above)))
    jumps = above > max(SPIKE, SPIKE_SPREADS * usual)
    jumps[: 2 * NEIGHBOURS] = False  # there a loss falls fast
    jumps[-3:] = False  # not known yet whether it comes back
    if not jumps.any():
        return None
    count = np.count_nonzero(jumps[1:] & ~jumps[:-1])
    top = int(np.where(jumps, above, -np.inf).argmax())
    steadier = "a larger batch" if reading.train.grad_clip else "gradient clipping"
    return Finding(
        "spikes",
        "Spikes",
        f"the loss jumped {'once' if count == 1 else f'{count} times'}, furthest at step "
        f"{steps[top]:,.0f}, from {around[top]:.2f} to {loss[top]:.2f} nats, and came back.",
        f"A lower learning rate, a longer warm-up or {steadier} makes it steadier.",
    )


def _at_floor(reading: _Reading) -> Finding | None:
    floor = reading.lines.get(FLOOR)
    if floor is None or len(reading.val) < 3:
        return None
    if np.median(reading.val[-3:]) > floor * (1 + AT_FLOOR):
        return None
    return Finding(
        "floor",
        "At the floor",
        f"{reading.val[-1]:.3f} nats on unseen text, where nobody can get below {floor:.3f}: what "
        "is left is chance.",
        "There is no more to learn here: look into its heads, or take a harder world.",
    )


def _not_below(reading: _Reading) -> Finding | None:
    """What it reached is no better than counting pairs, or triples, of tokens."""
    if not (reading.has_ended and len(reading.val)):
        return None
    for name, follows, advice in (
        (
            "bigram",
            "one token",
            "Give it more steps; where it hardly falls any more, try a third of the learning rate.",
        ),
        ("trigram", "two tokens", "Give it more steps, or more layers and width."),
    ):
        line = reading.lines.get(name, math.inf)
        if line < reading.val[-3:].min():
            return Finding(
                name,
                f"Not below {name}s",
                f"{reading.val[-1]:.2f} nats on unseen text; counting what follows {follows} gives "
                f"{line:.2f}.",
                advice,
            )
    return None


def _still_falling(reading: _Reading) -> Finding | None:
    """Over its last fifth the loss fell more than its spread can explain."""
    if not reading.has_ended or reading.newest < KNOWN_BY_HEART:
        return None
    whole = reading.run.step - reading.begun
    late = reading.begun + 0.6 * whole
    unseen = np.count_nonzero(reading.val_steps > late) >= 4
    steps, loss = reading.steps, reading.loss
    if unseen:
        steps, loss = reading.val_steps, reading.val
    steps, loss = steps[steps > late], loss[steps > late]
    if unseen:  # what fell before the newest measurements may have ended with them
        steps, loss = steps[-NEWEST:], loss[-NEWEST:]
    if len(loss) < 4:
        return None
    slope, uncertain = slope_of(steps, loss)
    fall, chance = -slope * whole / 5, uncertain * whole / 5
    if fall < max(SURE * chance, FALL * loss.mean(), LEAST_FALL):
        return None
    return Finding(
        "falling",
        "Still falling at its end",
        f"by {fall:.2f} nats over its last {whole / 5:,.0f} steps, on "
        f"{'unseen text' if unseen else 'the text it learns from'}.",
        "A longer training would most likely go lower."
        if reading.run.imported  # without what its optimizer knew
        else "Train longer: most likely it goes lower.",
    )


def _too_short(reading: _Reading) -> Finding | None:
    """The text will be read so often that a model of this size can keep it as it stands."""
    weights = reading.model.num_parameters()
    if reading.times < MANY_TIMES or weights < reading.tokens:
        return None
    return Finding(
        "short",
        "A short text for this model",
        f"{weights:,} parameters learn from {reading.tokens:,} tokens, which "
        f"{reading.times_told}: enough to keep them by heart.",
        "Bring more text, or take fewer steps or a smaller model.",
    )


Detector = Callable[[_Reading], Finding | None]
BROKEN: Sequence[Detector] = (_diverged, _thrown_back)
DETECTORS: Sequence[Detector] = (
    _by_heart,
    _off_course,
    _stuck,
    _spikes,
    _at_floor,
    _not_below,
    _still_falling,
    _too_short,
)
# What need not be said beside what: the more important one says it already.
SAID_BY: Mapping[str, set[str]] = {
    "short": {"heart"},
    "stuck": {"course"},
    "spikes": {"course"},
    "bigram": {"heart", "course", "stuck", "floor"},
    "trigram": {"heart", "course", "floor"},
    "falling": {"floor", "heart", "course", "short"},  # that one asks for fewer steps
}
