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


def _held(run: Run, ids: Sequence[int], new: int = 0) -> int:
    """Of how many tokens a model holds keys and values that goes on behind these."""
    return min(run.model.block_size, len(ids) + new)


def next_token(run: Run, at: int, prompt: str, config: SampleConfig) -> "Step":
    """The token behind a prompt, with the whole vocabulary as candidates. Raises InputError."""

    from minigpt.generation import generate

    ids = tokenizers.load(run.tokenizer).encode(prompt)
    with services.turn.taken():
        model = services.model(run, at, writes=_held(run, ids))
        return next(generate(model, ids, config, run.model.vocab_size))


def texts(run: Run, at: int, prompt: str, configs: Sequence[SampleConfig]) -> "list[list[Step]]":
    """What is written behind a prompt with each of several settings that end alike. Raises
    InputError."""

    def measure() -> "list[list[Step]]":
        from minigpt.generation import generate_together, stops

        tokenizer = tokenizers.load(run.tokenizer)
        ids, ends = tokenizer.encode(prompt), stops(tokenizer, configs[0].stop)
        held = sum(_held(run, ids, config.max_new_tokens) for config in configs)
        model = services.model(run, at, writes=held)
        rows = generate_together(model, ids, configs, 0, ends=ends)
        return [[step for step in text if step] for text in zip(*rows, strict=True)]

    return _once(("texts", run.id, at, prompt, tuple(configs)), measure)


def without_head(
    run: Run, at: int, prompt: str, config: SampleConfig, layer: int, head: int
) -> "list[Step]":
    """What is written while one head is switched off. Raises InputError."""

    def measure() -> "list[Step]":
        from minigpt.generation import generate, stops
        from minigpt.interpret import without

        tokenizer = tokenizers.load(run.tokenizer)
        ids, ends = tokenizer.encode(prompt), stops(tokenizer, config.stop)
        model = services.model(run, at, writes=_held(run, ids, config.max_new_tokens))
        return list(generate(model, ids, config, 0, ends=ends, tap=without(layer, head)))

    return _once(("without", run.id, at, prompt, config, layer, head), measure)


def search(
    run: Run, at: int, prompt: str, width: int, length: int, penalty: float, stop: str | None
) -> "BeamTree":
    """The beam search behind a prompt. Raises InputError."""

    def measure() -> "BeamTree":
        from minigpt.beam import beam_search
        from minigpt.generation import stops

        tokenizer = tokenizers.load(run.tokenizer)
        ids, ends = tokenizer.encode(prompt), stops(tokenizer, stop)
        # At each step it holds the texts before and behind it.
        model = services.model(run, at, writes=2 * width * _held(run, ids, length))
        return beam_search(model, ids, width, length, penalty, ends)

    return _once(("beam", run.id, at, prompt, width, length, penalty, stop), measure)
