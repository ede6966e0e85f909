"""What the reader of the StrongLensing lessons writes, with the usual mistakes and hints."""

import numpy as np

from common.exercises import Exercise, Exercises


def galaxy_deflection(x, y, theta_E, q):
    """Deflection (alpha_x, alpha_y) in arcsec of an isothermal ellipsoid.

    x and y are NumPy arrays of angles in arcsec, x along the major axis.
    theta_E is the Einstein radius in arcsec, q < 1 the axis ratio.
    """
    root = np.sqrt(1 - q**2)
    psi = np.sqrt(q**2 * x**2 + y**2)
    strength = theta_E * np.sqrt(q) / root
    alpha_x = strength * np.arctan(root * x / psi)
    alpha_y = strength * np.arctanh(root * y / psi)
    return alpha_x, alpha_y


def sersic(x, y, radius, index):
    """Brightness of a round galaxy at (x, y), 1 at its half-light radius."""
    b = 1.9992 * index - 0.3271
    R = np.hypot(x, y)
    return np.exp(-b * ((R / radius) ** (1 / index) - 1))


def residual(unwrapped):
    """Polar images (n, radii, angles) without waves of 0 to 4 periods.

    They are NumPy arrays: np.fft.rfft and np.fft.irfft split into waves
    and put together.
    """
    waves = np.fft.rfft(unwrapped, axis=-1)
    waves[..., :5] = 0
    return np.fft.irfft(waves, n=unwrapped.shape[-1], axis=-1)


def restore_signal(coarse, blur, snr):
    """The signal (n,) that a blurred and noisy one (n,) comes from.

    blur is (n,), a spot around entry 0 that adds up to 1 and may be
    lopsided; snr is (m,), the power of signal over noise of each of the
    m = n // 2 + 1 waves.
    """
    K = np.fft.rfft(blur)
    H = np.conj(K) / (np.abs(K) ** 2 + 1 / snr)
    return np.fft.irfft(H * np.fft.rfft(coarse), n=len(coarse))


def psnr(fine, images):
    """PSNR in dB, (n, 1, h, w) twice -> (n,), for a range of 1."""
    mse = ((fine - images) ** 2).mean(axis=(1, 2, 3))
    return 10 * np.log10(1 / mse)


def _deflection(x, y, theta_E, q, *, norm=None, psi=None, root=None, swap=False):
    """A deflection with a mistake in its strength, in psi or in its root, or with its functions exchanged."""
    root = np.sqrt(1 - q**2) if root is None else root(q)
    below = np.sqrt(q**2 * x**2 + y**2) if psi is None else psi(x, y, q)
    strength = theta_E * (np.sqrt(q) / root if norm is None else norm(q, root))
    first, second = (np.arctanh, np.arctan) if swap else (np.arctan, np.arctanh)
    return strength * first(root * x / below), strength * second(root * y / below)


def _divided_outside(x, y, theta_E, q):
    root, psi = np.sqrt(1 - q**2), np.sqrt(q**2 * x**2 + y**2)
    strength = theta_E * np.sqrt(q) / root / psi
    with np.errstate(invalid="ignore"):  # artanh beyond 1
        return strength * np.arctan(root * x), strength * np.arctanh(root * y)


def _profile(x, y, radius, index, *, power=lambda n: 1 / n, minus=1.0, sign=-1, R=np.hypot):
    b = 1.9992 * index - 0.3271
    return np.exp(sign * b * ((R(x, y) / radius) ** power(index) - minus))


def _without(unwrapped, chosen, axis=-1, back=True):
    waves = np.fft.rfft(unwrapped, axis=axis)
    waves[(..., chosen) if axis == -1 else (slice(None), chosen)] = 0
    return np.fft.irfft(waves, n=unwrapped.shape[axis], axis=axis) if back else abs(waves)


def _without_radii(unwrapped):
    waves = np.fft.rfft(unwrapped, axis=-1)
    waves[:, :5] = 0
    return np.fft.irfft(waves, n=unwrapped.shape[-1], axis=-1)


def _without_slow_fft(unwrapped):
    waves = np.fft.fft(unwrapped, axis=-1)
    waves[..., :5] = 0
    return np.fft.ifft(waves, axis=-1).real


def _psnr_of_range(fine, images, of):
    mse = ((fine - images) ** 2).mean(axis=(1, 2, 3))
    return 10 * np.log10((of.max((1, 2, 3)) - of.min((1, 2, 3))) ** 2 / mse)


def _restored(coarse, blur, factor):
    K = np.fft.rfft(blur)
    return np.fft.irfft(factor(K) * np.fft.rfft(coarse), n=len(coarse))


def _angles(seed, n=12):
    rng = np.random.default_rng(seed)
    return rng.uniform(-2, 2, n), rng.uniform(-2, 2, n)


def _blurred(seed, n, width):
    """A blurred and noisy signal, its blur, and signal over noise. The blur is lopsided: its waves are not real."""
    rng = np.random.default_rng(seed)
    place = (np.arange(n) + n // 2) % n - n // 2
    blur = np.exp(-((place / (width * np.where(place > 0, 2, 1))) ** 2) / 2)
    signal = rng.normal(size=n).cumsum()
    coarse = np.fft.irfft(np.fft.rfft(signal) * np.fft.rfft(blur / blur.sum()), n=n) + 0.1 * rng.normal(size=n)
    return coarse, blur / blur.sum(), 50.0 / (1 + np.arange(n // 2 + 1)) ** 2


def _images(seed, n, size):
    rng = np.random.default_rng(seed)
    fine = rng.random((n, 1, size, size))
    return fine, (fine + rng.normal(0, 0.1 + 0.1 * np.arange(n)[:, None, None, None], fine.shape)).clip(0, 0.9)


RINGS = np.random.default_rng(4).random((2, 12, 32)), np.random.default_rng(5).random((1, 10, 64)) + 3

exercises = Exercises({
    "deflection": Exercise(
        galaxy_deflection,
        {
            "twelve rays and a galaxy of 0.8 arcsec": (*_angles(0), 0.8, 0.7),
            "twelve rays and a nearly round galaxy of 1.3 arcsec": (*_angles(1), 1.3, 0.95),
        },
        {
            "The arctan belongs to x and the artanh to y.": lambda *a: _deflection(*a, swap=True),
            "psi is the root of q^2 x^2 + y^2: q goes with x.":
                lambda *a: _deflection(*a, psi=lambda x, y, q: np.sqrt(x**2 + q**2 * y**2)),
            "psi is a root: take np.sqrt of q^2 x^2 + y^2.":
                lambda *a: _deflection(*a, psi=lambda x, y, q: q**2 * x**2 + y**2),
            "That is where the rays come from, beta = theta - alpha: return alpha alone.":
                lambda x, y, *a: tuple(b - c for b, c in zip((x, y), galaxy_deflection(x, y, *a), strict=True)),
            "In psi q is squared, as x is.": lambda *a: _deflection(*a, psi=lambda x, y, q: np.sqrt(q * x**2 + y**2)),
            "The factor in front has the root of q, not q.": lambda *a: _deflection(*a, norm=lambda q, root: q / root),
            "Python divides before it subtracts: write q / (1 - q**2).":
                lambda *a: _deflection(*a, norm=lambda q, root: np.sqrt(q / 1 - q**2)),
            "Multiply by the root of q too.": lambda *a: _deflection(*a, norm=lambda q, root: 1 / root),
            "Divide the factor in front by the root of 1 - q^2.": lambda *a: _deflection(*a, norm=lambda q, r: q**0.5),
            "Inside arctan and artanh stands the root of 1 - q^2, not 1 - q^2 itself.":
                lambda *a: _deflection(*a, root=lambda q: 1 - q**2, norm=lambda q, r: np.sqrt(q / (1 - q**2))),
            "psi divides inside arctan and artanh: np.arctan(root * x / psi).": _divided_outside,
        },
        (
            "The formula has one root that occurs three times: root = np.sqrt(1 - q**2).",
            "psi = np.sqrt(q**2 * x**2 + y**2) is an array, one number a ray; the factor in front is a number.",
            "np.arctan and np.arctanh are the functions; return the two results as alpha_x, alpha_y.",
        ),
        parts=("alpha_x", "alpha_y"),
        errors={"'artanh'": "NumPy calls it np.arctanh.", "'atanh'": "NumPy calls it np.arctanh.",
                "must be Tensor": "x and y are NumPy arrays: use np.arctan and np.arctanh."},
    ),
    "sersic": Exercise(
        sersic,
        {
            "twelve places in a galaxy of index 1": (*_angles(2), 0.3, 1.0),
            "twelve places in a galaxy of index 4": (*_angles(3), 0.5, 4.0),
        },
        {
            "The power is one over the index.": lambda *a: _profile(*a, power=lambda n: n),
            "Subtract 1 from the power, so that the brightness is 1 at the half-light radius.":
                lambda *a: _profile(*a, minus=0.0),
            "The sign: brightness falls with the distance.": lambda *a: _profile(*a, sign=1),
            "R is the root of x^2 + y^2.": lambda *a: _profile(*a, R=lambda x, y: x**2 + y**2),
            "The 1 is subtracted inside the bracket, before b multiplies: -b * (... - 1).":
                lambda x, y, r, n: np.exp(-(1.9992 * n - 0.3271) * (np.hypot(x, y) / r) ** (1 / n) - 1),
            "b multiplies the whole bracket, also the 1 in it.":
                lambda x, y, r, n: np.exp(1 - (1.9992 * n - 0.3271) * (np.hypot(x, y) / r) ** (1 / n)),
            "Python takes ** before /: write ** (1 / index).":
                lambda x, y, r, n: np.exp(-(1.9992 * n - 0.3271) * (np.hypot(x, y) / r / n - 1)),
            "The power belongs to R / radius, before 1 is subtracted.":
                lambda x, y, r, n: np.exp(-(1.9992 * n - 0.3271) * np.cbrt(np.hypot(x, y) / r - 1) ** (3 / n)),
        },
        (
            "First the distance from the centre, R = np.hypot(x, y), then b, then the exponential.",
            "(R / radius) ** (1 / index) is the power in the exponent; subtract 1, multiply by -b, and take np.exp.",
        ),
    ),
    "residual": Exercise(
        residual,
        {
            "two rings of 12 radii and 32 angles": (RINGS[0],),
            "one bright ring of 10 radii and 64 angles": (RINGS[1],),
        },
        {
            "A wave of 4 periods belongs to the smooth ring too: take away entries 0 to 4, which is [..., :5].":
                lambda u: _without(u, slice(0, 4)),
            "Entry 0 is the mean around the ring, a wave of 0 periods: take it away too.":
                lambda u: _without(u, slice(1, 5)),
            "That keeps the slow waves; keep the fast ones.": lambda u: _without(u, slice(5, None)),
            "The waves run around the ring: transform along the last axis, the angles.":
                lambda u: _without(u, slice(0, 5), axis=1),
            "waves[:, :5] cuts radii: write waves[..., :5], entries of the last axis.": _without_radii,
            "waves[:5] cuts images: write waves[..., :5], entries of the last axis.": np.zeros_like,
            "waves[..., 5:] makes wave 5 entry 0: keep all entries, and set the first five to 0.":
                lambda u: np.fft.irfft(np.fft.rfft(u)[..., 5:], n=u.shape[-1]),
            "Transform back, with np.fft.irfft.": lambda u: _without(u, slice(0, 5), back=False),
            "Waves of 5 periods stay: entries 0 to 4 are [..., :5].": lambda u: _without(u, slice(0, 6)),
            "np.fft.fft has each wave twice, at entry k and at -k; np.fft.rfft has it once.": _without_slow_fft,
            "That takes away the mean only.": lambda u: u - u.mean(axis=-1, keepdims=True),
        },
        (
            "np.fft.rfft(unwrapped, axis=-1) splits each row into waves; entry k of the last axis has k periods.",
            "Set the entries 0 to 4 to zero: waves[..., :5] = 0.",
            "np.fft.irfft(waves, n=unwrapped.shape[-1], axis=-1) goes back to angles.",
        ),
        rtol=1e-4,
        errors={"must be Tensor": "unwrapped is a NumPy array: use np.fft.rfft and np.fft.irfft."},
    ),
    "deconvolution": Exercise(
        restore_signal,
        {
            "a signal of 32 entries": _blurred(0, 32, 1.5),
            "a signal of 64 entries with a narrower blur": _blurred(1, 64, 1.0),
        },
        {
            "That divides by the blur alone, and lets the noise explode: add 1 / snr below.":
                lambda c, b, s: _restored(c, b, lambda K: 1 / K),
            "Noise over signal, 1 / snr, is added, not snr.":
                lambda c, b, s: _restored(c, b, lambda K: np.conj(K) / (np.abs(K) ** 2 + s)),
            "|K|^2 stands below, not |K|.": lambda c, b, s: _restored(c, b, lambda K: np.conj(K) / (np.abs(K) + 1 / s)),
            "H has the conjugate of K above, not 1.": lambda c, b, s: _restored(c, b, lambda K: 1 / (abs(K)**2 + 1/s)),
            "Above stands the conjugate of K, np.conj(K), not K itself.":
                lambda c, b, s: _restored(c, b, lambda K: K / (abs(K) ** 2 + 1 / s)),
            "np.conj(K) above, not |K|: a lopsided blur also shifts waves, and its conjugate shifts them back.":
                lambda c, b, s: _restored(c, b, lambda K: abs(K) / (abs(K) ** 2 + 1 / s)),
            "Below stands np.abs(K) ** 2, not K ** 2: K is complex.":
                lambda c, b, s: _restored(c, b, lambda K: np.conj(K) / (K**2 + 1 / s)),
            "Transform back: np.fft.irfft makes a signal of the waves.":
                lambda c, b, s: np.conj(np.fft.rfft(b)) / (np.abs(np.fft.rfft(b)) ** 2 + 1 / s) * np.fft.rfft(c),
            "That blurs once more: divide by |K|^2 + 1 / snr.": lambda c, b, s: _restored(c, b, np.conj),
        },
        (
            "Three steps: K is the Fourier transform of blur, H follows from the formula, and H times the transform of "
            "coarse is transformed back.",
            "np.fft.rfft makes waves of a real signal, np.conj is the conjugate, np.abs(K) ** 2 the power.",
            "np.fft.irfft(H * np.fft.rfft(coarse), n=len(coarse)) is the result.",
        ),
        rtol=1e-4,
        errors={"broadcast": "snr has one entry for each of the n // 2 + 1 waves of np.fft.rfft; np.fft.fft gives n."},
    ),
    "PSNR": Exercise(
        psnr,
        {
            "three images of 8 x 8 pixels": _images(0, 3, 8),
            "two images of 16 x 16 pixels": _images(1, 2, 16),
        },
        {
            "One number an image: take the mean over the axes 1, 2 and 3 only.":
                lambda f, i: np.full(len(f), 10 * np.log10(1 / ((f - i) ** 2).mean())),
            "Square the differences.": lambda f, i: 10 * np.log10(1 / np.abs(f - i).mean(axis=(1, 2, 3))),
            "Decibel have the logarithm to base 10.": lambda f, i: -10 * np.log(((f - i) ** 2).mean(axis=(1, 2, 3))),
            "10 log10, not 20: the error is squared already.":
                lambda f, i: -20 * np.log10(((f - i) ** 2).mean(axis=(1, 2, 3))),
            "The sign: a smaller error is a larger PSNR.":
                lambda f, i: 10 * np.log10(((f - i) ** 2).mean(axis=(1, 2, 3))),
            "The range is 1, not that of the restored image.": lambda f, i: _psnr_of_range(f, i, i),
            "The range is 1, not that of the fine image.": lambda f, i: _psnr_of_range(f, i, f),
            "The mean, not the sum, of the squares.": lambda f, i: -10 * np.log10(((f - i) ** 2).sum(axis=(1, 2, 3))),
        },
        (
            "First the mean of the squared differences of each image, an array of shape (n,).",
            "((fine - images) ** 2).mean(axis=(1, 2, 3)), then -10 * np.log10 of it.",
        ),
        errors={"'dim'": "NumPy calls it axis."},
    ),
})  # fmt: skip
