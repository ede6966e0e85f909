"""What the reader of the NMRSpin lesson writes, with the usual mistakes and hints."""

import numpy as np
from scipy.signal import fftconvolve

from common.exercises import Exercise, Exercises
from NMRSpin.spins import interaction


def free_echo(detuning, rate, wait, steps):
    """M after each step of spins that do not interact, (steps,) complex.

    detuning (n,) is the angle by which each spin turns in a step, rate the
    exponent of its decay in a step; the pulse comes after `wait` steps, and
    M of that step is taken after it.
    """
    m, M = np.full(len(detuning), -0.5j), []  # after the first pulse
    for step in range(1, steps + 1):
        m = m * np.exp(-1j * detuning - rate)
        if step == wait:
            m = -m.conj()
        M.append(m.mean())
    return np.array(M)


def mean_field(m, kernel):
    """Field at each site: kernel times m, summed over sites, (n, n).

    kernel (n, n) is the interaction of a spin at (0, 0) with each site, and
    holds alpha / 10^4; the lattice is periodic. m (n, n) and the field are
    complex.
    """
    return np.fft.ifft2(np.fft.fft2(kernel) * np.fft.fft2(m))


def gauss_newton(echoes, measured, shift, noise):
    """Step of k parameters to a measured echo, and standard errors; (k,).

    echoes (k + 1, n) are simulated: with the parameters, and with `shift`
    added to each of them in turn. measured (n,) has noise of standard
    deviation `noise`.
    """
    J = (echoes[1:] - echoes[0]).T / shift  # slopes, (n, k)
    inverse = np.linalg.inv(J.T @ J)
    step = inverse @ J.T @ (measured - echoes[0])
    return step, noise * np.sqrt(np.diag(inverse))


def _mirrored(m):
    return -m.conj()


def _one_step(m, detuning, rate, step):
    return m * np.exp(-1j * detuning - rate)


def _echo(detuning, rate, wait, steps, turn=_one_step, pulse=_mirrored, mean=np.mean, pulse_first=False, late=0):
    """An echo with one thing done in another way."""
    m, M = np.full(len(detuning), -0.5j), []
    for step in range(1, steps + 1):
        if pulse_first and step == wait:
            m = pulse(m)
        m = turn(m, detuning, rate, step)
        if not pulse_first and step == wait + late:
            m = pulse(m)
        M.append(mean(m))
    return np.array(M)


def _film_backwards(detuning, rate, wait, steps):
    def turn(m, detuning, rate, step):
        return _one_step(m, detuning if step <= wait else -detuning, rate, step)

    return _echo(detuning, rate, wait, steps, turn, pulse=lambda m: m)


def _before_the_pulse(detuning, rate, wait, steps):
    M = free_echo(detuning, rate, wait, steps)
    M[wait - 1] = _mirrored(M[wait - 1])  # the pulse is its own inverse
    return M


def _from_the_start(detuning, rate, wait, steps):
    return np.r_[-0.5j, free_echo(detuning, rate, wait, steps)[:-1]]


def _field(m, kernel, forward=np.fft.fft2, back=np.fft.ifft2):
    return back(forward(kernel) * forward(m))


def _newton(echoes, measured, shift, noise, left=None, error=None):
    """A Gauss-Newton step with another way from slopes and what is left to a step, or from slopes to errors."""
    J = (echoes[1:] - echoes[0]).T / shift
    step, errors = gauss_newton(echoes, measured, shift, noise)
    return left(J, measured - echoes[0]) if left else step, error(J, noise) if error else errors


RNG = np.random.default_rng(0)
FIVE, MANY = np.array([0.3, -0.2, 0.05, 0.45, -0.01]), 0.1 * RNG.standard_normal(300)
LINE = np.array([[2.0, 1.0, 0.5, -1.0], [2.3, 1.2, 0.5, -0.9]])
CURVES = RNG.standard_normal(12) + 0.01 * np.concatenate([np.zeros((1, 12)), RNG.standard_normal((3, 12))])
SMALL, LARGE = (RNG.standard_normal((n, n)) + 1j * RNG.standard_normal((n, n)) for n in (6, 20))


exercises = Exercises({
    "free echo": Exercise(
        free_echo,
        {
            "five spins, nine steps and a pulse after four": (FIVE, 0.02, 4, 9),
            "300 spins, 60 steps and a pulse after 25": (MANY, 0.001, 25, 60),
        },
        {
            "The spins turn the other way: dm/dt = -i times detuning times m.":
                lambda *a: _echo(*a, turn=lambda m, delta, rate, step: m * np.exp(1j * delta - rate)),
            "That is a film that runs backwards: the pulse leaves each detuning as it is. It mirrors m.":
                _film_backwards,
            "The first pulse leaves every spin at -0.5j: start there.": lambda *a: -free_echo(*a),
            "M after the step number `wait` is taken after the pulse: mirror first, then append.": _before_the_pulse,
            "m has made all earlier steps: multiply it by one step's exponential, whatever the number of the step.":
                lambda *a: _echo(*a, turn=lambda m, delta, rate, step: m * np.exp(step * (-1j * delta - rate))),
            "A step shrinks each spin by exp(-rate), of which 1 - rate is only the beginning.":
                lambda *a: _echo(*a, turn=lambda m, delta, rate, step: m * np.exp(-1j * delta) * (1 - rate)),
            "The pulse keeps Iy and turns Ix round, so m becomes minus its conjugate.":
                lambda *a: _echo(*a, pulse=np.conj),
            "The pulse mirrors each spin; turning all by half a circle changes nothing about who is ahead.":
                lambda *a: _echo(*a, pulse=lambda m: -m),
            "Without the pulse there is no echo: mirror m after the step number `wait`.":
                lambda *a: _echo(*a, pulse=lambda m: m),
            "The pulse comes one step early: it follows the step number `wait`.":
                lambda *a: _echo(*a, pulse_first=True),
            "The pulse comes one step late: count steps from 1.": lambda *a: _echo(*a, late=1),
            "M is the mean of the spins, not their sum.": lambda *a: _echo(*a, mean=np.sum),
            "The spins decay as well: multiply by exp(-rate) in each step.":
                lambda detuning, rate, *a: _echo(detuning, 0.0, *a),
            "M is taken after each step: the value at the start is not among them.": _from_the_start,
            "The size of M is its absolute value; return M itself, which is complex.":
                lambda *a: abs(free_echo(*a)),
            "Only the real part is left: M is complex, so an array for it needs np.zeros(steps, complex).":
                lambda *a: free_echo(*a).real,
        },
        (
            "Keep m, one complex number a spin, and change all of them in a loop over the steps. At the start each "
            "is -0.5j.",
            "A step: m = m * np.exp(-1j * detuning - rate). The pulse: m = -m.conj().",
            "In each step first turn, then mirror if the step (counted from 1) is `wait`, then append m.mean() to a "
            "list; return np.array of the list.",
        ),
    ),
    "mean field": Exercise(
        mean_field,
        {
            "6 x 6 spins": (SMALL, interaction("gauss", 1.5, 6)),
            "20 x 20 spins": (LARGE, interaction("rkky", 4.0, 20)),
        },
        {
            "That multiplies site by site: transform both first (fft2), multiply, and transform back.":
                lambda m, kernel: kernel * m,
            "That is the transform of the field: take np.fft.ifft2 of it.":
                lambda m, kernel: _field(m, kernel, back=lambda x: x),
            "The kernel has to be transformed as well: fft2 of both, then the product.":
                lambda m, kernel: np.fft.ifft2(kernel * np.fft.fft2(m)),
            "The way back is ifft2: fft2 twice turns the lattice round and multiplies by its number of sites.":
                lambda m, kernel: _field(m, kernel, back=np.fft.fft2),
            "That convolves within edges; here they are joined. A product of plain fft2 is periodic by itself.":
                lambda m, kernel: fftconvolve(m, kernel, mode="same"),
            "The lattice has two directions: use fft2 and ifft2.":
                lambda m, kernel: _field(m, kernel, np.fft.fft, np.fft.ifft),
            "The field has two components, so it is complex: keep its imaginary part.":
                lambda m, kernel: _field(m, kernel).real,
            "The kernel holds alpha / 10^4 already: do not divide once more.":
                lambda m, kernel: _field(m, kernel) / 1e4,
            "The sum is meant, not the mean over the sites.": lambda m, kernel: _field(m, kernel) / m.size,
            "The kernel starts at (0, 0) already: no shift is needed.":
                lambda m, kernel: _field(m, np.fft.fftshift(kernel)),
            "The same field at all sites? Each site has its own neighbours.":
                lambda m, kernel: np.full(m.shape, kernel.sum() * m.mean()),
        },
        (
            "A sum over all sites of a function of the distance is a convolution, and on a periodic lattice a Fourier "
            "transform turns a convolution into a product.",
            "np.fft.fft2 transforms both directions, np.fft.ifft2 goes back.",
            "Transform kernel and m, multiply the two, transform the product back.",
        ),
    ),
    "gauss newton": Exercise(
        gauss_newton,
        {
            "one parameter and four numbers": (LINE, np.array([1.5, 1.2, 0.1, -0.7]), 0.1, 0.2),
            "three parameters and twelve numbers": (CURVES, RNG.standard_normal(12), 0.01, 0.05),
        },
        {
            "The step goes the wrong way: what is left is the measured echo less the simulated one.":
                lambda *a: (-gauss_newton(*a)[0], gauss_newton(*a)[1]),
            "A slope is the difference divided by shift.":
                lambda echoes, measured, shift, noise: gauss_newton(echoes, measured, 1.0, noise),
            "J^T times what is left is only the direction of steepest descent: multiply it by the inverse of J^T J.":
                lambda *a: _newton(*a, left=lambda J, left: J.T @ left),
            "The diagonal of noise^2 times the inverse holds variances: take the root.":
                lambda *a: _newton(*a, error=lambda J, noise: noise**2 * np.diag(np.linalg.inv(J.T @ J))),
            "The root is missing: noise times the root of the diagonal.":
                lambda *a: _newton(*a, error=lambda J, noise: noise * np.diag(np.linalg.inv(J.T @ J))),
            "That would be the error if all other parameters were known: invert J^T J first, then take its diagonal.":
                lambda *a: _newton(*a, error=lambda J, noise: noise / np.sqrt(np.diag(J.T @ J))),
            "The errors are those of noise of size 1: multiply them by noise.":
                lambda *a: _newton(*a, error=lambda J, noise: np.sqrt(np.diag(np.linalg.inv(J.T @ J)))),
            "The errors are the roots of the diagonal alone, one for each parameter.":
                lambda *a: _newton(*a, error=lambda J, noise: noise * np.sqrt(abs(np.linalg.inv(J.T @ J)))),
            "The errors are to come from the given noise, not from what is left of the echo.":
                lambda echoes, measured, shift, noise: gauss_newton(
                    echoes, measured, shift, np.sqrt(((measured - echoes[0]) ** 2).mean())),
        },
        (
            "If the echo is a straight line in its parameters, what is left of the measured echo is J times the step: "
            "linear regression.",
            "A column of J is (an echo with this parameter shifted, less the first echo) / shift: "
            "J = (echoes[1:] - echoes[0]).T / shift.",
            "inverse = np.linalg.inv(J.T @ J); the step is inverse @ J.T @ (measured - echoes[0]).",
            "The errors are noise * np.sqrt(np.diag(inverse)); return both: step, errors.",
        ),
        parts=("the step", "the errors"),
        errors={"Singular": "J has a column for each parameter, not a row."},
    ),
})  # fmt: skip
