"""More data sets of a few records, in the exact layout of their publishers."""

from pathlib import Path

from published_trees import write_film

CHEXPERT_LABELS = (
    "No Finding",
    "Enlarged Cardiomediastinum",
    "Cardiomegaly",
    "Lung Opacity",
    "Lung Lesion",
    "Edema",
    "Consolidation",
    "Pneumonia",
    "Atelectasis",
    "Pneumothorax",
    "Pleural Effusion",
    "Pleural Other",
    "Fracture",
    "Support Devices",
)


def write_chexpert(
    folder: Path, tables: dict[str, list[tuple[str, str, int, str, dict[str, float]]]]
) -> Path:
    """By table: rows of path below the table's folder, sex, age, AP/PA, labels that are given."""
    head = ",".join(["Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *CHEXPERT_LABELS])
    for table, rows in tables.items():
        lines = [head]
        for number, (below, sex, age, side, labels) in enumerate(rows):
            path = f"{table}/{below}.jpg"
            told = ",".join(str(labels.get(name, "")) for name in CHEXPERT_LABELS)
            view = "Lateral" if below.endswith("lateral") else "Frontal"
            lines.append(f"{folder.name}/{path},{sex},{age},{view},{side},{told}")
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            write_film(folder / path, 40, seed=hash_of(table) + number)
        (folder / f"{table}.csv").write_text("\n".join(lines) + "\n")
    return folder


def hash_of(table: str) -> int:
    """Another range of seeds for each table: equal images would be leaks."""
    return 1000 * sum(map(ord, table))
