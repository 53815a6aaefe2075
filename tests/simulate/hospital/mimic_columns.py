"""The header line of each file of MIMIC, in the order of its columns.

Source: MIMIC-IV-ECG 1.0 and the files of MIMIC-CXR-JPG 2.1.0, MIMIC-IV-ED 2.2 and MIMIC-IV 3.1 as
PhysioNet's pages and public code that reads them show them.
"""

_LABELS = (
    "Atelectasis,Cardiomegaly,Consolidation,Edema,Enlarged Cardiomediastinum,Fracture,Lung Lesion,"
    "Lung Opacity,No Finding,Pleural Effusion,Pleural Other,Pneumonia,Pneumothorax,Support Devices"
)

HEADERS = {
    "mimic-iv-ecg/record_list.csv": "subject_id,study_id,file_name,ecg_time,path",
    "mimic-iv-ecg/machine_measurements.csv": (
        "subject_id,study_id,cart_id,ecg_time,report_0,report_1,report_2,report_3,report_4,report_5,"
        "report_6,report_7,report_8,report_9,report_10,report_11,report_12,report_13,report_14,"
        "report_15,report_16,report_17,bandwidth,filtering,rr_interval,p_onset,p_end,qrs_onset,"
        "qrs_end,t_end,p_axis,qrs_axis,t_axis"
    ),
    "mimic-cxr-jpg/mimic-cxr-2.0.0-chexpert.csv.gz": f"subject_id,study_id,{_LABELS}",
    "mimic-cxr-jpg/mimic-cxr-2.0.0-negbio.csv.gz": f"subject_id,study_id,{_LABELS}",
    "mimic-cxr-jpg/mimic-cxr-2.0.0-metadata.csv.gz": (
        "dicom_id,subject_id,study_id,PerformedProcedureStepDescription,ViewPosition,Rows,Columns,"
        "StudyDate,StudyTime,ProcedureCodeSequence_CodeMeaning,ViewCodeSequence_CodeMeaning,"
        "PatientOrientationCodeSequence_CodeMeaning"
    ),
    "mimic-cxr-jpg/mimic-cxr-2.0.0-split.csv.gz": "dicom_id,study_id,subject_id,split",
    "mimic-cxr-jpg/mimic-cxr-2.1.0-test-set-labeled.csv": (
        "study_id,No Finding,Enlarged Cardiomediastinum,Cardiomegaly,Lung Lesion,Airspace Opacity,"
        "Edema,Consolidation,Pneumonia,Atelectasis,Pneumothorax,Pleural Effusion,Pleural Other,"
        "Fracture,Support Devices"
    ),
    "mimic-iv-ed/edstays.csv.gz": (
        "subject_id,hadm_id,stay_id,intime,outtime,gender,race,arrival_transport,disposition"
    ),
    "mimic-iv/hosp/patients.csv.gz": (
        "subject_id,gender,anchor_age,anchor_year,anchor_year_group,dod"
    ),
    "mimic-iv/hosp/admissions.csv.gz": (
        "subject_id,hadm_id,admittime,dischtime,deathtime,admission_type,admit_provider_id,"
        "admission_location,discharge_location,insurance,language,marital_status,race,edregtime,"
        "edouttime,hospital_expire_flag"
    ),
}
