"""Lenses, echoes, a quantum circuit and training on a graphics card, each beside one core of the processor.

    python -m tests.benchmarks.bench --sections gpu

Rates are of wall time, since a card's work is no processor time. Where torch sees no card, the section is left out with
a message. That both make the same images is tested where there is a card (tests/test_stronglensing_simulate.py).
"""

import time

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from tests.benchmarks.table import in_turns

SECTION = "speed on a graphics card"


def wall_rate(work, n):
    """n things done by work() a second of wall time, the card's queue included."""
    start = time.perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return n / (time.perf_counter() - start)


def row(challenge, what, work, n, n_processor, note):
    """A row of the card beside one core: work(device, n) does n things."""
    return in_turns(
        SECTION, challenge, what,
        (name(), lambda: wall_rate(lambda: work("cuda", n), n)),
        ("one core", lambda: wall_rate(lambda: work("cpu", n_processor), n_processor)), 3, note,
    )  # fmt: skip


def name():
    return torch.cuda.get_device_name()


def lenses(device, n):
    from StrongLensing import simulate

    simulate.simulate(simulate.PUBLISHED, n, 0, device=device)


def echoes(device, n):
    from NMRSpin import simulate

    y = simulate.draw_labels("gauss", n, np.random.default_rng(0))
    simulate.echoes("gauss", y, device=device, batch=min(n, 500))


def circuit_steps(device, n, n_qubits=10, batch=512):
    """Training steps of a large circuit: on small ones a card only waits for its next instruction."""
    from QuantumML.quantum import Simulator
    from tests.benchmarks.quantumml_speed import TRASH, ansatz

    simulator = Simulator(ansatz(n_qubits)).to(device)
    torch.manual_seed(0)
    x = torch.rand(batch, n_qubits).to(device)
    w = (0.1 * torch.randn(5 * n_qubits)).to(device).requires_grad_()
    optimizer = torch.optim.Adam([w], 0.01)
    for _ in range(n):
        loss = simulator.excitation(simulator(x=x, w=w), TRASH).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def training(device, n):
    """Images in an epoch of the CNN for particle images."""
    from common.training import fit, seed_everything
    from ParticleImages.model import CNN

    rng = np.random.default_rng(0)
    X, y = rng.random((n, 2, 15, 27), dtype=np.float32), rng.integers(0, 2, n).astype(np.float32)
    seed_everything(0)
    fit(
        CNN(width=64), (X, y), (X[:512], y[:512]), loss=binary_cross_entropy_with_logits, epochs=1, batch_size=512,
        accelerator="cuda" if device == "cuda" else "cpu", progress=False,
    )  # fmt: skip


ALL = {
    "StrongLensing": ("images/s", lenses, 20_000, 500, ""),
    "NMRSpin": ("echoes/s", echoes, 2_000, 20, ""),
    "QuantumML": ("training steps/s", circuit_steps, 20, 2, "10 qubits, batches of 512"),
    "ParticleImages": ("images/s in training", training, 50_000, 2_000, "CNN of width 64, batches of 512"),
}


def rows(challenges=None):
    if not torch.cuda.is_available():
        print(f"{SECTION}: left out, torch sees no graphics card", flush=True)
        return
    for challenge in ALL if challenges is None else set(challenges) & set(ALL):
        yield row(challenge, *ALL[challenge])
