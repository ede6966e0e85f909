"""The data of the NMRSpin challenge: simulated on the spot, or the hackathon's echoes.

    from NMRSpin import data
    train = data.load("train", n=800, task="gauss")                     # X (800, 2, 471), y (800, 3)
    real = data.load("train", task="rkky", source="official")           # the hackathon's text files

Command line: `python -m NMRSpin.data simulate --task rkky --n 6000 --out rkky.npz`, `... describe`, `... fetch`.
"""

from pathlib import Path

from common.datasets import Stream
from NMRSpin import simulate

TASKS = {  # the simulator of each, and the echoes in a chunk
    "gauss": (simulate.gauss, 200),
    "rkky": (simulate.rkky, 200),
    "gauss_fresh": (simulate.gauss_fresh, 100),
    "rkky_fresh": (simulate.rkky_fresh, 100),
}
STREAMS = {
    task: Stream(
        "NMRSpin", make, version=simulate.VERSION, chunk_size=chunk_size, task=task,
        sample=Path(__file__).with_name("sample"),
    )
    for task, (make, chunk_size) in TASKS.items()
}
