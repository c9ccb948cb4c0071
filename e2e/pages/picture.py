"""A picture of a page as a PNG of 256 colours: a third of what the browser's own would take."""

from __future__ import annotations

import base64
import struct
import zlib
from pathlib import Path

from playwright.sync_api import Page

# The browser decodes its own picture. The palette is made of the colours that are there most
# often, each at some distance from those before it; every other colour becomes the nearest one.
_COLOURS = """async (picture) => {
  const image = await createImageBitmap(await (await fetch(picture)).blob());
  const canvas = new OffscreenCanvas(image.width, image.height).getContext("2d");
  canvas.drawImage(image, 0, 0);
  const pixels = new Uint32Array(canvas.getImageData(0, 0, image.width, image.height).data.buffer);
  const counts = new Map();
  for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
  const parts = (colour) => [colour & 255, (colour >> 8) & 255, (colour >> 16) & 255];
  const distance = (one, other) =>
    (one[0] - other[0]) ** 2 + (one[1] - other[1]) ** 2 + (one[2] - other[2]) ** 2;
  const byCount = [...counts].sort((one, other) => other[1] - one[1]).map(([colour]) => colour);
  const palette = [];
  for (const colour of byCount) {
    if (palette.length === 256) break;
    if (palette.every((chosen) => distance(parts(colour), chosen) >= 64)) palette.push(parts(colour));
  }
  const nearest = new Map();
  for (const colour of byCount) {
    let best = 0;
    palette.forEach((chosen, index) => {
      if (distance(parts(colour), chosen) < distance(parts(colour), palette[best])) best = index;
    });
    nearest.set(colour, best);
  }
  const indexes = Uint8Array.from(pixels, (pixel) => nearest.get(pixel));
  let text = "";
  for (let at = 0; at < indexes.length; at += 8192) {
    text += String.fromCharCode(...indexes.subarray(at, at + 8192));
  }
  return { width: image.width, height: image.height, palette: palette.flat(), indexes: btoa(text) };
}"""


def take_picture(page: Page, path: Path) -> None:
    """What of the page is in view, with nothing moving."""
    shot = base64.b64encode(page.screenshot(animations="disabled")).decode()
    # A page of its own: ours forbid their scripts to fetch data.
    workshop = page.context.new_page()
    found = workshop.evaluate(_COLOURS, f"data:image/png;base64,{shot}")
    workshop.close()
    width, height = found["width"], found["height"]
    indexes = base64.b64decode(found["indexes"])
    lines = (b"\0" + indexes[at : at + width] for at in range(0, len(indexes), width))
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0))
        + _chunk(b"PLTE", bytes(found["palette"]))
        + _chunk(b"IDAT", zlib.compress(b"".join(lines), 9))
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
