"""A place to a time series: finding, checking, ranking dates."""
