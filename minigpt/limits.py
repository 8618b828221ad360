"""What one installation allows: environment variables, with defaults that fit its memory."""

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from typing import Self

from minigpt import host, memory
from minigpt.config import GPTConfig, InputError, SettingError, TrainConfig
from minigpt.counting import counted

MOST = 10**12
BASE_MB = 500  # that the app and its worker take before anybody trains or looks at anything
LEAST_RUNNING_MB, LEAST_WORK_MB, LEAST_LOOK_MB = 100, 200, 100
SMALLER = "make the model narrower, shallower, or shorten its context"
MAX_WORKSPACE = 80  # characters


def bounded(default: int, least: int, most: int) -> int:
    """A limit with bounds of its own; the others are from 1 to MOST."""
    return field(default=default, metadata={"least": least, "most": most})


@dataclass(frozen=True)
class Limits:
    """What one installation allows, from environment variables; met limits get a sentence.

    The defaults are those of a machine with plenty of memory; `of_host` are those of one with less.
    """

    memory_mb: int = 8_000  # what the app, its worker and their children may take together
    max_text_mb: int = 20
    max_parameters: int = 20_000_000
    max_steps: int = 100_000
    max_step_seconds: int = 30
    max_running: int = 32
    max_running_mb: int = 3_750
    max_running_per_workspace: int = 4
    max_waiting: int = 500
    max_waiting_per_workspace: int = 20
    max_runs_per_workspace: int = 100
    abandoned_minutes: int = 10
    max_age_days: int = 30
    max_disk_mb: int = 2_000
    max_import_mb: int = 100
    max_texts_per_workspace: int = 50
    max_work_mb: int = bounded(600, LEAST_WORK_MB, MOST)  # of memory for the heavy work of pages
    max_look_mb: int = bounded(600, LEAST_LOOK_MB, MOST)  # of memory for models that are looked at
    threads: int = bounded(0, 0, 1_024)  # 0: all cores
    compile: int = bounded(0, 0, 1)  # 1 trains with torch.compile

    @classmethod
    def of_host(cls, memory_mb: int) -> Self:
        """What a machine with so much memory allows: half of what the processes leave is for the
        runs that train, the other half for what people look at."""
        return cls(
            memory_mb=memory_mb,
            max_running_mb=max(LEAST_RUNNING_MB, (memory_mb - BASE_MB) // 2),
            max_text_mb=min(cls.max_text_mb, max(1, memory_mb // 100)),
            max_import_mb=min(cls.max_import_mb, max(1, memory_mb // 20)),
            max_work_mb=min(cls.max_work_mb, max(LEAST_WORK_MB, (memory_mb - BASE_MB) // 2)),
            max_look_mb=min(cls.max_look_mb, max(LEAST_LOOK_MB, (memory_mb - BASE_MB) // 5)),
        )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Reads `MINIGPT_<NAME>`, for example MINIGPT_MAX_TEXT_MB=5; the other limits follow from
        MINIGPT_MEMORY_MB, or from the memory that this process may use. Raises InputError."""
        usual = asdict(cls(memory_mb=_host_mb()))
        values: dict[str, int] = {}
        for spec in fields(cls):
            name = f"MINIGPT_{spec.name.upper()}"
            text = (environment.get(name) or str(usual[spec.name])).strip()  # empty is unset
            least, most = spec.metadata.get("least", 1), spec.metadata.get("most", MOST)
            # No number of more digits is allowed, and int() takes no more than 4,300.
            whole = text.isdecimal() and len(text) <= len(str(MOST))
            if not whole or not least <= int(text) <= most:
                raise InputError(
                    f"{name} is {text[:40]!r}: it has to be a whole number from {least} to "
                    f"{most:,}; set it so, or leave it out, and start again"
                )
            values[spec.name] = int(text)
            if spec.name == "memory_mb":  # the first: the defaults of all others follow from it
                usual = asdict(cls.of_host(values["memory_mb"]))
        check_workspace(environment.get("MINIGPT_WORKSPACE", ""))
        return cls(**values)

    def check_run(self, model: GPTConfig, train: TrainConfig) -> None:
        """Raises InputError when this installation does not train so large or so long."""
        self.check_model(model)
        if train.max_steps > self.max_steps:
            raise SettingError(
                f"{{max_steps}} is {train.max_steps:,}, this installation trains for at most "
                f"{self.max_steps:,}: choose fewer"
            )

    def check_memory(self, model: GPTConfig, train: TrainConfig, tokens: int = 0) -> None:
        """Raises InputError when a run on so many tokens takes more memory than this installation
        has for runs."""

        def takes(**changes: int) -> float:
            return memory.of_run(model, train.replace(**changes), tokens).total / 1e6

        room, batch = self.max_running_mb, train.batch_size
        if takes() <= room:
            return
        fewer = most_that(lambda n: takes(batch_size=n, accumulation_steps=1) <= room, batch)
        parts = 1 + most_that(lambda n: takes(accumulation_steps=n) > room, batch)
        instead = [f"{{accumulation_steps}} to at least {parts:,}"] if parts <= batch else []
        instead += [f"{{batch_size}} to at most {fewer:,}"] if fewer else []
        do = f"set {' or '.join(instead)}" if instead else SMALLER
        raise SettingError(
            f"{{batch_size}} is {batch:,} and {{block_size}} is {model.block_size:,}: training "
            f"this model takes about {takes():,.0f} MB of memory, this installation has {room:,} "
            f"MB for runs: {do}"
        )

    def check_line(self, own: int, everybody: int) -> None:
        """Raises InputError when so many runs of a workspace, or of all, wait already."""
        if own >= self.max_waiting_per_workspace:
            raise InputError(
                f"{counted(own, 'run')} of yours wait in line, which is the most at a time: wait "
                "until one of them begins, or stop one"
            )
        if everybody >= self.max_waiting:
            raise InputError(
                f"{counted(everybody, 'run')} wait in line, and there is no room for more: try "
                "again in some minutes"
            )

    def check_runs(self, runs: int) -> None:
        """Raises InputError when a workspace has too many runs for one more."""
        if runs >= self.max_runs_per_workspace:
            raise InputError(
                f"you have {counted(runs, 'run')}, this installation keeps "
                f"{self.max_runs_per_workspace:,} for each: delete some first"
            )

    def check_texts(self, texts: int) -> None:
        """Raises InputError when a workspace has too many texts for one more."""
        if texts >= self.max_texts_per_workspace:
            raise InputError(
                f"you have {counted(texts, 'text')}, this installation keeps "
                f"{self.max_texts_per_workspace:,} for each: delete some on Data first"
            )

    def check_model(self, config: GPTConfig) -> None:
        """Raises InputError when the model has more weights than this installation trains."""
        count = config.num_parameters()
        if count > self.max_parameters:
            raise InputError(
                f"this model has {count:,} parameters, this installation trains at most "
                f"{self.max_parameters:,}: {SMALLER}"
            )

    def check_text(self, characters: int) -> None:
        """Raises InputError when a text is longer than this installation keeps."""
        if characters > self.max_text_mb * 1_000_000:
            raise InputError(
                f"the text has {counted(characters, 'character')}, this installation takes at most "
                f"{self.max_text_mb:,} million: cut it into parts"
            )


@cache
def _host_mb() -> int:
    return max(1, host.memory_bytes() // 1_000_000)


def most_that(fits: Callable[[int], bool], most: int) -> int:
    """The largest number up to `most` that fits, where all smaller ones do too; 0 where none does.

    >>> most_that(lambda n: n * n <= 30, 100)
    5
    """
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low


def check_workspace(name: str) -> None:
    """Raises InputError when the workspace of all visitors has a name that cannot be kept."""
    if len(name) > MAX_WORKSPACE or (name and not name.isprintable()):
        raise InputError(
            f"MINIGPT_WORKSPACE is {name[:40]!r}: it has to be a name of up to {MAX_WORKSPACE} "
            "characters that can be seen; set it so, or leave it out, and start again"
        )
