"""A new run, or one that is made longer: all that can be wrong with it is told here, before it
stands in line."""

from minigpt.config import GPTConfig, SettingError, TrainConfig
from minigpt.corpus import characters_per_token, measured_on, split_at
from minigpt.counting import counted, percent
from minigpt.engine import room
from minigpt.engine.speed import Speed
from minigpt.limits import SMALLER, Limits, most_that
from minigpt.store import EVERYONE, Run, Store
from minigpt.tokenizers import Tokenizer

MEASURING = 4  # measuring the loss on unseen text may take so many times as long as a step


def check(
    store: Store,
    limits: Limits,
    workspace: str,
    tokens: int,
    model: GPTConfig,
    train: TrainConfig,
) -> int:
    """How many of a text's tokens such a run would train on; the others validate it.

    Raises InputError where `launch` would: a limit is met, or the text is too short.
    """
    limits.check_run(model, train)
    check_cost(store, limits, model, train, tokens)
    limits.check_runs(len(store.runs(workspace)))
    check_line(store, limits, workspace)
    room.check_run(store, limits, workspace, room.run_bytes(model, train))
    return split_at(tokens, train.val_fraction, model.block_size)


def check_cost(
    store: Store, limits: Limits, model: GPTConfig, train: TrainConfig, tokens: int = 0
) -> None:
    """Raises InputError when training on so many tokens takes more memory than this installation
    has, or when all others would wait too long for one of its steps."""
    limits.check_memory(model, train, tokens)
    speed, allowed = speed_of(store), limits.max_step_seconds

    def step(**changes: int) -> float:
        return speed.seconds_per_step(model, train.replace(**changes))

    def measuring(**changes: int) -> float:
        return speed.seconds_to_measure(model, train.replace(**changes), tokens)

    if step() > allowed:
        fewer = most_that(
            lambda n: step(batch_size=n, accumulation_steps=1) <= allowed, train.batch_size
        )
        raise SettingError(
            f"{{batch_size}} is {train.batch_size:,} and {{block_size}} is {model.block_size:,}: a "
            f"step of this model takes about {step():,.0f} s on this machine, and this "
            f"installation lets the others wait for at most {allowed:,} s: "
            + (f"set {{batch_size}} to at most {fewer:,}" if fewer else SMALLER)
        )
    if measuring() > MEASURING * allowed:
        fewer = most_that(
            lambda n: measuring(eval_batches=n) <= MEASURING * allowed, train.eval_batches
        )
        raise SettingError(
            f"{{eval_batches}} is {train.eval_batches:,}: measuring the loss on unseen text takes "
            f"about {measuring():,.0f} s on this machine, and this installation lets the others "
            f"wait for at most {MEASURING * allowed:,} s: set {{eval_batches}} to at most {fewer:,}"
        )


def check_line(store: Store, limits: Limits, workspace: str) -> None:
    """Raises InputError when there is no room in line for one more run of a workspace."""
    own, everybody = store.waiting(workspace)
    limits.check_line(own if workspace != EVERYONE else 0, everybody)


def resume(store: Store, limits: Limits, run: Run) -> None:
    """Lets a paused run go on. Raises InputError when it has ended or the line is full."""
    if run.state == "paused":
        check_line(store, limits, run.workspace)
    store.wish(run.id, "running")


def one_step(store: Store, limits: Limits, run: Run) -> None:
    """Lets a paused run make one step. Raises InputError when it has ended or the line is full."""
    if run.state == "paused":
        check_line(store, limits, run.workspace)
    store.step(run.id)


def speed_of(store: Store) -> Speed:
    """How fast this machine trains, as it was measured, or as is supposed until then."""
    measured = store.speed()
    return Speed.from_json(measured[1]) if measured else Speed.supposed()


def launch(
    store: Store,
    limits: Limits,
    workspace: str,
    name: str,
    text_id: str,
    tokenizer: Tokenizer,
    model: GPTConfig,
    train: TrainConfig,
) -> str:
    """Puts a run on a stored text into the store, where the worker finds it; returns its id.

    Raises InputError when a limit is met or the text is too short for the context.
    """
    ids = tokenizer.encode_array(store.text(text_id))
    cut = check(store, limits, workspace, len(ids), model, train)
    return store.create_run(
        workspace,
        name,
        text_id,
        tokenizer.to_json(),
        model,
        train,
        characters_per_token=characters_per_token(tokenizer, measured_on(ids, cut)),
    )


def train_longer(store: Store, limits: Limits, run: Run, steps: int, share: float) -> None:
    """Lets an ended run train for `steps` more; its learning rate is raised to `share` of its peak.

    Raises InputError when a limit is met or the run cannot go on.
    """
    check_longer(limits, run, steps, share)
    check_line(store, limits, run.workspace)
    store.extend(run.id, steps, share)


def check_longer(limits: Limits, run: Run, steps: int, share: float) -> None:
    """Raises InputError when an ended run cannot train for so many more steps."""
    room = limits.max_steps - run.step
    if type(steps) is int and steps > room:
        most = f"choose at most {room:,}" if room > 0 else "it cannot go on"
        raise SettingError(
            f"{{longer}} is {steps:,} and the run is at step {run.step:,}; this installation "
            f"trains for at most {limits.max_steps:,}: {most}"
        )
    train = run.train.longer(run.step, steps, share)
    limits.check_run(run.model, train)
    limits.check_memory(run.model, train)


def raises_rate(run: Run, steps: int) -> bool:
    """Whether an ended run that goes on for `steps` comes to the end of its plan, where its
    learning rate is raised once more."""
    return run.step + steps > run.train.planned_steps


def longer_plan(run: Run, steps: int, share: float) -> str:
    """What the learning rate of an ended run will do over `steps` more, in sentences."""
    train = run.train.longer(run.step, steps, share)
    planned = max(run.step, run.train.planned_steps)
    told = ""
    if planned > run.step:
        told = (
            f"Its learning rate is planned up to step {planned:,}, and the run is at step "
            f"{run.step:,}: it goes on along that plan, up to step "
            f"{min(planned, train.max_steps):,}. "
        )
    if train.restarts == run.train.restarts:
        return f"{told}Only beyond the plan would the rate be raised."
    restart = train.restarts[-1]
    low, who = train.min_lr_ratio, "There its learning rate"
    if not told:
        nothing = "nothing is learned any more" if not low else "little is learned"
        told = (
            f"The learning rate has come down to {percent(low, 0)} of its peak, where {nothing}. "
        )
        who = "It"
    if restart.share <= low:
        return f"{told}{who} stays at {percent(low, 0)} of its peak."
    return (
        f"{told}{who} is raised to {percent(restart.share, 0)} of its peak, and falls again to "
        f"{percent(low, 0)} over {counted(restart.end - restart.start, 'step')}. The loss may rise "
        "at first."
    )
