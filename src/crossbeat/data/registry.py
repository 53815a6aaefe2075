"""The data sets by name, as commands offer them."""

from pathlib import Path
from typing import Protocol, Unpack, runtime_checkable

from crossbeat.data.build import How
from crossbeat.data.cohort import Cohort
from crossbeat.data.sources.chexpert import CheXpert
from crossbeat.data.sources.cinc2021 import Cinc2021
from crossbeat.data.sources.code15 import Code15
from crossbeat.data.sources.ludb import Ludb
from crossbeat.data.sources.matched import LabelMatched
from crossbeat.data.sources.mimic import Mimic
from crossbeat.data.sources.nih import NihCxr14
from crossbeat.data.sources.own import OwnFiles
from crossbeat.data.sources.ptbxl import PtbXl
from crossbeat.data.sources.ukb import Ukb
from crossbeat.data.sources.virtual import Virtual
from crossbeat.data.sources.virtual_hearts import VirtualHearts


@runtime_checkable
class Builder(Protocol):
    """The settings of a data set, as a frozen dataclass; ``build`` makes its cohort."""

    def build(self, folder: Path, **how: Unpack[How]) -> Cohort:
        """Make the cohort in a new folder, or go on with one that was interrupted.

        Raises:
            DataError: a table is absent or damaged, no record is usable, the folder exists, or the
                disk is full or too small.
            ConfigError: a setting does not fit the data set.
        """


COHORTS: dict[str, type[Builder]] = {
    "virtual": Virtual,
    "virtual-hearts": VirtualHearts,
    "ptb-xl": PtbXl,
    "nih-cxr14": NihCxr14,
    "chexpert": CheXpert,
    "ludb": Ludb,
    "code-15": Code15,
    "cinc-2021": Cinc2021,
    "files": OwnFiles,
    "mimic": Mimic,
    "ukb": Ukb,
    "label-matched": LabelMatched,
}
