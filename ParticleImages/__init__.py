"""Electron or photon, from images of a crystal calorimeter."""
