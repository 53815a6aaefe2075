"""Deliberate faults of a virtual MIMIC, like those of hospital data."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from crossbeat.errors import ConfigError

FAULTS: Mapping[str, str] = {
    "missing_ecg": "study_id of an ECG in the tables that has no files",
    "truncated_ecg": "study_id of an ECG whose signal file ends too early",
    "flat_lead": "[study_id, lead] of an ECG in which one lead is 0 throughout",
    "missing_samples": "study_id of an ECG in which samples of all leads are marked as missing",
    "duplicated_ecg": "[study_id, study_id] of one signal stored twice for one patient",
    "shared_ecg": "[study_id, study_id] of one signal stored for two patients",
    "ecg_outside_stay": "study_id of an ECG whose recorded time lies in no stay of the patient",
    "clock_drift": "[cart_id, minutes] by which the clock of a cart is ahead",
    "patient_without_ecg": "subject_id of a patient of whom there is no ECG",
    "missing_xray": "dicom_id of an image in the tables that has no file",
    "truncated_xray": "dicom_id of an image whose file ends too early",
    "lateral_view": "dicom_id of an image that is not frontal",
    "several_frontals": "study_id of an X-ray study with two frontal images",
    "xray_outside_stay": "study_id of an X-ray study whose time lies in no stay of the patient",
    "early_study_time": "study_id of an X-ray study before 10:00, without leading zeros",
    "uncertain_label": "[study_id, column] of a -1.0 in the labels of CheXpert",
    "overlapping_stays": "[stay_id, stay_id] of one patient",
    "reversed_stay": "stay_id of a stay that ends before it begins",
    "over_89": "subject_id of a patient whose anchor_age is 91, for any age above 89",
}
"""The keys of ``faults.json`` beside a tree, and what an entry of each is.

The file lists every case, so that a reader can be asked whether it found it. Times are those in the
tables: an ECG is also outside of all stays if a wrong clock or a reversed stay puts it there. Early
X-rays, uncertain labels and old patients have no rate: they follow from the hour, the report and
the patient.
"""

ECG_FAULTS = ("missing_ecg", "truncated_ecg", "flat_lead", "missing_samples")
"""What may be wrong with the files of an ECG, one thing at a time."""

XRAY_FAULTS = ("missing_xray", "truncated_xray")
"""What may be wrong with an image, one thing at a time."""

_DAY = 24 * 60.0


@dataclass(frozen=True, kw_only=True)
class Faults:
    """How often something is wrong, as shares from 0 to 1.

    Args:
        missing_ecg: of the ECGs.
        truncated_ecg: of the ECGs.
        flat_lead: of the ECGs.
        missing_samples: of the ECGs.
        duplicated_ecg: of the ECGs without another fault.
        shared_ecg: of the patients, who have a signal of the patient before them.
        ecg_outside_stay: of the ECGs, taken after the last stay.
        drifting_carts: of the carts, whose clock is wrong.
        most_drift: minutes by which such a clock is ahead or behind at most, 0 to a day.
        patient_without_ecg: of the patients, besides those who happen to have none.
        missing_xray: of the images.
        truncated_xray: of the images.
        lateral_view: of the X-ray studies, which have a lateral image too.
        several_frontals: of the X-ray studies, which have a second frontal image.
        xray_outside_stay: of the X-ray studies, taken after the last stay.
        overlapping_stays: of the second and third stays, which begin before the last one ends.
        reversed_stay: of the stays.

    Raises:
        ConfigError: a rate is out of its range.
    """

    missing_ecg: float = 0.005
    truncated_ecg: float = 0.005
    flat_lead: float = 0.01
    missing_samples: float = 0.01
    duplicated_ecg: float = 0.01
    shared_ecg: float = 0.002
    ecg_outside_stay: float = 0.15
    drifting_carts: float = 0.2
    most_drift: float = 45.0
    patient_without_ecg: float = 0.05
    missing_xray: float = 0.005
    truncated_xray: float = 0.005
    lateral_view: float = 0.4
    several_frontals: float = 0.05
    xray_outside_stay: float = 0.15
    overlapping_stays: float = 0.03
    reversed_stay: float = 0.005

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            most = _DAY if field.name == "most_drift" else 1.0
            if not 0 <= value <= most:
                raise ConfigError(
                    f"Faults.{field.name} must be 0 to {most:g}, got {value}; change it"
                )
        for names in (ECG_FAULTS, XRAY_FAULTS):
            together = sum(getattr(self, name) for name in names)
            if together > 1:
                raise ConfigError(
                    f"Faults.{', '.join(names)} must not exceed 1 together, got {together:g}; "
                    "lower one of them"
                )
