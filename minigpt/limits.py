"""What one installation allows: environment variables with defaults for Community Cloud."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Self

from minigpt.config import GPTConfig, InputError, SettingError, TrainConfig
from minigpt.counting import counted

MOST = 10**12
MAX_WORKSPACE = 80  # characters


def bounded(default: int, least: int, most: int) -> int:
    """A limit with bounds of its own; the others are from 1 to MOST."""
    return field(default=default, metadata={"least": least, "most": most})


@dataclass(frozen=True)
class Limits:
    """What one installation allows, from environment variables; met limits get a sentence."""

    max_text_mb: int = 20
    max_parameters: int = 20_000_000
    max_steps: int = 100_000
    max_running: int = 32
    max_running_parameters: int = 40_000_000
    max_running_per_workspace: int = 4
    max_runs_per_workspace: int = 100
    abandoned_minutes: int = 10
    max_age_days: int = 30
    max_disk_mb: int = 2_000
    max_import_mb: int = 100
    max_texts_per_workspace: int = 50
    threads: int = bounded(0, 0, 1_024)  # 0: all cores
    compile: int = bounded(0, 0, 1)  # 1 trains with torch.compile

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Reads `MINIGPT_<NAME>`, for example MINIGPT_MAX_TEXT_MB=5. Raises InputError."""
        values = {}
        for spec in fields(cls):
            name = f"MINIGPT_{spec.name.upper()}"
            text = (environment.get(name) or str(spec.default)).strip()  # empty is unset
            least, most = spec.metadata.get("least", 1), spec.metadata.get("most", MOST)
            # No number of more digits is allowed, and int() takes no more than 4,300.
            whole = text.isdecimal() and len(text) <= len(str(MOST))
            if not whole or not least <= int(text) <= most:
                raise InputError(
                    f"{name} is {text[:40]!r}: it has to be a whole number from {least} to "
                    f"{most:,}; set it so, or leave it out, and start again"
                )
            values[spec.name] = int(text)
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
                f"{self.max_parameters:,}: make it narrower, shallower, or shorten its context"
            )

    def check_text(self, characters: int) -> None:
        """Raises InputError when a text is longer than this installation keeps."""
        if characters > self.max_text_mb * 1_000_000:
            raise InputError(
                f"the text has {counted(characters, 'character')}, this installation takes at most "
                f"{self.max_text_mb:,} million: cut it into parts"
            )


def check_workspace(name: str) -> None:
    """Raises InputError when the workspace of all visitors has a name that cannot be kept."""
    if len(name) > MAX_WORKSPACE or (name and not name.isprintable()):
        raise InputError(
            f"MINIGPT_WORKSPACE is {name[:40]!r}: it has to be a name of up to {MAX_WORKSPACE} "
            "characters that can be seen; set it so, or leave it out, and start again"
        )
