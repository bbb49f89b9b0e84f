"""Accuracy of exported files, all on the same pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqn.errors import DataError
from mqn.records import Interval
from mqn.search.comparison.contenders import Exported

if TYPE_CHECKING:
    from mqn.scoring.judging.evaluation import PictureSet
    from mqn.scoring.methods import Method
    from mqn.scoring.session import Progress


class Scorer:
    """Scores one exported network after the other; what `mqn score` has judged before is not judged again.

    Attributes:
        stated: what readers must know of the figures, once something is scored.
    """

    def __init__(self, pictures: PictureSet, metrics: tuple[str, ...], progress: Progress) -> None:
        """Prepare.

        Args:
            pictures: what all are judged on.
            metrics: names of measures.
            progress: told of every picture.

        Raises:
            EmptyDatasetError: there are no such pictures.
        """
        pictures.listing()
        self._pictures, self._metrics, self._progress = pictures, metrics, progress
        self.stated = ""

    def __call__(self, exported: Exported) -> dict[str, Interval]:
        """Means by measure, with their 95 % intervals over sources; a measure without any figure is left out.

        Raises:
            DataError: a picture could not be judged; says which, and why.
        """
        from mqn.scoring.result import Request
        from mqn.scoring.session import run
        from mqn.workers import processors

        request = Request(
            methods=(method_of(exported),), pictures=self._pictures, metrics=self._metrics, workers=processors()
        )
        result = run(request, self._progress)
        if result.failures:
            first = result.failures[0]
            raise DataError(
                f"{len(result.failures)} pictures could not be judged, for example {first.picture}: {first.reason}"
            )
        self.stated = result.stated
        (summary,) = result.overall.summaries.values()
        return {
            name: Interval(mean=found.mean, low=found.low, high=found.high, n=found.n)
            for name, found in summary.scores.items()
            if found.mean is not None and found.low is not None and found.high is not None
        }


def method_of(exported: Exported) -> Method:
    """An exported network as what `mqn score` judges.

    Raises:
        ModelFileError: a file was changed since the export.
    """
    from mqn.scoring.methods import parse_method

    return parse_method(str(exported.files[0].parent))
