"""Virtual patients as a hospital has them: files and tables first, pairs found in time."""

import json
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Unpack

from crossbeat.data.build import How
from crossbeat.data.cohort import Cohort
from crossbeat.data.pairing import Pairing
from crossbeat.data.sources.mimic import Mimic
from crossbeat.simulate.hospital import VirtualMimic


@dataclass(frozen=True, kw_only=True)
class VirtualHospital:
    """The cohort ``mimic`` of a virtual MIMIC; its files are kept beside the cohort.

    Args:
        patients: the files; cohorts that share them have the same patients in each split,
            whatever is paired.
        pairing: which ECG goes with which X-ray.
    """

    patients: VirtualMimic
    pairing: Pairing

    def build(self, folder: Path, **how: Unpack[How]) -> Cohort:
        """Write the files unless they are there, then pair and store the records.

        A share of the files is damaged on purpose; ``allow_missing`` is not used.
        """
        digest = sha256(json.dumps(asdict(self.patients)).encode()).hexdigest()[:12]
        tree = folder.with_name(f"mimic-{digest}")
        self.patients.write(tree, executor=how.get("executor"))
        return Mimic(
            ecg=tree / "mimic-iv-ecg",
            cxr=tree / "mimic-cxr-jpg",
            ed=tree / "mimic-iv-ed",
            hosp=tree / "mimic-iv/hosp",
            pairing=self.pairing,
            seed=self.patients.seed,
            val=self.patients.val,
            test=self.patients.test,
            image_size=self.patients.image_size,
        ).build(folder, **(how | {"allow_missing": True}))
