"""Embedding on a Ray cluster: Ray Data hands shards to a pool of actors, each with an encoder of its own.

The folder must lie where every machine of the cluster can read and write it. A worker writes a shard's vectors under
another name and then renames the file, and Ray gives the shard of a worker that dies to another one, so nothing is
lost; what a killed driver leaves behind is whole shards, and the next run does the rest.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from core.errors import first_line
from retriever.building.embed import ShardJob, embed_shard
from retriever.building.plan import Options, Plan
from retriever.errors import BuildError

_OBJECT_STORE = 128 << 20  # bytes; only shard numbers travel


class ShardEmbedder:
    """An actor: loads the encoder once, embeds shards."""

    def __init__(self, encoder: str, identity: str, titles: bool, threads: int) -> None:
        """Load an encoder.

        Args:
            encoder: its folder; "" for the embedded one.
            identity: what it must be.
            titles: see `retriever.building.embed.encoder_texts`.
            threads: of its arithmetic.

        Raises:
            RuntimeError: this machine's encoder is another than the driver's.
        """
        import torch

        from retriever.encode import Encoder

        torch.set_num_threads(threads)
        self._encoder = Encoder.load(encoder or None)
        self._titles = titles
        if self._encoder.identity != identity:
            raise RuntimeError(f"this worker's encoder is {self._encoder.identity[:12]}, the build's {identity[:12]}")

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Embed the shard of a row, and say how many passages it had."""
        job = ShardJob(row["folder"], int(row["number"]), int(row["rows"]))
        embed_shard(self._encoder, job, self._titles, lambda rows: None)
        return {"rows": job.rows, "pid": os.getpid()}


def embed_on_ray(
    jobs: Sequence[ShardJob],
    plan: Plan,
    options: Options,
    on_rows: Callable[[int], None],
    embedder: type = ShardEmbedder,
) -> None:
    """Embed shards on a Ray cluster, or on this machine where none is named.

    Args:
        jobs: the shards.
        plan: of the build; its model and settings go to the workers.
        options: "ray" or "ray:ADDRESS" and the number of workers.
        on_rows: told how many passages were embedded, shard by shard.
        embedder: the actor's class.

    Raises:
        BuildError: Ray is not installed, the cluster cannot be reached, or a shard cannot be embedded anywhere.
    """
    try:
        import ray
    except ImportError as error:
        raise BuildError("--engine ray needs Ray: python -m pip install -r requirements-scale.txt") from error
    if not jobs:
        return
    threads = int(plan.settings["threads"])
    address = options.engine.partition(":")[2]
    joined = ray.is_initialized()
    if not joined:
        _connect(ray, address, options.workers * threads)
    ray.data.DataContext.get_current().enable_progress_bars = False
    try:
        rows = [asdict(job) | {"folder": str(Path(job.folder).resolve())} for job in jobs]
        encoder = plan.model["encoder"]
        done = (
            ray.data.from_items(rows, override_num_blocks=len(rows))
            .map(
                embedder,
                fn_constructor_kwargs={
                    "encoder": str(Path(encoder).resolve()) if encoder else "",
                    "identity": plan.model["identity"],
                    "titles": plan.settings["titles"],
                    "threads": threads,
                },
                compute=ray.data.ActorPoolStrategy(size=options.workers),
                num_cpus=threads,
            )
            .iter_rows()
        )
        for row in done:
            on_rows(int(row["rows"]))
    except ray.exceptions.RayError as error:
        raise BuildError(f"embedding on Ray failed: {str(error).strip().splitlines()[-1]}") from error
    finally:
        if not joined:
            ray.shutdown()


def _knock(address: str) -> None:
    """Raise OSError where nothing listens: Ray itself would try for minutes. "auto" and the like are left to Ray."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=5).close()


def _connect(ray: Any, address: str, cpus: int) -> None:  # noqa: ANN401 — the module
    """Join a cluster, or start one on this machine."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    common: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    try:
        if address:
            _knock(address)
            # Workers of other machines need this program's own modules.
            ray.init(address, runtime_env={"working_dir": str(Path(__file__).parents[2])}, **common)
        else:
            ray.init(num_cpus=cpus, include_dashboard=False, object_store_memory=_OBJECT_STORE, **common)
    except (OSError, RuntimeError, ValueError) as error:
        raise BuildError(
            f"no Ray cluster answers at {address or 'this machine'}: {first_line(error)}. Start one with "
            "`ray start --head`, and name it as --engine ray:ADDRESS"
        ) from error
