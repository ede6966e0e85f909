"""The StrongLensing challenge: what is dark matter made of? Read it off the image of a gravitational lens."""
