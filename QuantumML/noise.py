"""A trained circuit as a real quantum computer would run it: a finite number of shots, and gates that err.

The noise is that of ten neighbouring qubits of IBM's 27-qubit processor ibm_hanoi (Falcon r5.11) on 2025-02-26. The
figures are those of the device snapshot that the package qiskit-ibm-runtime 0.51 ships (fake_provider, FakeHanoiV2;
Apache License 2.0): calibrations that IBM measured and published.

Each gate is followed by a depolarising error of the measured average infidelity, and each measurement flips 0 and 1
with the measured probabilities. Not modelled: errors of waiting qubits, cross talk, drift.
"""

import numpy as np

PATH = (14, 13, 12, 10, 7, 4, 1, 2, 3, 5)  # each neighbours the next on the device
READ_1_PREPARED_0 = (0.0102, 0.0476, 0.0200, 0.0284, 0.0092, 0.0054, 0.0072, 0.0064, 0.0096, 0.0040)
READ_0_PREPARED_1 = (0.0052, 0.0542, 0.0216, 0.0200, 0.0102, 0.0112, 0.0132, 0.0090, 0.0092, 0.0092)
SX_ERROR = (1.92e-4, 2.63e-4, 2.06e-4, 1.21e-4, 1.48e-4, 1.42e-4, 1.43e-4, 1.83e-4, 1.39e-4, 2.91e-4)
CX_ERROR = (0.00711, 0.00441, 0.00379, 0.00434, 0.01218, 0.00410, 0.00424, 0.01015, 0.00511)
BASIS = ("rz", "sx", "x", "cx")


def device_noise(gates=1.0, readout=1.0):
    """The noise of the device as an Aer NoiseModel for circuits of at most ten qubits on a line.

    The depolarising probability p of an average gate infidelity r in d dimensions is r d / (d - 1) (Aer's convention:
    with probability p the state is replaced by the fully mixed one).

    Parameters
    ----------
    gates, readout : float
        Factors on the error rates of gates and of measurements, to see what a better or a worse device would do.

    Raises
    ------
    ValueError
        A measurement would be wrong more often than right: the factor inverts it.
    """
    from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error

    worst = readout * max(*READ_1_PREPARED_0, *READ_0_PREPARED_1)
    if worst > 0.5:
        raise ValueError(f"readout={readout:g} makes a measurement wrong with probability {worst:.2f}: use at most 9")
    model = NoiseModel(basis_gates=list(BASIS))
    for qubit, error in enumerate(SX_ERROR):
        model.add_quantum_error(depolarizing_error(gates * error * 2, 1), ["sx", "x"], [qubit])
        wrong_1, wrong_0 = readout * READ_1_PREPARED_0[qubit], readout * READ_0_PREPARED_1[qubit]
        model.add_readout_error(ReadoutError([[1 - wrong_1, wrong_1], [wrong_0, 1 - wrong_0]]), [qubit])
    for qubit, error in enumerate(CX_ERROR):
        for pair in ([qubit, qubit + 1], [qubit + 1, qubit]):
            model.add_quantum_error(depolarizing_error(gates * error * 4 / 3, 2), ["cx"], pair)
    return model


def measured(detector):
    """The circuit of a trained QuantumAutoencoder with its weights filled in and its trash qubits measured."""
    from qiskit import ClassicalRegister

    weights = {p: float(detector.weights[p.index]) for p in detector.circuit.parameters if p.vector.name == "w"}
    circuit = detector.circuit.assign_parameters(weights)
    trash = list(range(circuit.num_qubits - detector.n_trash, circuit.num_qubits))
    circuit.add_register(ClassicalRegister(len(trash), "trash"))
    circuit.measure(trash, range(len(trash)))
    return circuit


def scores(detector, X, shots=1000, noise=None, seed=0):
    """Anomaly scores of images from simulated measurements with qiskit-aer.

    Parameters
    ----------
    detector : QuantumAutoencoder, trained
    X : (n, side, side)
    shots : int
        Measurements of each jet.
    noise : qiskit_aer NoiseModel, optional
        Default: perfect gates and measurements.
    seed : int

    Returns
    -------
    float64 (n,)
        Mean share of ones on the trash qubits.
    """
    from qiskit import transpile
    from qiskit_aer import AerSimulator

    if noise is not None and detector.circuit.num_qubits > len(PATH):
        raise ValueError(f"the circuit has {detector.circuit.num_qubits} qubits, the noise model {len(PATH)}")
    # Gates of ten qubits are so quick that to fuse them takes longer than it saves.
    backend = AerSimulator(noise_model=noise, seed_simulator=seed, max_parallel_threads=1, fusion_enable=False)
    line = [[a, b] for i in range(len(PATH) - 1) for a, b in ((i, i + 1), (i + 1, i))]
    circuit = transpile(
        measured(detector), basis_gates=list(BASIS), coupling_map=None if noise is None else line,
        initial_layout=None if noise is None else range(detector.circuit.num_qubits), seed_transpiler=seed,
        optimization_level=1,
    )  # fmt: skip
    angles = detector.features(X)
    binds = [{p: angles[:, p.index].astype(float).tolist() for p in circuit.parameters}]
    result = backend.run(circuit, shots=shots, parameter_binds=binds).result()
    return np.array([_share_of_ones(result.get_counts(i)) for i in range(len(angles))])


def _share_of_ones(counts):
    """Mean of all bits in counts {bit string: number}."""
    total = sum(counts.values())
    return sum(bits.count("1") * number for bits, number in counts.items()) / (total * len(next(iter(counts))))
