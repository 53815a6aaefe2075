"""Tables with a row per model: every number where it belongs, shares in percent."""

from typing import Any

from crossbeat.evaluation.measurement_markdown import by_model


def found(value: float | None, half: float = 0.01) -> dict[str, float | None]:
    if value is None:
        return {"value": None, "low": None, "high": None}
    return {"value": value, "low": value - half, "high": value + half}


def explained(share: float) -> dict[str, Any]:
    return {"mean": {"r2": found(share)}, "LVEF": {"r2": found(share / 2)}}


RESULTS: dict[str, Any] = {
    "method": "ptacl",
    "baseline": "direct",
    "models": {"direct": explained(0.1), "ptacl": explained(0.2)},
    "limits": {"latent": explained(0.4)},
    "differences": {"ptacl - direct": explained(0.1)},
    "readings": {
        "linear probe": {
            "models": {"direct, linear probe": explained(0.15)},
            "differences": {},
        }
    },
    "screening": {
        "test": {"findings": {"low": {}}},
        "models": {"direct": {"low": {"auroc": found(0.8)}}},
        "differences": {"ptacl - direct": {"low": {"auroc": found(None)}}},
    },
    "retrieval": {
        "ptacl": {
            "recall@1": found(0.02),
            "recall@10": found(0.1),
            "measurement_difference@10": found(0.5),
        }
    },
    "retrieval_limits": {
        "random": {
            "recall@1": {"value": 0.0, "low": None, "high": None},
            "recall@10": found(0.0),
            "measurement_difference@10": found(1.1),
        }
    },
}


def test_every_part_is_a_table_with_a_row_for_each_model_limit_and_pair() -> None:
    tables = [table.split("\n") for table in "\n".join(by_model(RESULTS)).split("\n\n")]
    assert [table[0].split(" | ")[0] for table in tables] == [
        "| R² in percent",
        "| R² in percent of a linear probe",
        "| screening",
        "| model",
    ]
    assert tables[0] == [
        "| R² in percent | LVEF | mean |",
        "| --- | --- | --- |",
        "| `direct` | 5.0 (4.0 to 6.0) | 10.0 (9.0 to 11.0) |",
        "| `ptacl` | 10.0 (9.0 to 11.0) | 20.0 (19.0 to 21.0) |",
        "| limit: latent | 20.0 (19.0 to 21.0) | 40.0 (39.0 to 41.0) |",
        "| ptacl − direct | +5.0 (+4.0 to +6.0) | +10.0 (+9.0 to +11.0) |",
    ]
    assert tables[1][2:] == ["| `direct, linear probe` | 7.5 (6.5 to 8.5) | 15.0 (14.0 to 16.0) |"]
    assert tables[2][2:] == ["| `direct` | 80.0 (79.0 to 81.0) |", "| ptacl − direct | undefined |"]
    assert tables[3][2:] == [
        "| `ptacl` | 2.0 (1.0 to 3.0) | 10.0 (9.0 to 11.0) | 0.500 (0.490 to 0.510) |",
        "| limit: random | 0.0 | 0.0 (-1.0 to 1.0) | 1.100 (1.090 to 1.110) |",
    ]
