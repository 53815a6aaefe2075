"""Virtual and real short-axis stacks side by side, and their contrast in figures.

Run: ``python benchmarks/cine_look.py sax_roi.npz [PICTURE]``. The file holds stacks of the
Sunnybrook Cardiac Data (Radau et al. 2009, CC0): ``s1``, ``s2`` of slices from base to apex, with
masks of the left cavity in ``s1_lv``, ``s2_lv``. Each row of the picture is a stack, stretched to
its own brightness. The virtual patients are the first of a cohort, not the best; the first of them
is shown with the surroundings of the real stacks, too.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from scipy.ndimage import binary_dilation

from crossbeat import simulate

SEED, SIZE, FRAMES, PATIENTS = 1, 100, 40, 3
COLUMNS = 8
GREYS = 20
"""Levels of the picture, so that it stays small."""
MARGIN = 14


def real_stacks(path: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Images and masks of the cavity, slice by slice from the base."""
    with np.load(path) as held:
        return {
            f"real: Sunnybrook {name}": (
                held[name].transpose(2, 0, 1).astype(np.float32),
                held[f"{name}_lv"].transpose(2, 0, 1) > 0,
            )
            for name in ("s1", "s2")
        }


def virtual_stacks(textures: simulate.Textures) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The same of virtual patients; some of them with texture, in systole, in the long axis."""
    patients = simulate.draw_patients(PATIENTS, SEED)
    shape = {"frames": FRAMES, "size": SIZE, "slices": COLUMNS + 1}
    cines = simulate.cine_block(patients, 0, SEED, **shape).astype(np.float32)
    masks = simulate.masks_block(patients, 0, SEED, **shape) == 1
    made = {
        f"virtual: patient {row}, end diastole": (cines[row, :, 0], masks[row, :, 0])
        for row in range(PATIENTS)
    }
    real = simulate.cine_block(patients, 0, SEED, textures=textures, **shape).astype(np.float32)
    made |= {
        f"virtual: patient {row}, with real texture": (real[row, :, 0], masks[row, :, 0])
        for row in range(2)
    }
    last = int(masks[0].sum(axis=(0, 2, 3)).argmin())
    made["virtual: patient 0, end systole"] = (cines[0, :, last], masks[0, :, last])
    shape = {"frames": COLUMNS, "size": SIZE, "view": "long"}
    cine = simulate.cine_block(patients, 0, SEED, **shape).astype(np.float32)
    mask = simulate.masks_block(patients, 0, SEED, **shape) == 1
    return made | {"virtual: patient 0, long axis, from the R peak on": (cine[0, 0], mask[0, 0])}


def contrast(images: np.ndarray, masks: np.ndarray) -> tuple[float, float]:
    """Blood over the ring around it, and how much blood varies, in the middle slices."""
    middle = slice(len(images) // 3, 2 * len(images) // 3)
    ratios, spreads = [], []
    for image, mask in zip(images[middle], masks[middle], strict=True):
        ring = binary_dilation(mask, iterations=5) & ~binary_dilation(mask, iterations=2)
        ratios.append(np.median(image[mask]) / np.median(image[ring]))
        spreads.append(np.median(np.abs(np.diff(image, axis=1)[mask[:, 1:]])) / image[mask].mean())
    return float(np.mean(ratios)), float(np.mean(spreads))


def picture(stacks: dict[str, tuple[np.ndarray, np.ndarray]]) -> Image.Image:
    """A row per stack."""
    made = Image.new("L", (COLUMNS * SIZE, len(stacks) * (SIZE + MARGIN)), 255)
    draw = ImageDraw.Draw(made)
    for row, (name, (images, _)) in enumerate(stacks.items()):
        top = row * (SIZE + MARGIN)
        draw.text((2, top + 1), name, fill=0)
        strip = np.concatenate(list(images[:COLUMNS]), axis=1)
        strip = np.clip(strip / np.percentile(strip, 99.3), 0, 1)
        strip = np.rint(strip * GREYS) * (255 / GREYS)
        made.paste(Image.fromarray(strip.astype(np.uint8)), (0, top + MARGIN))
    return made


def main(path: Path, out: Path) -> None:
    """Draw the picture and print the figures."""
    stacks = real_stacks(path) | virtual_stacks(simulate.read_textures(path))
    for name, (images, masks) in stacks.items():
        ratio, spread = contrast(images, masks)
        print(
            f"{name:<40} blood over muscle {ratio:.1f}, step between pixels of blood {spread:.3f}"
        )
    picture(stacks).save(out, optimize=True)
    print(f"{out}: {out.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) > 2 else "docs/images/cine-look.png"))
