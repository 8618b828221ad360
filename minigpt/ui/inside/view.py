"""What every instrument of the page looks at."""

from dataclasses import dataclass

from minigpt.ui.looking import Look
from minigpt.ui.visit import Visit


@dataclass(frozen=True)
class View(Look):
    """A model as of one moment of its training, the text it reads, and who looks."""

    visit: Visit
    text: str  # as it was given; the model may read its end only
    plays: bool  # the training is being played: each moment is shown for a second

    @property
    def follows(self) -> bool:
        """Whether the moment is the newest of a run that trains, which soon is another: what takes
        long waits to be asked for."""
        return self.run.active and self.at == (self.visit.store.weights_step(self.run.id) or 0)
