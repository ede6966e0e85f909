"""The Exoplanet challenge: does a planet hide in this disk of gas and dust?"""
