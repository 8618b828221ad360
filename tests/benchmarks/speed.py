"""How fast minigpt learns and writes on this machine, in one table.

    python -m tests.benchmarks.speed --text tinyshakespeare.txt --nanogpt PATH --transformers

`--nanogpt` is a checkout of nanoGPT: its own train.py and generate run here in alternation with
ours. `--transformers` compares decoding with Hugging Face's, where it is installed. `--only` takes
some of race, after, shakespeare, presets, decoding, probe, growth. The last also draws
assets/speed.png.

Times of training are those of its steps alone, without start-up and evaluation. Every figure is the
median of `--rounds`.
"""

import argparse
import importlib.util
import json
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType

import numpy as np
import plotly.graph_objects as go
import torch

from minigpt.cache import KVCache
from minigpt.config import GPTConfig, SampleConfig, TrainConfig
from minigpt.corpus import windows
from minigpt.engine.probe import probe
from minigpt.engine.speed import Speed
from minigpt.engine.supervisor import worker_environment
from minigpt.evaluation import mean_loss
from minigpt.generation import generate
from minigpt.model import new_model
from minigpt.plots import TEMPLATE
from minigpt.recipes import PRESETS
from minigpt.tokenizers import CharTokenizer
from minigpt.trainer import Trainer
from tests.browsers import open_browser

TARGET = 1.88
VOCABULARY = 65
PARTS = ("race", "after", "shakespeare", "presets", "decoding", "probe", "growth")
PICTURE = Path(__file__).resolve().parents[2] / "assets" / "speed.png"
# The CPU recipe of nanoGPT's README, measured at its start and its end only.
NANOGPT_RECIPE = {
    "device": "cpu", "compile": False, "eval_iters": 200, "log_interval": 1, "block_size": 64,
    "batch_size": 12, "n_layer": 4, "n_head": 4, "n_embd": 128, "max_iters": 2000,
    "lr_decay_iters": 2000, "dropout": 0.0, "eval_interval": 2000,
}  # fmt: skip


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--text", type=Path, help="the text of the race: tiny Shakespeare")
    arguments.add_argument("--nanogpt", type=Path, help="a checkout of nanoGPT")
    arguments.add_argument("--transformers", action="store_true")
    arguments.add_argument(
        "--seconds", type=float, default=90.0, help="for `after`: the time nanoGPT needed"
    )
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    arguments.add_argument("--one", nargs=2, metavar=("PART", "JSON"), help=argparse.SUPPRESS)
    args = arguments.parse_args()
    if args.one:
        print(json.dumps(ONE[args.one[0]](**json.loads(args.one[1]))))
        return
    parts = {
        "race": lambda: race(args.text, args.nanogpt, args.rounds),
        "after": lambda: after(args.text, args.seconds, args.rounds),
        "shakespeare": lambda: shakespeare(args.text, args.rounds),
        "presets": lambda: presets(args.nanogpt, args.rounds),
        "decoding": lambda: decoding(args.nanogpt, args.transformers, args.rounds),
        "probe": lambda: prediction(args.rounds),
        "growth": lambda: growth(args.rounds),
    }
    for part in args.only:
        print(f"\n{part}")
        for what, figure in parts[part]():
            print(f"  {what:<62} {figure}", flush=True)


def alone(part: str, **given: object) -> dict:
    """What one measurement in a process of its own gives. Training of ours has the environment of
    a worker, all else the plain one."""
    command = [sys.executable, "-m", __spec__.name, "--one", part, json.dumps(given, default=str)]
    ours = part in ("learn", "train", "ask", "grow") and not given.get("nanogpt")
    environment = worker_environment() if ours else None
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return json.loads(done.stdout.splitlines()[-1])


def race(text: Path | None, nanogpt: Path | None, rounds: int) -> Iterator[tuple[str, str]]:
    """Time to a validation loss of 1.88."""
    if text is None:
        raise SystemExit("the race needs --text, a copy of tiny Shakespeare")
    ours, theirs = [], []
    for seed in range(1, rounds + 1):
        ours.append(alone("learn", text=text, preset="speedrun", seed=seed))
        if nanogpt:
            theirs.append(_nanogpt_recipe(nanogpt, text))
    losses = sorted(one["loss"] for one in ours)
    yield (
        f"speedrun: seconds to validation loss {losses[0]:.3f} to {losses[-1]:.3f}",
        f"{_median(ours, 'seconds'):.2f} s, {sum(x <= TARGET for x in losses)} of {rounds} seeds "
        f"at {TARGET} or below",
    )
    if nanogpt:
        losses = sorted(one["loss"] for one in theirs)
        yield (
            f"nanoGPT's CPU recipe: seconds to {losses[0]:.3f} to {losses[-1]:.3f}",
            f"{_median(theirs, 'seconds'):.1f} s",
        )
        ratios = [b["seconds"] / a["seconds"] for a, b in zip(ours, theirs, strict=True)]
        yield "nanoGPT / speedrun, in pairs", _spread(ratios)


def after(text: Path | None, seconds: float, rounds: int) -> Iterator[tuple[str, str]]:
    """How far `modern` gets in the time that nanoGPT needs for its 1.88."""
    if text is None:
        raise SystemExit("this needs --text, a copy of tiny Shakespeare")
    runs = [
        alone("learn", text=text, preset="modern", seed=seed, seconds=seconds)
        for seed in range(1, rounds + 1)
    ]
    yield f"modern after {_median(runs, 'seconds'):.0f} s", _spread([r["loss"] for r in runs], 3)


def shakespeare(text: Path | None, rounds: int) -> Iterator[tuple[str, str]]:
    """How far its preset gets, in five to ten minutes for each seed."""
    if text is None:
        raise SystemExit("this needs --text, a copy of tiny Shakespeare")
    runs = [
        alone("learn", text=text, preset="shakespeare", seed=seed, window=256)
        for seed in range(1, rounds + 1)
    ]
    yield (
        f"shakespeare: loss in windows of 256 after {_median(runs, 'seconds'):.0f} s",
        _spread([run["loss"] for run in runs], 3),
    )


def learn(
    text: str,
    preset: str,
    seed: int,
    seconds: float | None = None,
    window: int = 64,
    steps: int | None = None,
) -> dict:
    """Trains a preset, for its own steps, for so many or for about so many seconds, and scores all
    of the last tenth in windows of so many tokens."""
    body = Path(text).read_text()
    tokenizer = CharTokenizer.train(body)
    ids = tokenizer.encode_array(body)
    cut = int(0.9 * len(ids))
    chosen = PRESETS[preset]
    config = chosen.train.replace(seed=seed, eval_interval=100_000)
    model = chosen.model(tokenizer.vocab_size)
    if steps:
        config = config.replace(max_steps=steps)
    if seconds:
        trial = Trainer(new_model(model, seed), ids[:cut], ids[:0], config)
        per_step = statistics.median(_seconds_of(trial.advance) for _ in range(12))
        config = config.replace(max_steps=int(0.97 * seconds / per_step))
    trainer = Trainer(new_model(model, seed), ids[:cut], ids[:0], config)
    *_, last = trainer
    scored = windows(ids[cut:], window)
    return {"seconds": last.seconds, "loss": mean_loss(trainer.model, *scored, batch_size=128)}


def _nanogpt_recipe(nanogpt: Path, text: Path) -> dict:
    """nanoGPT's train.py as it is, with the CPU recipe of its README."""
    data = nanogpt / "data" / "shakespeare_char"
    if not (data / "train.bin").exists():
        shutil.copy(text, data / "input.txt")
        subprocess.run([sys.executable, "prepare.py"], cwd=data, check=True, capture_output=True)
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "train.py", "config/train_shakespeare_char.py"]
        done = subprocess.run(
            [*command, *(f"--{k}={v}" for k, v in {**NANOGPT_RECIPE, "out_dir": out}.items())],
            cwd=nanogpt, check=True, capture_output=True, text=True,
        )  # fmt: skip
    times = [float(ms) for ms in re.findall(r"iter \d+: .*time ([\d.]+)ms", done.stdout)]
    steps = times[1:-1]  # the first and the last contain an evaluation
    *_, loss = re.findall(r"step 2000: .*val loss ([\d.]+)", done.stdout)
    return {"seconds": sum(steps) / len(steps) * 2_000 / 1_000, "loss": float(loss)}


def presets(nanogpt: Path | None, rounds: int) -> Iterator[tuple[str, str]]:
    """Tokens per second, share of the machine's matmul peak and peak memory of each preset."""
    peak = statistics.median(alone("matmul")["flops"] for _ in range(rounds))
    yield "this machine's matmul peak, float32, 2,048 × 2,048", f"{peak / 1e9:.0f} GFLOP/s"
    for name in PRESETS:
        few = 1 if name == "baby" else rounds
        runs = [alone("train", preset=name) for _ in range(few)]
        peaks = [alone("matmul")["flops"] for _ in range(few)]
        share = statistics.median(
            run["flops"] / flops for run, flops in zip(runs, peaks, strict=True)
        )
        yield (
            f"{name}: tokens/s, share of the peak, memory of the process",
            f"{_median(runs, 'tokens_per_second'):,.0f}, {share:.0%}, "
            f"{_median(runs, 'megabytes'):,.0f} MB",
        )
    if nanogpt:
        ratios = [
            alone("train", preset="gpt2")["tokens_per_second"]
            / alone("train", preset="gpt2", nanogpt=nanogpt)["tokens_per_second"]
            for _ in range(2 * rounds)
        ]
        yield "gpt2 / nanoGPT at its shape: tokens/s, in pairs", _spread(ratios)


def matmul() -> dict:
    a, b = torch.randn(2, 2048, 2048)
    return {"flops": 2 * 2048**3 / min(_seconds_of(lambda: a @ b) for _ in range(12))}


def train(preset: str, nanogpt: str | None = None) -> dict:
    """Tokens per second over about four seconds; FLOPs as in PaLM's appendix B."""
    chosen = PRESETS[preset]
    model = chosen.model(VOCABULARY)
    tokens = chosen.train.batch_size * model.block_size
    step = _nanogpt_step(Path(nanogpt)) if nanogpt else _trainer(model, chosen.train).advance
    first = _seconds_of(step)
    times = [_seconds_of(step) for _ in range(max(2, min(200, int(4 / first))))]
    per_token = 6 * _matrix_weights(model) + 12 * model.n_layer * model.n_embd * model.block_size
    speed = tokens / statistics.median(times)
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "tokens_per_second": speed,
        "flops": speed * per_token,
        "megabytes": megabytes,
        "seconds": statistics.median(times),
    }


def _matrix_weights(model: GPTConfig) -> int:
    """Weights that every token is multiplied with: all but the embeddings, and the output layer."""
    shapes = model.weight_shapes()
    blocks = sum(shape[0] * shape[-1] for name, shape in shapes.items() if name[0] == "h")
    return blocks + model.vocab_size * model.n_embd


def _trainer(model: GPTConfig, config: TrainConfig) -> Trainer:
    ids = np.random.default_rng(0).integers(0, model.vocab_size, 1_000_000)
    config = config.replace(max_steps=1_000_000, eval_interval=100_000)
    return Trainer(new_model(model, 1), ids, ids[:0], config)


def _nanogpt_module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("nanogpt_model", path / "model.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _nanogpt_step(path: Path) -> Callable[[], object]:
    """One step as nanoGPT's train.py makes it on a CPU, at the shape and batch of gpt2."""
    nanogpt, preset = _nanogpt_module(path), PRESETS["gpt2"]
    shape, config = preset.model(VOCABULARY), preset.train
    T, B = shape.block_size, config.batch_size
    model = nanogpt.GPT(
        nanogpt.GPTConfig(
            block_size=T, vocab_size=VOCABULARY, n_layer=shape.n_layer, n_head=shape.n_head,
            n_embd=shape.n_embd, dropout=0.0, bias=shape.bias,
        )
    )  # fmt: skip
    optimizer = model.configure_optimizers(
        config.weight_decay, config.learning_rate, (config.beta1, config.beta2), "cpu"
    )
    data = np.random.default_rng(0).integers(0, VOCABULARY, 1_000_000).astype(np.uint16)

    def step() -> None:
        starts = torch.randint(len(data) - T, (B,))
        x, y = (
            torch.stack(
                [torch.from_numpy(data[i + s : i + s + T].astype(np.int64)) for i in starts]
            )
            for s in (0, 1)
        )
        _, loss = model(x, y)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), config.grad_clip)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return step


@torch.inference_mode()
def decoding(nanogpt: Path | None, transformers: bool, rounds: int) -> Iterator[tuple[str, str]]:
    """Tokens written per second from a prompt of one token, with a context of 256 and 4 heads; ours
    and theirs in turns, each with the better of 1 and 2 threads."""
    writers = {"minigpt": _our_writer}
    if nanogpt:
        writers["nanoGPT"] = partial(_nanogpt_writer, nanogpt)
    if transformers:
        writers["transformers"] = _their_writer
    for layers, width in ((2, 64), (4, 128)):
        shape = GPTConfig(
            vocab_size=VOCABULARY, block_size=256, n_layer=layers, n_head=4, n_embd=width,
            bias=False, tie_weights=True,
        )  # fmt: skip
        for batch in (1, 16):
            libraries = {name: writer(shape, batch) for name, writer in writers.items()}
            speeds = _in_turns(libraries, 250, batch, rounds)
            yield f"{layers} layers × {width}, batch {batch}: tokens/s", _against(speeds)
        ours = _our_writer(shape, 1)
        torch.set_num_threads(1)
        ratios = []
        for _ in range(rounds):
            marks = [time.perf_counter() for _ in ours(250)]
            ratios.append((marks[50] - marks[10]) / (marks[240] - marks[200]))
        yield (
            f"{layers} layers × {width}: at the end of the context / at its start",
            _spread(ratios),
        )
        beyond = {
            name: writer(shape, 1) for name, writer in writers.items() if name != "transformers"
        }
        speeds = _in_turns(beyond, 600, 1, rounds)
        yield f"{layers} layers × {width}, 600 tokens, past the context", _against(speeds)


def _in_turns(
    writers: dict[str, Callable[[int], Iterator[object]]], tokens: int, batch: int, rounds: int
) -> dict[str, list[float]]:
    """Tokens per second of each writer in each round."""
    speeds: dict[str, list[float]] = {name: [] for name in writers}

    def speed(name: str, threads: int) -> float:
        torch.set_num_threads(threads)
        return batch * tokens / _seconds_of(lambda: sum(1 for _ in writers[name](tokens)))

    best = {name: max((1, 2), key=lambda threads: speed(name, threads)) for name in writers}
    for _ in range(rounds):
        for name in writers:
            speeds[name].append(speed(name, best[name]))
    return speeds


def _against(speeds: dict[str, list[float]]) -> str:
    ours = speeds.pop("minigpt")
    line = f"{statistics.median(ours):,.0f}"
    for name, theirs in speeds.items():
        ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
        line += f"; {statistics.median(ratios):.1f} × {name}"
    return line


def _our_writer(shape: GPTConfig, batch: int) -> Callable[[int], Iterator[object]]:
    model = new_model(shape, 1).eval()
    if batch == 1:
        return lambda n: generate(
            model, [0], SampleConfig(max_new_tokens=n, temperature=1.0), candidates=0
        )

    def write(n: int) -> Iterator[object]:
        cache, ids = KVCache(shape, batch), torch.zeros(batch, 1, dtype=torch.long)
        for _ in range(n):
            ids = torch.multinomial(model(ids, cache)[:, -1].softmax(dim=-1), 1)
            yield ids

    return write


def _nanogpt_writer(path: Path, shape: GPTConfig, batch: int) -> Callable[[int], Iterator[object]]:
    nanogpt = _nanogpt_module(path)
    model = nanogpt.GPT(
        nanogpt.GPTConfig(
            block_size=shape.block_size, vocab_size=shape.vocab_size, n_layer=shape.n_layer,
            n_head=shape.n_head, n_embd=shape.n_embd, dropout=0.0, bias=False,
        )
    ).eval()  # fmt: skip
    ids = torch.zeros(batch, 1, dtype=torch.long)

    def write(n: int) -> Iterator[object]:
        yield model.generate(ids, n)

    return write


def _their_writer(shape: GPTConfig, batch: int) -> Callable[[int], Iterator[object]]:
    from transformers import GPT2Config, GPT2LMHeadModel

    model = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=shape.vocab_size, n_positions=shape.block_size, n_embd=shape.n_embd,
            n_layer=shape.n_layer, n_head=shape.n_head, bos_token_id=0, eos_token_id=None,
        )
    ).eval()  # fmt: skip
    ids = torch.zeros(batch, 1, dtype=torch.long)
    seen = torch.ones_like(ids)

    def write(n: int) -> Iterator[object]:
        yield model.generate(
            ids, attention_mask=seen, max_new_tokens=n, min_new_tokens=n, do_sample=True, top_k=0,
            use_cache=True, pad_token_id=0,
        )  # fmt: skip

    return write


def prediction(rounds: int) -> Iterator[tuple[str, str]]:
    """What a second's probe says of each preset's step, against what its steps then take."""
    ratios: dict[str, list[float]] = {name: [] for name in PRESETS}
    lasted = []
    for _ in range(rounds):
        said = alone("ask")
        lasted.append(said["lasted"])
        for name, preset in PRESETS.items():
            predicted = Speed(said["seconds"]).seconds_per_step(
                preset.model(VOCABULARY), preset.train
            )
            ratios[name].append(predicted / alone("train", preset=name)["seconds"])
    yield "the probe takes", f"{statistics.median(lasted):.2f} s"
    for name, values in ratios.items():
        yield f"{name}: predicted / measured time of a step", _spread(values)


def ask() -> dict:
    # A process's first step imports much of torch, for a second or more.
    _trainer(PRESETS["speedrun"].model(VOCABULARY), PRESETS["speedrun"].train).advance()
    started = time.perf_counter()
    speed = probe()
    return {"lasted": time.perf_counter() - started, "seconds": dict(speed.seconds)}


DASHES = ("solid", "solid", "dash", "dot")  # as in the app: slate lines differ by their dashes
GROWTH = {
    "width": ("n_embd", (32, 64, 128, 256, 512)),
    "depth (layers)": ("n_layer", (1, 2, 4, 8, 16)),
    "context (4,096 tokens a batch)": ("block_size", (64, 128, 256, 512, 1024)),
    "threads": ("threads", (1, 2, 4, 8)),
}


def growth(rounds: int) -> Iterator[tuple[str, str]]:
    """Milliseconds of a step of a modern model, 4 layers × 128 and context 128 unless it varies;
    drawn into assets/."""
    series = {}
    for name, (setting, values) in GROWTH.items():
        if setting == "threads":
            values = [value for value in values if value <= torch.get_num_threads()]
        series[name] = {}
        for value in values:
            times = [alone("grow", setting=setting, value=value)["ms"] for _ in range(rounds)]
            series[name][value] = statistics.median(times)
        line = ", ".join(f"{v}: {ms:,.0f}" for v, ms in series[name].items())
        yield f"milliseconds of a step by {name}", line
    _draw(_growth_figure(series))
    yield "drawn", PICTURE.name


def _growth_figure(series: dict[str, dict[int, float]]) -> go.Figure:
    figure = go.Figure()
    for (name, times), dash in zip(series.items(), DASHES, strict=False):
        smallest = min(times)
        figure.add_scatter(
            x=[value / smallest for value in times],
            y=list(times.values()),
            name=f"{name}, from {smallest}",
            mode="lines+markers",
            line={"dash": dash},
        )
    figure.update_layout(
        template=TEMPLATE,
        width=760,
        height=380,
        margin={"l": 70, "r": 16, "t": 48, "b": 56},
        xaxis={"title": "times its smallest value", "type": "log", "tickvals": [1, 2, 4, 8, 16]},
        yaxis={
            "title": "milliseconds of a step",
            "type": "log",
            "tickvals": [50, 100, 200, 500, 1_000, 2_000, 5_000],
        },
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    )
    return figure


def grow(setting: str, value: int) -> dict:
    shape = {"n_embd": 128, "n_layer": 4, "block_size": 128}
    if setting == "threads":
        torch.set_num_threads(value)
    else:
        shape[setting] = value
    model = PRESETS["modern"].model(VOCABULARY, **shape)
    trainer = _trainer(model, PRESETS["modern"].train.replace(batch_size=4_096 // model.block_size))
    first = _seconds_of(trainer.advance)
    times = [_seconds_of(trainer.advance) for _ in range(max(2, min(30, int(1.5 / first))))]
    return {"ms": 1_000 * statistics.median(times)}


def _draw(figure: go.Figure) -> None:
    with open_browser() as browser:
        page = browser.new_page(viewport={"width": 776, "height": 396}, device_scale_factor=2)
        page.set_content(figure.to_html(include_plotlyjs=True, config={"staticPlot": True}))
        page.wait_for_selector(".plot-container")
        page.screenshot(path=PICTURE, clip={"x": 8, "y": 8, "width": 760, "height": 380})


def _seconds_of(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def _median(runs: list[dict], name: str) -> float:
    return statistics.median(run[name] for run in runs)


def _spread(values: list[float], digits: int = 2) -> str:
    median, low, high = statistics.median(values), min(values), max(values)
    return f"{median:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


ONE: dict[str, Callable[..., dict]] = {
    function.__name__: function for function in (learn, matmul, train, ask, grow)
}

if __name__ == "__main__":
    main()
