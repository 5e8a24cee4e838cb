"""A dataset of the Hugging Face hub, or a folder in its form, streamed: "hf:wikimedia/wikipedia:20231101.simple"."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import first_line
from data.sources.base import Record, SourceError, SourceOptions
from data.sources.tables import Rows

if TYPE_CHECKING:
    from datasets import IterableDataset


class HubDataset(Rows):
    """A dataset by name and configuration; rows have columns as those of a table."""

    def __init__(self, spec: str, options: SourceOptions) -> None:
        """Read "hf:NAME" or "hf:NAME:CONFIGURATION", see `Source`."""
        super().__init__(spec, options)
        self.dataset, _, self.configuration = spec.removeprefix("hf:").partition(":")
        self.name = f"{self.dataset} {self.configuration}".strip()
        self.licence = "CC BY-SA 4.0" if self.dataset == "wikimedia/wikipedia" else ""

    def records(self, start: int = 0) -> Iterator[Record]:
        """One a row; rows before `start` are passed over by the datasets library."""
        for number, row in enumerate(self._load().skip(start), start=start):
            yield Record(number, str(row.get(self.options.columns.get("title", "title")) or number), row)

    def fingerprint(self) -> str:
        """The commit of the dataset on the hub; for a local folder, its files' names and sizes."""
        folder = Path(self.dataset)
        if folder.is_dir():
            files = sorted(path for path in folder.rglob("*") if path.is_file())
            return " ".join(f"{path.relative_to(folder)}:{path.stat().st_size}" for path in files)
        from huggingface_hub import HfApi

        try:
            return str(HfApi().dataset_info(self.dataset, timeout=20).sha)
        except Exception as error:  # the hub's client raises what its transport raises, of many kinds
            raise self._unreachable(error) from error

    def _load(self) -> IterableDataset:
        """The dataset as a stream.

        Raises:
            SourceError: it cannot be had.
        """
        from datasets import load_dataset

        options: dict[str, Any] = {"split": self.options.split, "streaming": True}
        try:
            return load_dataset(self.dataset, self.configuration or None, **options)
        except Exception as error:  # as above
            raise self._unreachable(error) from error

    def _unreachable(self, error: Exception) -> SourceError:
        return SourceError(
            f"the dataset {self.dataset} ({self.configuration or 'no configuration'}, split {self.options.split}) "
            f"cannot be read: {first_line(error)}. Check its name (hf:NAME:CONFIGURATION), --split and the network"
        )
