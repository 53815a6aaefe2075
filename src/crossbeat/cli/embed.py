"""``crossbeat embed RUN --out FILE``."""

from pathlib import Path
from typing import Literal

from crossbeat.cli.options import command, note, parse


def run(arguments: list[str]) -> None:
    """Write the table of the cohort with a column of embeddings."""
    parser = command("embed", "Compute the embedding of every ECG of a cohort with a finished run.")
    parser.add_argument("run", type=Path, help="folder of a finished run")
    parser.add_argument("--cohort", type=Path, default=None, help="default: the run's own")
    parser.add_argument("--split", type=Literal["train", "val", "test"], default="test")
    parser.add_argument("--out", type=Path, required=True, help="Parquet file to write")
    options = parse(parser, arguments)
    import polars as pl

    from crossbeat.cli.evaluate import cohort_of
    from crossbeat.data.cohort import Cohort
    from crossbeat.data.table import write_table
    from crossbeat.recipes.run import Run, embeddings

    trained = Run.open(options.run)
    cohort = Cohort.open(options.cohort) if options.cohort else cohort_of(trained)
    rows = cohort.rows(options.split, has=("ecg",))
    vectors = embeddings(trained, cohort, rows).numpy()
    table = cohort.table[rows.tolist()].with_columns(
        pl.Series("embedding", vectors, dtype=pl.Array(pl.Float32, vectors.shape[1]))
    )
    write_table(options.out, table)
    note(f"{len(rows)} embeddings of {vectors.shape[1]} values: {options.out}")
