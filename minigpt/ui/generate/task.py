"""What the page is asked: which model goes on from which prompt, and how it draws."""

from dataclasses import dataclass, replace

from minigpt.config import SampleConfig
from minigpt.store import Run
from minigpt.tokenizers.visible import brief
from minigpt.ui.visit import Visit
from minigpt.ui.words import boxed


@dataclass(frozen=True)
class Task:
    """A prompt and settings for the model of a run, as of step `at` of its training."""

    visit: Visit
    at: int
    prompt: str
    config: SampleConfig
    written: str = ""  # the text that is shown, without its prompt

    @property
    def run(self) -> Run:
        return self.visit.run

    @property
    def what(self) -> tuple[Run, int, str]:
        """Whose model writes, of which step, behind which prompt."""
        return self.run, self.at, self.prompt

    def brief(self, most: int) -> SampleConfig:
        """The settings for a text that is compared with others: at most so many tokens."""
        return replace(self.config, max_new_tokens=min(most, self.config.max_new_tokens))


def described(config: SampleConfig) -> str:
    """How tokens are drawn, in words: the temperature, and all that is not as usual."""
    more = {
        "top-k": config.top_k,
        "top-p": config.top_p,
        "min-p": config.min_p,
        "repetition penalty": config.repetition_penalty if config.repetition_penalty > 1 else None,
    }
    told = [f"{name} {value:g}" for name, value in more.items() if value is not None]
    if config.stop is not None:
        told.append(f"stop at {boxed(brief(config.stop))}")
    return ", ".join([f"Temperature {config.temperature:g}", *told])
