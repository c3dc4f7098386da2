"""Analyses a file by the costs of its bytes: finds odd lines, and shows where its bits are."""
