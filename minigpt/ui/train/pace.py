"""How long a training takes: as this machine was measured, or by the pace of what trains now."""

from minigpt.config import GPTConfig, TrainConfig
from minigpt.counting import rounded
from minigpt.engine.speed import PACED_STEPS, slowdown
from minigpt.store import Run
from minigpt.ui import services
from minigpt.ui.words import rough


def estimate(model: GPTConfig, train: TrainConfig) -> str:
    """How long a new run will take, alone and beside those that train now."""
    if (speed := services.speed()) is None:
        return " This machine is being measured: the time it will take stands here in a moment."
    running = services.store().running()
    measured = speed.seconds_per_step(model, train) * train.max_steps
    times = slowdown(pace for run in running if (pace := _pace(run)))
    sentence = f" Its steps take about **{rough(measured * times)}** on this machine"
    if times == 1 and not running:
        sentence += " while nothing else keeps it busy, and several times as long where much does"
    if others := len(running):
        beside = rough(measured * times * (others + 1))
        who = "one that trains" if others == 1 else f"{others} that train"
        sentence += f", or about {beside} beside the {who} now"
    if times != 1:
        sentence += f", by the pace of what trains now. {_differs(times)}, by which it would be "
        sentence += rough(measured)
    return f"{sentence}."


def differs(run: Run, sharing: int) -> str:
    """That a running run's steps take much longer, or shorter, than this machine was measured to
    take, and what that makes of the whole; empty where they do not."""
    pace = _pace(run)
    if run.state != "running" or pace is None or (times := slowdown([pace])) == 1:
        return ""
    measured, said = pace
    steps = run.train.max_steps * max(sharing, 1)  # the others have their turns in between
    whole, planned = rough(measured * steps), rough(said * steps)
    return f"{_differs(times)}: by this pace the whole run takes about {whole}, not {planned}."


def _differs(times: float) -> str:
    is_now = "busy with other work" if times > 1 else "faster than it was"
    told = rounded(times, 2)
    return f"This machine is {is_now}: a step takes {told} times as long as was measured"


def _pace(run: Run) -> tuple[float, float] | None:
    """Seconds of one of a run's steps: in the last minute, and as the probe says."""
    speed, measured = services.speed(), services.store().seconds_per_step(run.id)
    if speed is None or measured is None or run.step < PACED_STEPS:
        return None
    return measured, speed.seconds_per_step(run.model, run.train)
