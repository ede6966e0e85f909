"""How fast disks are simulated: python tests/benchmarks/exoplanet_speed.py [--n N] [--repeats K]

Images per second of processor time of one thread, the median of K chunks of N images for each task and size. Start it
with OMP_NUM_THREADS=1.
"""

import argparse
import statistics
import time

from Exoplanet import simulate


def rate(n, seed, size, alma):
    """Images per second of processor time."""
    start = time.process_time()
    simulate.simulate(n, seed, size, alma)
    return n / (time.process_time() - start)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=200, help="images of a chunk")
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    if min(options.n, options.repeats) < 1:
        parser.error("--n and --repeats must be at least 1")
    print("task       pixels  images/s (slowest to fastest)")
    for name, size, alma in (("detection", 128, False), ("detection", 64, False), ("alma", 64, True)):
        rate(10, 0, size, alma)  # imports and allocates
        rates = sorted(rate(options.n, seed, size, alma) for seed in range(options.repeats))
        print(f"{name:10} {size:6} {statistics.median(rates):6.0f}   ({rates[0]:.0f} to {rates[-1]:.0f})", flush=True)


if __name__ == "__main__":
    main()
