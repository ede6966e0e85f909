"""The RenAIssance challenge: teach a small network to read a Spanish book of 1637."""
