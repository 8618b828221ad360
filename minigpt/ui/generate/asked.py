"""What a run's model was asked besides for the one text: each once for all sessions."""

from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any

from minigpt import tokenizers
from minigpt.config import SampleConfig
from minigpt.store import Run
from minigpt.ui import measured, services
from minigpt.ui.kept import Kept

if TYPE_CHECKING:
    from minigpt.beam import BeamTree
    from minigpt.generation import Step


# Any visitor may ask for any prompt: what stays of that must not grow, nor push out what others had
# measured of a run's heads.
_answers = Kept(16_000_000)


def _once(about: Hashable, measure: Callable[[], Any]) -> Any:
    return measured.once(about, measure, _answers)


def next_token(run: Run, at: int, prompt: str, config: SampleConfig) -> "Step":
    """The token behind a prompt, with the whole vocabulary as candidates. Raises InputError."""

    from minigpt.generation import generate

    ids = tokenizers.load(run.tokenizer).encode(prompt)
    return next(generate(services.model(run, at), ids, config, run.model.vocab_size))


def texts(run: Run, at: int, prompt: str, configs: Sequence[SampleConfig]) -> "list[list[Step]]":
    """What is written behind a prompt with each of several settings that end alike. Raises
    InputError."""

    def measure() -> "list[list[Step]]":
        from minigpt.generation import generate_together, stops

        tokenizer = tokenizers.load(run.tokenizer)
        ids, ends = tokenizer.encode(prompt), stops(tokenizer, configs[0].stop)
        rows = generate_together(services.model(run, at), ids, configs, 0, ends=ends)
        return [[step for step in text if step] for text in zip(*rows, strict=True)]

    return _once(("texts", run.id, at, prompt, tuple(configs)), measure)


def without_head(
    run: Run, at: int, prompt: str, config: SampleConfig, layer: int, head: int
) -> "list[Step]":
    """What is written while one head is switched off. Raises InputError."""

    def measure() -> "list[Step]":
        from minigpt.generation import generate, stops
        from minigpt.interpret import without

        tokenizer, model = tokenizers.load(run.tokenizer), services.model(run, at)
        ids, ends = tokenizer.encode(prompt), stops(tokenizer, config.stop)
        return list(generate(model, ids, config, 0, ends=ends, tap=without(layer, head)))

    return _once(("without", run.id, at, prompt, config, layer, head), measure)


def search(
    run: Run, at: int, prompt: str, width: int, length: int, penalty: float, stop: str | None
) -> "BeamTree":
    """The beam search behind a prompt. Raises InputError."""

    def measure() -> "BeamTree":
        from minigpt.beam import beam_search
        from minigpt.generation import stops

        tokenizer, model = tokenizers.load(run.tokenizer), services.model(run, at)
        ends = stops(tokenizer, stop)
        return beam_search(model, tokenizer.encode(prompt), width, length, penalty, ends)

    return _once(("beam", run.id, at, prompt, width, length, penalty, stop), measure)
