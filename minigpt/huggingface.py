"""A run as a folder that Hugging Face's transformers loads as GPT2LMHeadModel, logits unchanged.

Our weights have GPT-2's names; its linear layers (Conv1D) keep theirs transposed. numpy only.
"""

import json
from pathlib import Path

import numpy as np
import safetensors.numpy
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

from minigpt import tokenizers as ours
from minigpt.config import GPTConfig, InputError, SettingError
from minigpt.store import Run, Store

LINEAR = ("c_attn.weight", "c_proj.weight", "c_fc.weight")
GPT2 = {
    "norm": "layernorm",
    "position": "learned",
    "activation": "gelu",
    "qk_norm": False,
    "bigram": False,
}


def check_expressible(config: GPTConfig) -> None:
    """Raises InputError, naming the setting, when GPT-2's architecture cannot be this model."""
    for name, value in GPT2.items():
        if (own := getattr(config, name)) != value:
            raise SettingError(
                f"GPT-2 has {{{name}}}={value}, and this model was trained with {{{name}}}={own}: "
                "train one with the preset gpt2"
            )
    if config.bias and not config.tie_weights:
        raise SettingError(
            "GPT-2 has no bias in its output layer, and this model was trained with {bias} on and "
            "{tie_weights} off: train one with {bias} off, or {tie_weights} on"
        )


def export_huggingface(store: Store, run: Run, folder: Path) -> None:
    """Writes config.json, model.safetensors and tokenizer.json of a run into `folder`.

    Raises InputError when GPT-2's architecture cannot express the model or it has no weights yet.
    """
    check_expressible(run.model)
    _, weights = store.trained_weights(run)
    tokenizer = ours.load(run.tokenizer)
    config = {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "vocab_size": run.model.vocab_size,
        "n_positions": run.model.block_size,
        "n_embd": run.model.n_embd,
        "n_layer": run.model.n_layer,
        "n_head": run.model.n_head,
        "activation_function": "gelu_new",
        "layer_norm_epsilon": 1e-5,
        "embd_pdrop": run.model.dropout,
        "attn_pdrop": run.model.dropout,
        "resid_pdrop": run.model.dropout,
        "tie_word_embeddings": run.model.tie_weights,
        "pad_token_id": tokenizer.pad_id,
        "bos_token_id": tokenizer.eos_id,
        "eos_token_id": tokenizer.eos_id,
        "dtype": "float32",
    }
    tokenizer_config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": run.model.block_size,
        "clean_up_tokenization_spaces": False,
        "split_special_tokens": True,  # "<eos>" in a text is five characters, as it is for us
        "pad_token": tokenizer.tokens[tokenizer.pad_id],
        "unk_token": tokenizer.tokens[tokenizer.unk_id],
        "bos_token": tokenizer.tokens[tokenizer.eos_id],
        "eos_token": tokenizer.tokens[tokenizer.eos_id],
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=2))
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer_config, indent=2))
    _as_theirs(tokenizer).save(str(folder / "tokenizer.json"))
    theirs = safetensors.numpy.save(_gpt2_weights(run.model, weights), metadata={"format": "pt"})
    (folder / "model.safetensors").write_bytes(theirs)  # its own save_file hides it from others


def _gpt2_weights(config: GPTConfig, weights: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The weights as GPT2LMHeadModel names and lays them out; biases we do not have are zero."""
    theirs = {}
    for name, weight in weights.items():
        prefix = "" if name.startswith("lm_head") else "transformer."
        theirs[prefix + name] = np.ascontiguousarray(weight.T) if name.endswith(LINEAR) else weight
        if not config.bias and name.startswith(("h.", "ln_f")):
            bias = f"{prefix}{name.removesuffix('weight')}bias"
            theirs[bias] = np.zeros(weight.shape[0], np.float32)
    return theirs


def _as_theirs(tokenizer: ours.Tokenizer) -> Tokenizer:
    """BPE is theirs already. Else each character is a token, newlines too; one it never saw is
    <unk>."""
    if isinstance(tokenizer, ours.BPETokenizer):
        return tokenizer.engine
    ids = {token: i for i, token in enumerate(tokenizer.tokens)}
    try:
        theirs = Tokenizer(models.WordLevel(ids, unk_token=tokenizer.tokens[tokenizer.unk_id]))
    except UnicodeEncodeError as error:
        raise InputError("the vocabulary has half a character, which JSON cannot hold") from error
    theirs.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), behavior="isolated")
    theirs.decoder = decoders.Fuse()
    return theirs
