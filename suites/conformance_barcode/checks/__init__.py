"""Checks of the barcode suite, one module per chapter of the catalogue."""
