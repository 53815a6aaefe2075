"""Pairs of different patients: ``label-matched`` cohorts, and shuffled pairs as the null.

A label-matched cohort shows an ECG encoder the X-ray of somebody else who has a related finding, is
of the same sex and about as old: it can only learn what a finding looks like in general.
"""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Unpack

import numpy as np
import polars as pl
from jaxtyping import Int64

from crossbeat.data.build import Block, How, build_cohort
from crossbeat.data.cohort import Cohort
from crossbeat.data.info import CohortInfo
from crossbeat.data.people import EXACT_IDS
from crossbeat.data.sources.builder import BLOCK
from crossbeat.data.splits import SPLITS
from crossbeat.data.store import to_int16
from crossbeat.data.table import label_column
from crossbeat.errors import ConfigError, DataError

RULES = (
    ("hypertrophy", "cardiomegaly"),
    ("atrial_fibrillation", "pleural_effusion"),
    ("infarction", "edema"),
    ("conduction", "cardiomegaly"),
    ("normal", "no_finding"),
)
"""A finding of the ECG and the finding of the X-ray it is matched with, the first that applies.

These are assumptions about populations, not about a patient: hypertrophied and dilated ventricles
widen the cardiac silhouette; fibrillation goes with the failing left atrium that also lets
effusions gather; infarction is a chief cause of acute failure and so of edema; bundle branch
block goes with dilated hearts; a normal ECG makes a normal film likely. An ECG with none of these
findings gets no X-ray.
"""

NOTE = (
    "ECG and X-ray are of different patients, matched by related findings, sex and age: the pairs "
    "carry no information about an individual beyond these."
)

SHUFFLED = "Pairs are shuffled within each split: the two signals are of unrelated patients."


@dataclass(frozen=True, kw_only=True)
class LabelMatched:
    """Real ECGs, each with the X-ray of another person of a related finding.

    Args:
        ecgs: the folder of a cohort with ECGs, such as ``ptb-xl``.
        xrays: the folder of a cohort with X-rays, such as ``nih-cxr14``.
        rules: pairs of a finding of the ECG and one of the X-ray, in order of precedence.
        caliper: most years between the ages, where both are known; 0 or more.
        most_uses: ECGs that may share one X-ray; 1 or more.
        seed: of the matching.

    Raises:
        ConfigError: a setting is out of its range.
    """

    ecgs: Path
    xrays: Path
    rules: tuple[tuple[str, str], ...] = RULES
    caliper: float = 10.0
    most_uses: int = 8
    seed: int = 0

    def __post_init__(self) -> None:
        if self.caliper < 0 or self.most_uses < 1 or not self.rules:
            raise ConfigError(
                "LabelMatched must have a caliper of 0 years or more, most_uses of 1 or more and "
                f"a rule, got {self.caliper}, {self.most_uses} and {len(self.rules)} rules; "
                "change them"
            )

    def build(self, folder: Path, **how: Unpack[How]) -> Cohort:
        """Match within splits, and store the pairs in a new folder; ECGs without a match stay."""
        ecgs, xrays = Cohort.open(self.ecgs), Cohort.open(self.xrays)
        for cohort, side in ((ecgs, 0), (xrays, 1)):
            absent = {rule[side] for rule in self.rules} - set(cohort.info.findings)
            if absent:
                raise ConfigError(
                    f"rules must name findings of cohort {cohort.info.name} "
                    f"({', '.join(cohort.info.findings)}), got {', '.join(sorted(absent))}; "
                    "change the rules"
                )
        partner = match(
            ecgs.table,
            xrays.table,
            self.rules,
            caliper=self.caliper,
            most_uses=self.most_uses,
            seed=self.seed,
        )
        table = _pairs(ecgs, xrays, partner)
        blocks = [
            partial(_block, rows, ecgs=self.ecgs, xrays=self.xrays)
            for rows in table.iter_slices(BLOCK)
        ]
        info = self._info(ecgs, xrays, table)
        return build_cohort(folder, info, blocks, **how)

    def _info(self, ecgs: Cohort, xrays: Cohort, table: pl.DataFrame) -> CohortInfo:
        matched = table.filter(pl.col("xray").is_not_null())
        counts = (
            f"{matched.height} of {table.height} ECGs have an X-ray; "
            f"{matched['xray'].n_unique()} X-rays are used, each by {self.most_uses} ECGs at most."
        )
        return replace(
            ecgs.info,
            name="label-matched",
            kind="matched",
            image_size=xrays.info.image_size,
            seed=self.seed,
            settings={
                "rules": [list(rule) for rule in self.rules],
                "caliper": self.caliper,
                "most_uses": self.most_uses,
                EXACT_IDS: any(each.info.settings.get(EXACT_IDS) for each in (ecgs, xrays)),
                "ecgs": ecgs.fingerprint(),
                "xrays": xrays.fingerprint(),
            },
            notes=(NOTE, counts, *ecgs.info.notes, *xrays.info.notes),
            files={},
        )


def match(
    ecgs: pl.DataFrame,
    xrays: pl.DataFrame,
    rules: tuple[tuple[str, str], ...],
    *,
    caliper: float,
    most_uses: int,
    seed: int,
) -> Int64[np.ndarray, " ecg"]:
    """The row of the X-ray of each ECG, -1 where there is none; see ``LabelMatched``.

    ECGs choose in random order: of the X-rays of their split, related finding and sex, no further
    in age than the caliper (years), one that is used least, and of those the nearest in age.
    Unknown values do not prevent a match.
    """
    random = np.random.default_rng(seed)
    pools = _pools(xrays, {rule[1] for rule in rules})
    ages, sexes = xrays["age"].to_numpy(), xrays["sex"].fill_null("").to_numpy()
    uses = np.zeros(xrays.height, dtype=np.int64)
    partner = np.full(ecgs.height, -1, dtype=np.int64)
    related = pl.coalesce(  # the X-ray finding of the first rule whose ECG finding is there
        pl.when((pl.col(label_column(ecg)) == 1) & pl.col("ecg").is_not_null()).then(pl.lit(xray))
        for ecg, xray in rules
    )
    people = ecgs.select("split", "age", "sex", finding=related).rows()
    for row in random.permutation(ecgs.height).tolist():
        split, age, sex, finding = people[row]
        pool = pools.get((split, finding), partner[:0])
        gap = np.abs(ages[pool] - (np.nan if age is None else age))
        fits = ~(gap > caliper) & (uses[pool] < most_uses)
        if sex is not None:
            fits &= (sexes[pool] == sex) | (sexes[pool] == "")
        if fits.any():
            pool, gap = pool[fits], np.nan_to_num(gap[fits], nan=caliper)
            partner[row] = pool[np.lexsort((random.random(len(pool)), gap, uses[pool]))[0]]
            uses[partner[row]] += 1
    if (partner < 0).all():
        raise DataError(
            "some ECGs must match an X-ray by finding, sex, age and split, got none; "
            "raise the caliper or change the rules"
        )
    return partner


def shuffled(cohort: Cohort, seed: int, signal: str) -> Cohort:
    """The null: the same ECGs and images, paired at random within each split.

    The pictures move one place on in a random order, so none stays where it was. What is left of
    any gain does not come from the pairing.

    Args:
        signal: which pictures: ``xray``, or ``cine`` for those of both axes together.

    Raises:
        DataError: a split has pictures beside ECGs of one row only.
    """
    random = np.random.default_rng(seed)
    moved = [name for name in cohort.table.columns if name.startswith(signal)]
    source = np.arange(cohort.table.height)
    for split in SPLITS:
        rows = random.permutation(cohort.rows(split, has=("ecg", signal)))
        if len(rows) == 1:
            raise DataError(
                f"split {split} must have two pairs or more to be shuffled, got one; "
                "use a larger cohort"
            )
        source[rows] = np.roll(rows, 1)
    table = cohort.table.with_columns(cohort.table.select(moved)[source])
    info = replace(
        cohort.info,
        kind="shuffled",
        settings={**cohort.info.settings, "shuffled": seed},
        notes=(SHUFFLED, *cohort.info.notes),
    )
    return replace(cohort, info=info, table=table)


def _pools(
    xrays: pl.DataFrame, findings: set[str]
) -> dict[tuple[str, str], Int64[np.ndarray, " row"]]:
    shown = xrays["xray"].is_not_null()
    return {
        (split, finding): np.flatnonzero(
            ((xrays["split"] == split) & (xrays[label_column(finding)] == 1) & shown)
            .fill_null(value=False)
            .to_numpy()
        )
        for split in SPLITS
        for finding in findings
    }


def _pairs(ecgs: Cohort, xrays: Cohort, partner: Int64[np.ndarray, " ecg"]) -> pl.DataFrame:
    """The new table; ``ecg`` and ``xray`` are rows of the tables that were matched."""
    row = pl.Series(partner)
    known = [label_column(finding) for finding in xrays.info.findings]
    other = xrays.table.select(
        "xray_patient",
        pl.int_range(pl.len()).alias("xray"),
        *(pl.col(name).alias(f"xray_{name}") for name in known),
        *(pl.col(name) for name in xrays.table.columns if name.startswith("note:")),
    )
    found = other[row.set(row < 0, None)]
    kept = ecgs.table.drop("xray", "xray_patient").with_columns(ecg=pl.int_range(pl.len()))
    return kept.hstack(found).filter(ecgs.table["ecg"].is_not_null())


def _block(table: pl.DataFrame, *, ecgs: Path, xrays: Path) -> Block:
    given, shown = Cohort.open(ecgs), Cohort.open(xrays)
    waves = given.ecgs(table["ecg"].to_numpy()).values.numpy()
    films = shown.images("xray", table["xray"].drop_nulls().to_numpy()).numpy()
    has = pl.col("xray").is_not_null()
    local = table.with_columns(
        ecg=pl.int_range(pl.len()), xray=pl.when(has).then(has.cum_sum().cast(pl.Int64) - 1)
    )
    stored = to_int16(waves, given.info.ecg_gain, str(ecgs))
    return Block(local, {"ecg": stored, "xray": films})
