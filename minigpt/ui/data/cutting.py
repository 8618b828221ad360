"""A text cut into tokens: the choice of a tokenizer, its tokens, its merges, its vocabulary."""

from collections.abc import Mapping

import numpy as np
import streamlit as st

from minigpt import plots
from minigpt.config import InputError
from minigpt.corpus import in_bits, worlds
from minigpt.counting import counted
from minigpt.findings import AT_FLOOR
from minigpt.store import Text
from minigpt.tokenizers import BPETokenizer
from minigpt.tokenizers.visible import brief, visible
from minigpt.ui import services, tokens
from minigpt.ui.choosing import USUAL_BPE, choose_part
from minigpt.ui.figures import show_chart
from minigpt.ui.glossary import explain
from minigpt.ui.services import USUAL_VOCABULARY, Cut
from minigpt.ui.words import plain, sentence

USUAL = (USUAL_BPE, USUAL_VOCABULARY)  # compared with characters
WINDOW_CHARACTERS, MOST_TOKENS = 1_200, 2_000  # on the screen at once
COMPARED_CHARACTERS = 1_500_000  # a longer text is compared when asked for: it takes seconds
SENTENCE_CHARACTERS = 300
BEGINNING = 4_000  # characters of a text, in which a first sentence is looked for


def compare(text: Text, kind: str, size: int) -> None:
    """The usual tokenizers and the chosen one side by side."""
    rows = [("char", 0), *(("bpe", usual) for usual in USUAL)]
    if (kind, size) not in rows:
        rows.append((kind, size))
    if text.characters > COMPARED_CHARACTERS and not st.toggle(
        "Compare tokenizers", key=f"compare-{text.id}", help="Takes some seconds on a long text."
    ):
        return
    table, cuts = {}, []
    for row in rows:
        try:
            cut = services.cut(text.id, *row)
        except InputError as error:  # more characters than a vocabulary holds
            st.warning(sentence(error))
            continue
        cuts.append((*row, cut))
        bits = cut.baselines and cut.baselines.in_bits_per_character(cut.characters_per_token)
        table[("● " if row == (kind, size) else "") + _name(*row)] = {
            "Vocabulary": f"{cut.tokenizer.vocab_size:,}",
            "Tokens in the text": f"{cut.tokens:,}",
            "Characters per token": f"{text.characters / cut.tokens:.2f}",
            "Trigram, bits per character": f"{bits['trigram']:.3f}" if bits else "–",
        }
    # A column for each: so it fits on a phone.
    quantities = next(iter(table.values()), {})
    st.table(
        [{"": name, **{head: of[name] for head, of in table.items()}} for name in quantities],
        border="horizontal",
        hide_index=True,
    )
    if any(kind == "bpe" and cut.tokenizer.vocab_size < size for kind, size, cut in cuts):
        st.caption(
            "BPE ends where no two tokens are left that stand side by side twice within a word, a "
            "number or a run of marks: across them it joins nothing."
        )
    st.caption(
        "A larger vocabulary makes the text shorter, so a context of as many tokens reaches "
        "further back; but each token is seen less often, and the model has more of them to learn.",
        help=explain("vocabulary", "context", "trigram", "bits per character"),
    )


def tell_part(text: Text, cut: Cut) -> None:
    """That merges were learned on a part of the text."""
    if cut.learned_from < text.characters:
        st.caption(
            f"The merges were learned on {cut.learned_from:,} of "
            f"{counted(text.characters, 'character')}, in parts spread evenly over the text: "
            "nearly all its pieces between spaces and marks are different, and all of them would "
            "not fit into memory. What is counted is counted on the whole text."
        )


def _name(kind: str, size: int) -> str:
    return "Characters" if kind == "char" else f"BPE {size:,}"


def show(text: Text, cut: Cut, key: str) -> None:
    """A window of the text in coloured tokens."""
    tokenizer = cut.tokenizer
    with st.container(border=True):
        n = text.characters
        part = choose_part("Part", -(-n // WINDOW_CHARACTERS), f"window-{key}-{n}")
        first = max(0, part * WINDOW_CHARACTERS - 1)  # with the one before it, a line's end or not
        body = services.store().passage(text.id, first, first + 2 * WINDOW_CHARACTERS)
        start, end = (_line_start(body, i * WINDOW_CHARACTERS - first) for i in (part, part + 1))
        ids = tokenizer.encode(body[start:end])
        patches = tokens.coloured(ids[:MOST_TOKENS], tokenizer.tokens, cut.counts.tolist())
        st.html(tokens.scrolled(patches, "The text in tokens", 300))
        note = f" The first {MOST_TOKENS:,} of {len(ids):,}." if len(ids) > MOST_TOKENS else ""
        st.caption(
            "Each colour patch is one token; point at it for its number and how often it stands in "
            "the text. The model sees only the numbers: here "
            f"{', '.join(map(str, ids[:8]))}, …{note}"
        )


def _line_start(body: str, at: int) -> int:
    """The beginning of the next line, if there is one near: parts should not cut words."""
    found = body.find("\n", at - 1, at + WINDOW_CHARACTERS // 4) + 1 if at else 0
    return min(found or at, len(body))


@st.fragment
def replay(beginning: str, characters: int, cut: Cut, key: str) -> None:
    """The merges one by one, on a sentence of one's own. Of the text only the beginning, for a
    fragment's arguments stay in memory as long as the session."""
    tokenizer: BPETokenizer = cut.tokenizer
    merges = len(tokenizer.merges)
    if not merges:
        st.info(
            "There is nothing to merge: within its words, numbers and runs of marks no two "
            "characters stand side by side twice, and across them and line ends BPE joins nothing."
        )
        return
    lines = beginning.splitlines()
    wordy = (line.strip() for line in lines if sum(map(str.isalpha, line)) > max(12, len(line) / 2))
    first_line = next(wordy, beginning[:60])
    sentence = st.text_input(
        "A sentence of yours", first_line[:60], max_chars=SENTENCE_CHARACTERS, key=f"say-{key}"
    )
    at_key = f"merge-{key}-{merges}"
    used = np.flatnonzero(tokenizer.applied(tokenizer.encode_array(sentence)))

    def jump(to: int) -> None:
        st.session_state[at_key] = to

    now = st.session_state.setdefault(at_key, min(merges, 3))
    before, after = used[used + 1 < now], used[used + 1 > now]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.button(
            "Merge before", icon=":material/chevron_left:", disabled=not len(before),
            key=f"before-{key}", on_click=jump, args=(int(before[-1]) + 1 if len(before) else 0,),
            help="Back to the one before that changed this sentence.",
        )  # fmt: skip
        st.button(
            "Next merge here", icon=":material/chevron_right:", disabled=not len(after),
            key=f"after-{key}", on_click=jump, args=(int(after[0]) + 1 if len(after) else 0,),
            help="On to the next one that changes this sentence.",
        )  # fmt: skip
    now = st.slider("Merges done", 0, merges, key=at_key)
    so_far = tokenizer.first(now)
    ids = so_far.encode(sentence)
    newest = so_far.made[-1] if now else None
    with st.container(border=True):
        marked = [i for i, token_id in enumerate(ids) if token_id == newest]
        st.html(tokens.chips([so_far.tokens[i] for i in ids], marked=marked))
        if now:
            left, right = (brief(so_far.tokens[i]) for i in so_far.merges[-1])
            st.caption(
                f"Merge {now:,}: **{plain(left)}** and **{plain(right)}** became one. "
                f"{what_a_merge_did(tokenizer, now - 1, cut.joined)} "
                f"The sentence now has {counted(len(ids), 'token')}."
            )
        else:
            st.caption(
                f"Before the first merge every byte is a token: {len(ids):,} of them. Letters "
                "beyond plain English have two to four bytes, which show as numbers."
            )
    show_chart(plots.compression(lengths(cut), characters, now), f"compression-{key}")
    st.caption("As a rule the first merges take away the most tokens. Dashed: where you are.")


def lengths(cut: Cut) -> np.ndarray:
    """How many tokens the text has after 0, 1, … n merges, (n + 1,): each takes away as many as it
    joined pairs."""
    return cut.tokens + cut.joined.sum() - np.concatenate([[0], np.cumsum(cut.joined)])


def what_a_merge_did(tokenizer: BPETokenizer, k: int, joined: np.ndarray) -> str:
    """How often merge `k`, from 0, was applied, and what that says of how often its pair stood
    there. `joined`: int64 (n,), of each merge.

    Two different tokens are joined wherever they stand side by side; of three equal ones in a row,
    which stand so twice, only two are.
    """
    twins = [i for i, made in enumerate(tokenizer.made) if made == tokenizer.made[k] and i != k]
    if twins:  # only what they did together is known
        return (
            f"Merge {twins[0] + 1:,} makes the same token of other parts: together they joined "
            f"{joined[[k, *twins]].sum():,} pairs in the whole text."
        )
    left, right = tokenizer.merges[k]
    if left == right:
        pairs = "pair was" if joined[k] == 1 else "pairs were"
        return (
            f"{joined[k]:,} such {pairs} joined in the whole text. Of three in a row only two can "
            "be joined, so that they may have stood side by side more often than that."
        )
    return (
        "Within the words of the whole text they stood side by side "
        f"{counted(joined[k], 'time')}: no other pair did so more often."
    )


@st.fragment
def vocabulary(cut: Cut, key: str) -> None:
    """All tokens, to be searched."""
    tokenizer = cut.tokenizer
    wanted = st.text_input(
        "Find",
        key=f"find-{key}",
        placeholder="th",
        max_chars=SENTENCE_CHARACTERS,
        help="Tokens that contain these characters.",
    )
    is_bpe = isinstance(tokenizer, BPETokenizer)
    order = np.argsort(-cut.counts, kind="stable").tolist()  # the most frequent first
    ids = [i for i in order if wanted in tokenizer.tokens[i]]
    table = {
        "Id": ids,
        "Token": [visible(tokenizer.tokens[i]) for i in ids],
        "Times in the text": cut.counts[ids] if ids else [],
    }
    if is_bpe:
        parts = dict(zip(tokenizer.made[::-1], tokenizer.merges[::-1], strict=True))
        table["Joined from"] = [
            " + ".join(visible(tokenizer.tokens[part]) for part in parts.get(i, ())) for i in ids
        ]
        table["Bytes"] = [tokenizer.token_bytes[i].hex(" ") if i > 2 else "" for i in ids]
    st.dataframe(
        table,
        hide_index=True,
        height=300,
        column_config={"Times in the text": st.column_config.NumberColumn(format="localized")},
    )
    st.caption(f"{len(ids):,} of {tokenizer.vocab_size:,} tokens.")


def baselines(text: Text, cut: Cut) -> None:
    """How hard the text is for models that only count."""
    if cut.baselines is None:
        st.info(
            "This text is too short to keep a part of it for validation: a model learns from all "
            "of it, and nothing is left to score counting on."
        )
        return
    about = {
        "uniform": "every token is as likely as any other",
        "unigram": "each token as likely as it is frequent",
        "bigram": "knows which token tends to follow which",
        "trigram": "knows what tends to follow which two",
    }
    bits = cut.baselines.in_bits_per_character(cut.characters_per_token)
    st.table(
        {
            "Model": list(about),
            "What it knows": list(about.values()),
            "Nats per token": [f"{getattr(cut.baselines, name):.3f}" for name in about],
            "Bits per character": [f"{bits[name]:.3f}" for name in about],
        },
        border="horizontal",
        hide_index=True,
    )
    st.caption(
        "Counted on the first nine tenths of the text, scored on the last tenth; what was never "
        "seen there is guessed after Kneser-Ney. " + what_is_left(bits, worlds.load(text.origin)),
        help=explain("Kneser-Ney", "loss", "nats", "bits per character"),
    )


def what_is_left(bits: Mapping[str, float], world: worlds.World | None) -> str:
    """What a model can still learn of a text on which counting reaches so many bits per character:
    of a world it is known."""
    best = min(bits.values())
    more = f"A model that has learned more than to count gets below {best:.3f} bits."
    if world is None:
        return more
    floor = in_bits(world.floor)
    if best <= floor * (1 + AT_FLOOR):
        return (
            f"The rule leaves {floor:.3f} bits to chance, and counting comes as far as that "
            f"({best:.3f}): there is no more to learn."
        )
    return f"{more} The rule leaves {floor:.3f} bits to chance: lower nobody gets."
