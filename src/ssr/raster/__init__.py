"""Pixels with a place on Earth: the only importer of rasterio."""
