"""Room on the disk: who may bring more, and what goes when the budget is spent. No torch.

What a visitor brings may take the place of texts that no run uses, never of a run. Runs that grow
may take the place of ended runs, of whoever holds most, where that is enough.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from minigpt.config import GPTConfig, InputError, TrainConfig
from minigpt.limits import Limits
from minigpt.store import EVERYONE, Store
from minigpt.store.room import Holding, held, share, to_go

ABANDONED_SECONDS = 3_600.0  # what nobody has looked at for so long goes before what somebody has
CHECKPOINT_BYTES, SNAPSHOT_BYTES, STEP_BYTES = 12, 2, 100  # a parameter; and of metrics a step
ALL = -1  # the level down to which things go that nobody needs, whosever they are


def run_bytes(model: GPTConfig, train: TrainConfig) -> int:
    """About how much disk a run takes once it has come to its end."""
    snapshots = 2 + int(2 * math.log2(train.max_steps))  # the start, powers of √2, and the end
    of_each = CHECKPOINT_BYTES + SNAPSHOT_BYTES * snapshots
    return of_each * model.num_parameters() + STEP_BYTES * train.max_steps


@dataclass(frozen=True)
class Disk:
    """What lies on the disk at a moment."""

    used: int  # bytes
    budget: int
    holdings: list[Holding]
    abandoned_at: float  # what was seen last before then is abandoned

    def level(self, workspace: str | None = None, more: int = 0) -> int:
        """How much each workspace may hold, once one of them holds `more`."""
        amounts = held(self.holdings)
        others = self.used - amounts.total()  # everyone's, the library's, the file's own
        if workspace:
            amounts[workspace] += more
        return share(amounts.values(), self.budget - others)

    def texts_for(self, workspace: str, size: int) -> list[Holding]:
        """What goes for a newcomer of `size` bytes; less than would be needed if that is not there:
        abandoned texts, then unused ones of who holds more than the newcomer would."""
        level = self.level(workspace, size)
        stages = [(self._abandoned_text, ALL)]
        if held(self.holdings)[workspace] + size <= level:
            stages.append((_text, level))
        return to_go(self.holdings, self.used + size - self.budget, stages)

    def over(self) -> list[Holding]:
        """What goes so that all keeps to the budget: texts first, and runs only if they reach."""
        level, wanted = self.level(), self.used - self.budget
        texts = [(self._abandoned_text, ALL), (_text, level)]
        going = to_go(self.holdings, wanted, [*texts, (self._abandoned, level), (_any, level)])
        return going if size_of(going) >= wanted else to_go(self.holdings, wanted, texts)

    def exceeds(self, workspace: str) -> bool:
        """Whether a workspace holds more than its share."""
        return held(self.holdings)[workspace] > self.level()

    def busy(self, workspace: str) -> int:
        """Bytes of a workspace that are not abandoned."""
        return size_of(
            holding
            for holding in self.holdings
            if holding.workspace == workspace and not (holding.idle and self._abandoned(holding))
        )

    def _abandoned(self, holding: Holding) -> bool:
        return holding.seen_at < self.abandoned_at

    def _abandoned_text(self, holding: Holding) -> bool:
        return _text(holding) and self._abandoned(holding)

    def refusal(self, what: str, workspace: str, size: int) -> InputError:
        mine, level = held(self.holdings)[workspace], self.level(workspace, size)
        share = f"; your share of it is now {_mb(level)}, and you hold {_mb(mine)}"
        helps = "delete texts or runs of yours" if mine else "bring less, or come back later"
        return InputError(
            f"there is no room for {what} of {_mb(size)}: all texts and runs together take "
            f"{_mb(self.used)} of the {_mb(self.budget)} that this installation keeps"
            f"{share if mine + size > level else ''}. What helps: {helps}"
        )


def _text(holding: Holding) -> bool:
    return holding.kind == "text"


def _any(holding: Holding) -> bool:
    return True


def size_of(holdings: Iterable[Holding]) -> int:
    """Bytes of all of these."""
    return sum(holding.bytes for holding in holdings)


def _mb(size: float) -> str:
    return f"{size / 1e6:,.1f} MB"


def disk(store: Store, limits: Limits) -> Disk:
    """The disk as it is now."""
    return Disk(
        store.used_bytes(),
        1_000_000 * limits.max_disk_mb,
        store.holdings(),
        store.clock() - ABANDONED_SECONDS,
    )


def fits(store: Store, limits: Limits, size: int) -> bool:
    """Whether so many bytes more keep to the budget, so that nobody has to make room."""
    return store.used_bytes() + size <= 1_000_000 * limits.max_disk_mb


def make_room_for(store: Store, limits: Limits, what: str, workspace: str, size: int) -> None:
    """Clears what has to go for a text, or a file, that somebody brings. Raises InputError, and
    clears nothing, where that does not make room enough."""
    while not fits(store, limits, size):
        now = disk(store, limits)
        going = now.texts_for(workspace, size)
        if size_of(going) < now.used + size - now.budget:
            raise now.refusal(what, workspace, size)
        store.forget_texts((text.workspace, text.id) for text in going)


def check_run(store: Store, limits: Limits, workspace: str, size: int) -> None:
    """Raises InputError when a run that will take `size` bytes would have no room, even once all
    has gone that goes for it."""
    if fits(store, limits, size):
        return
    now = disk(store, limits)
    over = now.used - now.budget
    if over > size_of(now.over()) or (
        workspace != EVERYONE and now.busy(workspace) + size > now.level(workspace, size)
    ):
        raise now.refusal("a run", workspace, size)
