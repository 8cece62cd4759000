import torch

from ssr.models.highresnet import RecursiveFusion


def test_absent_dates_are_zeros_behind_the_present_ones():
    fusion = RecursiveFusion(4, 3, dropout=0.0).eval()
    encoded = torch.rand(2, 5, 4, 6, 6, generator=torch.Generator().manual_seed(0))
    padded = torch.cat([encoded, torch.zeros(2, 3, 4, 6, 6)], 1)
    assert torch.equal(fusion(encoded), fusion(padded))


def test_second_half_of_the_dates_is_folded_onto_the_first():
    fusion = RecursiveFusion(4, 3, dropout=0.0).eval()
    encoded = torch.rand(1, 4, 4, 6, 6, generator=torch.Generator().manual_seed(0))
    block = fusion.fusion[0]
    first, second = block(encoded[:, [0, 2]]), block(encoded[:, [1, 3]])
    torch.testing.assert_close(fusion(encoded), block(torch.cat([first, second], 1)))


def test_one_date_is_left_as_it_is():
    encoded = torch.rand(1, 1, 4, 6, 6)
    assert torch.equal(RecursiveFusion(4, 3, dropout=0.0)(encoded), encoded)
