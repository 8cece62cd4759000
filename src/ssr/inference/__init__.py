"""From a series to a super-resolved raster: windows, blending, prediction."""
