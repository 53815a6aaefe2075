import torch

from crossbeat.views.combine import normal


def test_normal_numbers_do_not_depend_on_the_number_of_threads():
    drawn = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        drawn.append(normal(torch.Generator().manual_seed(3), (100, 4, 50)))
    assert torch.equal(*drawn)


def test_normal_numbers_are_independent_and_standard():
    drawn = normal(torch.Generator().manual_seed(0), (200, 20, 50))
    assert abs(float(drawn.mean())) < 0.01
    assert abs(float(drawn.std()) - 1) < 0.01
    rows = drawn.reshape(200, -1)
    between = torch.corrcoef(rows) - torch.eye(200)
    assert float(between.abs().max()) < 0.2


def test_normal_numbers_follow_from_the_generator_and_move_it_on():
    generator = torch.Generator().manual_seed(1)
    first, second = normal(generator, (40, 3)), normal(generator, (40, 3))
    again = normal(torch.Generator().manual_seed(1), (40, 3))
    assert torch.equal(first, again)
    assert not torch.equal(first, second)
