import os
from functools import partial
from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from crossbeat.objectives import alignment, equal
from crossbeat.training import gather
from crossbeat.training.processes import alone

BATCH, DIM = 8, 6


def network():
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(DIM, 5), nn.Tanh(), nn.Linear(5, 4))


def loss_of(model, x, other, labels):
    return alignment(
        gather(model(x)),
        gather(other),
        positives=equal(gather(labels)),
        temperature=0.1,
        own_pair=2.0,
    )


def data():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(BATCH, DIM, generator=generator)
    other = torch.randn(BATCH, 4, generator=generator)
    labels = (torch.rand(BATCH, 1, generator=generator) < 0.5).float()
    return x, other, labels


def process(rank, world, folder):
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "GLOO_SOCKET_IFNAME": "lo"}
    store = dist.FileStore(f"{folder}/store", world)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=world)
    torch.set_num_threads(1)
    model = DistributedDataParallel(network())
    share = slice(rank * BATCH // world, (rank + 1) * BATCH // world)
    loss = loss_of(model, *(part[share] for part in data()))
    loss.backward()
    with alone():
        assert gather(loss) is loss
    gradients = [parameter.grad for parameter in model.parameters()]
    torch.save([loss.detach(), *gradients], f"{folder}/{rank}.pt")
    dist.barrier()
    os._exit(0)  # torch 2.13.0 can hang for ever in the destructor of a gloo group


def test_one_process_gathers_only_itself():
    x = torch.randn(3, 2)
    assert gather(x) is x


def test_two_processes_have_the_loss_and_gradients_of_one_with_the_whole_batch(tmp_path: Path):
    model = network()
    loss = loss_of(model, *data())
    loss.backward()
    expected = [loss.detach(), *(parameter.grad for parameter in model.parameters())]
    mp.spawn(partial(process), args=(2, str(tmp_path)), nprocs=2)
    for rank in range(2):
        found = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        for ours, theirs in zip(found, expected, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)
