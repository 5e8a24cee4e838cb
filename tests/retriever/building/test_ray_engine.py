"""Two real Ray workers on this machine; skipped where Ray is not installed."""

import hashlib
import os
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from data.sources import open_source
from retriever.building.build import build
from retriever.building.embed import missing_jobs
from retriever.building.plan import Options, Plan
from retriever.building.ray_engine import ShardEmbedder, embed_on_ray
from retriever.encode import Encoder
from retriever.errors import BuildError
from retriever.index_folder import read_index_manifest

ray = pytest.importorskip("ray")

SETTINGS = {"words": 100, "columns": {}, "split": "train", "shard_rows": 4, "titles": True, "threads": 1}
INDEX = {"kind": "flat", "recall": 0.95, "bm25": "no", "store": ""}
OPTIONS = Options(10**9, workers=2, engine="ray")


class SlowEmbedder(ShardEmbedder):
    """Leaves time to be killed, and says in a file which process it is."""

    def __call__(self, row):
        folder = Path(row["folder"]) / ".lock-workers"
        folder.mkdir(exist_ok=True)
        (folder / str(os.getpid())).touch()
        time.sleep(0.3)
        return super().__call__(row)


@pytest.fixture(scope="module")
def whole(articles, checkpoint, tmp_path_factory):
    """The build of one process."""
    folder = tmp_path_factory.mktemp("one") / "i"
    source = open_source(str(articles))
    build(source, folder, lambda: Encoder.load(checkpoint), SETTINGS, INDEX, Options(10**9), str(checkpoint))
    return folder


@pytest.fixture
def two_workers():
    """Ray on this machine; its workers would step back behind everything else."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_worker_niceness", "0")
        yield
        ray.shutdown()


@pytest.fixture
def unembedded(whole, tmp_path):
    """A folder with the same passages and no vectors."""
    folder = tmp_path / "i"
    (folder / "vectors").mkdir(parents=True)
    (folder / "passages").symlink_to(whole / "passages")
    return folder


def vectors(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("vectors/*.npy")}


def test_two_workers_make_the_vectors_of_one_process(articles, checkpoint, whole, tmp_path, two_workers):
    folder = tmp_path / "two"
    load = lambda: Encoder.load(checkpoint)  # noqa: E731
    build(open_source(str(articles)), folder, load, SETTINGS, INDEX, OPTIONS, str(checkpoint))
    assert vectors(folder) == vectors(whole) and len(vectors(whole)) > 5


def test_a_worker_that_dies_loses_nothing(whole, unembedded, two_workers):
    killed: list[int] = []

    def kill_one() -> None:
        """Kill the first worker that has begun its second shard."""
        while not killed:
            workers = list((unembedded / ".lock-workers").glob("*"))
            if len(workers) == 2 and len(list(unembedded.glob("vectors/*.npy"))) >= 2:
                killed.append(int(workers[0].name))
                os.kill(killed[0], signal.SIGKILL)
            time.sleep(0.02)

    plan = Plan.read(whole)
    jobs = missing_jobs(unembedded, read_index_manifest(whole).shards, plan.model["dimensions"])
    threading.Thread(target=kill_one, daemon=True).start()
    embed_on_ray(jobs, plan, OPTIONS, lambda rows: None, SlowEmbedder)
    assert killed and vectors(unembedded) == vectors(whole)


def test_a_cluster_that_does_not_answer_is_named(whole, unembedded):
    jobs = missing_jobs(unembedded, read_index_manifest(whole).shards, 128)
    with pytest.raises(BuildError, match=r"no Ray cluster answers at 127.0.0.1:1: .*--engine ray:ADDRESS"):
        embed_on_ray(jobs, Plan.read(whole), replace(OPTIONS, engine="ray:127.0.0.1:1"), lambda rows: None)
