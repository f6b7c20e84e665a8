"""The parts of benchmarks/load.py: servers, clients in processes of their own, and other people's tools."""
