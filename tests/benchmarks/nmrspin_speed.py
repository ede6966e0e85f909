"""How fast the spin echo is simulated, beside a plain NumPy loop of the same physics.

    python tests/benchmarks/nmrspin_speed.py [--gpu]

Echoes a second of one core (processor time, the median of several runs, the two in turns): 100 x 100 spins, 471 steps.
With --gpu all 24,000 echoes of the hackathon on a GPU: the time on the clock, and how far they are from ours.
"""

import sys
import time

import numpy as np
import torch

from NMRSpin import simulate, spins
from NMRSpin.simulate import SEQUENCE

ROUNDS = 5


def plain_step(vectors, spectrum, detuning):
    """One step of one echo as one would write it down: complex FFT, unit vectors, Rodrigues in double precision."""
    field = np.fft.ifft2(np.fft.fft2(vectors[0] + 1j * vectors[1]) * spectrum)
    w = np.stack([field.real, field.imag, detuning])
    size = np.sqrt((w**2).sum(0))
    angle, axis = size * SEQUENCE.dt, w / np.maximum(size, 1e-12)
    cross = np.stack([
        vectors[1] * axis[2] - vectors[2] * axis[1],
        vectors[2] * axis[0] - vectors[0] * axis[2],
        vectors[0] * axis[1] - vectors[1] * axis[0],
    ])
    along = (vectors * axis).sum(0)
    return vectors * np.cos(angle) + cross * np.sin(angle) + axis * along * (1 - np.cos(angle))


def plain_echo(kind, y, steps):
    """M after the first steps of an echo."""
    alpha, xi, d = y
    detuning = simulate.shared_detunings().astype(np.float64)
    spectrum = np.fft.fft2(simulate.CALIBRATION * alpha * spins.interaction(kind, xi)).real
    decay = np.exp(-SEQUENCE.dt * simulate.DECAY * 10 ** (-d / 2))
    vectors = np.zeros((3, simulate.N, simulate.N))
    vectors[1] = -0.5
    M = []
    for step in range(steps):
        vectors = plain_step(vectors, spectrum, detuning)
        vectors[:2] *= decay
        if step + 1 == SEQUENCE.wait:
            vectors[[0, 2]] *= -1
        M.append(vectors[0].mean() + 1j * vectors[1].mean())
    return np.array(M)


def on_gpu(n=24_000, batch=500):
    y = simulate.draw_labels("gauss", n, np.random.default_rng(0))
    simulate.echoes("gauss", y[:batch], device="cuda", batch=batch)  # starts the device
    start = time.perf_counter()
    M = simulate.echoes("gauss", y, device="cuda", batch=batch)
    print(f"{n:,} echoes on {torch.cuda.get_device_name()}: {time.perf_counter() - start:.0f} s")
    print(f"largest difference of M: {abs(M[:8] - simulate.echoes('gauss', y[:8])).max():.1e}")


def main():
    torch.set_num_threads(1)
    if "--gpu" in sys.argv[1:]:
        return on_gpu()
    y = simulate.draw_labels("gauss", 2 * simulate.BATCH, np.random.default_rng(0))
    fast, plain, ratio = [], [], []
    for _ in range(ROUNDS):
        start = time.process_time()
        M = simulate.echoes("gauss", y)
        fast.append(len(y) / (time.process_time() - start))
        start = time.process_time()
        reference = plain_echo("gauss", y[0], SEQUENCE.steps)
        plain.append(1 / (time.process_time() - start))
        ratio.append(fast[-1] / plain[-1])
    print(f"largest difference of M: {abs(M[0] - reference).max():.1e}")
    print(f"echoes/s per core: {np.median(fast):.1f} (best {max(fast):.1f}), plain NumPy loop {np.median(plain):.2f}")
    print(f"ratio: {np.median(ratio):.1f} ({min(ratio):.1f} to {max(ratio):.1f})")


if __name__ == "__main__":
    main()
