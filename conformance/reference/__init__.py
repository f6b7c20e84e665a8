"""The reference candidate: a sound product that ships with the harness, and its fault switches."""
