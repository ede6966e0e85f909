"""The NMRSpin challenge: how do spins in a solid interact? Read it off their echo."""
