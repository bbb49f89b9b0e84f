"""Where the pictures of a study lie, in words that mean the same on every machine."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from mqn.errors import DataError, NetworkError

if TYPE_CHECKING:
    from mqn.data.dataset import Dataset

EMBEDDED = "embedded scenes"
"""They are made on each machine, and are the same on all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataPlace:
    """A prepared dataset as jobs name it.

    Attributes:
        place: its URL; or its folder, which every machine reaches by this path; or `EMBEDDED`.
        hash: of its content, 64 hexadecimal digits.
    """

    place: str
    hash: str

    @classmethod
    def of(cls, dataset: Dataset) -> Self:
        """Name a dataset that is open here."""
        from mqn.data.location import embedded_folder

        embedded = dataset.folder == embedded_folder()
        return cls(place=EMBEDDED if embedded else dataset.place, hash=dataset.hash)

    def open(self) -> Dataset:
        """Open it on this machine; of a URL a copy is made once, and the embedded scenes are made once.

        Raises:
            NetworkError: this machine does not see it, or sees other pictures there; says what to do.
        """
        from mqn.data.dataset import Dataset
        from mqn.data.location import locate

        node = socket.gethostname()
        try:
            dataset = locate(None) if self.place == EMBEDDED else Dataset.open(self.place)
        except DataError as error:  # The driver could open it.
            raise NetworkError(
                f"node {node}: {error}; mount the folder there by the same path, or prepare the pictures to a URL "
                "(mqn data prepare FOLDER --output s3://BUCKET/NAME) and give that as --data"
            ) from error
        if dataset.hash != self.hash:
            raise NetworkError(f"node {node} sees other pictures than the driver at {self.place}; mount the same there")
        return dataset
