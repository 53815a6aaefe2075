#!/usr/bin/env bash
# Pillow 13.0.0: of a TIFF whose PhotometricInterpretation is 0 (WhiteIsZero), the pixels of 8 bits
# come inverted, so that bright is high, and those of 16 bits come as they are stored. An X-ray of
# 16 bits is then a negative, without a word; only the tag 262 tells.
# Seen: 0 1 2 3 of 8 bits becomes 255 254 253 252; of 16 bits it stays 0 1 2 3.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pillow==13.0.0 numpy==2.3.5
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import io
import struct

import numpy as np
import PIL
from PIL import Image

assert PIL.__version__ == "13.0.0"
LONG, SHORT, WHITE_IS_ZERO, BLACK_IS_ZERO = 4, 3, 0, 1


def read(bits, meaning):
    """The pixels of a TIFF of one row, 0 1 2 3."""
    pixels = np.arange(4, dtype="u1" if bits == 8 else "<u2").tobytes()
    begin = 8 + 2 + 12 * 9 + 4
    tags = [(256, LONG, 4), (257, LONG, 1), (258, SHORT, bits), (259, SHORT, 1)]
    tags += [(262, SHORT, meaning), (273, LONG, begin), (277, SHORT, 1), (278, LONG, 1)]
    tags += [(279, LONG, len(pixels))]
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    head = b"II*\0" + struct.pack("<IH", 8, len(tags))
    image = Image.open(io.BytesIO(head + entries + bytes(4) + pixels))
    assert image.tag_v2[262] == meaning
    print(f"{bits} bits, photometric {meaning}:", image.mode, np.asarray(image)[0].tolist())
    return np.asarray(image)[0].tolist()


assert read(8, BLACK_IS_ZERO) == read(16, BLACK_IS_ZERO) == [0, 1, 2, 3]
assert read(8, WHITE_IS_ZERO) == [255, 254, 253, 252]
assert read(16, WHITE_IS_ZERO) == [0, 1, 2, 3]
print("as stated: only the image of 8 bits is inverted")
PY
