import numpy as np
import pytest

from ssr.scenes.quantiles import quantile_of_dates


@pytest.mark.parametrize("share", [0.0, 0.35, 0.5, 1.0])
def test_quantiles_over_the_dates_that_have_data_are_those_of_numpy(share: float) -> None:
    dates = np.random.default_rng(0).random((7, 9, 11))
    dates[np.random.default_rng(1).random(dates.shape) < 0.4] = np.nan
    dates[0] = 0.5  # nowhere is all missing, which NumPy warns of
    assert np.allclose(quantile_of_dates(dates, share), np.nanquantile(dates, share, axis=0), atol=1e-12)
    assert quantile_of_dates(np.full((3, 2, 2), np.nan), share).tolist() == [[0, 0], [0, 0]]
