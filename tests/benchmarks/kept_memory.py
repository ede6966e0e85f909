"""What training gains by keeping memory (`common.training.keep_memory`): the steps of the slowest lessons.

    python tests/benchmarks/kept_memory.py [--steps 30] [--rounds 3]

Each network learns for some steps with and without it, in turns, each in a process of its own with one thread.
"""

import argparse
import json
import os
import subprocess
import sys
import time

import numpy as np


def networks():
    """The networks of the slowest lessons, each with a batch as they see it."""
    import torch

    from Exoplanet import model as exoplanet
    from ParticleImages import model as particles
    from ParticleImages import vit
    from StrongLensing import model as lensing
    from StrongLensing import restoration

    return {
        "ParticleImages, CNN": (particles.CNN(), torch.rand(256, 2, 15, 27)),
        "ParticleImages, ViT": (vit.ViT(), torch.rand(256, 2, 15, 27)),
        "StrongLensing, CNN": (lensing.CNN(), torch.rand(64, 1, 64, 64)),
        "super-resolution, SRCNN": (restoration.SRCNN(), torch.rand(16, 1, 32, 32)),
        "super-resolution, residual": (restoration.ResidualNetwork(), torch.rand(8, 1, 64, 64)),
        "Exoplanet, CNN": (exoplanet.Network(), torch.rand(64, 3, 36, 64)),
    }


def measure(steps, keep):
    import torch

    from common.training import keep_memory

    torch.set_num_threads(1)
    if keep:
        keep_memory()
    for name, (model, batch) in networks().items():
        optimizer, seconds = torch.optim.AdamW(model.parameters(), 1e-4), []
        for _ in range(steps):
            start = time.process_time()
            loss = model(batch).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            seconds.append(time.process_time() - start)
        print(json.dumps([name, float(np.median(seconds))]), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--measure", choices=("kept", "given back"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        return measure(options.steps, options.measure == "kept")
    found = {}
    for _ in range(options.rounds):
        for way in ("given back", "kept"):
            command = [sys.executable, __file__, "--steps", str(options.steps), "--measure", way]
            done = subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=subprocess.PIPE,
                                  text=True, check=True)  # fmt: skip
            for name, seconds in map(json.loads, done.stdout.splitlines()):
                found.setdefault(name, {}).setdefault(way, []).append(seconds)
    print(f"{'step of':28s} {'given back':>12s} {'kept':>12s}   ratio (of each round)")
    for name, seconds in found.items():
        before, after = np.array(seconds["given back"]), np.array(seconds["kept"])
        ratios = ", ".join(f"{r:.2f}" for r in before / after)
        print(f"{name:28s} {1e3 * np.median(before):9.1f} ms {1e3 * np.median(after):9.1f} ms   "
              f"{np.median(before / after):.2f} ({ratios})")  # fmt: skip


if __name__ == "__main__":
    main()
