import pytest
import torch
from torch import nn

from crossbeat.errors import CheckpointError
from crossbeat.training.checkpoint import load_tensors, load_weights, save_tensors
from crossbeat.training.fit import SafetensorsIO


def test_a_training_state_comes_back_as_it_was(tmp_path):
    state = {
        "epoch": 3,
        "optimizer_states": [
            {"state": {0: {"step": torch.tensor(4.0), "exp_avg": torch.randn(2, 3)}}, "none": None}
        ],
        "history": [{"loss": 0.5}],
        "flag": True,
    }
    path = tmp_path / "last.safetensors"
    SafetensorsIO().save_checkpoint(state, path)
    back = SafetensorsIO().load_checkpoint(path)
    plain = ("epoch", "flag", "history")
    assert [back[name] for name in plain] == [state[name] for name in plain]
    assert list(back["optimizer_states"][0]["state"]) == [0]
    moment = back["optimizer_states"][0]["state"][0]["exp_avg"]
    assert torch.equal(moment, state["optimizer_states"][0]["state"][0]["exp_avg"])


def test_what_is_neither_tensor_nor_plain_is_not_stored(tmp_path):
    with pytest.raises(TypeError, match="/thing of the checkpoint is a object"):
        SafetensorsIO().save_checkpoint({"thing": object()}, tmp_path / "x")


def test_a_truncated_or_missing_file_is_named(tmp_path):
    path = tmp_path / "w.safetensors"
    save_tensors(path, {"a": torch.zeros(100)})
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(CheckpointError, match=r"w\.safetensors must be a whole safetensors file"):
        load_tensors(path)
    path.unlink()
    with pytest.raises(CheckpointError, match=r"w\.safetensors does not exist"):
        load_tensors(path)


@pytest.mark.parametrize(
    ("weights", "problem"),
    [
        ({"weight": torch.zeros(2, 3)}, "missing bias"),
        ({"weight": torch.zeros(2, 3), "bias": torch.zeros(2), "x": torch.zeros(1)}, "unknown x"),
        ({"weight": torch.zeros(2, 4), "bias": torch.zeros(2)}, r"weight is \[2, 4\] where"),
    ],
)
def test_weights_of_another_architecture_are_refused(weights, problem):
    with pytest.raises(CheckpointError, match=f"another architecture: {problem}"):
        load_weights(nn.Linear(3, 2), weights, "w.safetensors")
