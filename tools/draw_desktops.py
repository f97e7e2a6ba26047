# /// script
# requires-python = ">=3.11"
# dependencies = ["av>=14", "pillow>=11"]
# ///
"""Draw the short screen recordings that the demo hands out: `uv run tools/draw_desktops.py`.

Run by hand when a scene should change; its output is committed, so that neither the demo nor its tests need a video
encoder. Each scene is an invented agent desktop with a moving pointer and text that is being typed.
"""

from collections.abc import Callable
from pathlib import Path

import av
from PIL import Image, ImageDraw, ImageFont

ASSETS = Path(__file__).parent.parent / "src" / "ebbtide" / "apps" / "demo" / "assets"
WIDTH, HEIGHT, RATE, FRAMES = 640, 400, 6, 24
INK, PALE, LINE, PAPER = "#1d2b36", "#6c7a86", "#d4dbe1", "#ffffff"

Scene = Callable[[ImageDraw.ImageDraw, int], tuple[int, int]]


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Give Pillow's own typeface at a size in pixels."""
    return ImageFont.load_default(size)


def shell(draw: ImageDraw.ImageDraw, *, title: str, accent: str, frame: int) -> None:
    """Draw what all desktops share: title bar, menu and the call timer."""
    draw.rectangle((0, 0, WIDTH, 34), fill=accent)
    draw.text((14, 8), title, fill=PAPER, font=font(16))
    draw.text((WIDTH - 92, 8), f"00:{12 + frame // RATE:02d}", fill=PAPER, font=font(16))
    draw.rectangle((0, 34, 110, HEIGHT), fill="#eef2f5")
    for row, entry in enumerate(("Inbox", "Customers", "Calls", "Notes", "Help")):
        draw.text((16, 52 + row * 30), entry, fill=INK if row == frame // 10 else PALE, font=font(14))


def form(draw: ImageDraw.ImageDraw, frame: int) -> tuple[int, int]:
    """A record card whose note is being typed."""
    shell(draw, title="Claim 48-2107", accent="#20639b", frame=frame)
    for row, (label, value) in enumerate((("Name", "A. Example"), ("Cover", "Household"), ("Reported", "by phone"))):
        top = 60 + row * 48
        draw.text((134, top), label, fill=PALE, font=font(13))
        draw.rectangle((230, top - 6, 600, top + 24), outline=LINE)
        draw.text((240, top), value, fill=INK, font=font(14))
    note = "Water under the sink, floor damaged. Pictures follow."
    draw.rectangle((134, 216, 600, 330), outline=LINE)
    draw.text((144, 226), note[: frame * 3], fill=INK, font=font(14))
    draw.rectangle((500, 344, 600, 374), fill="#20639b" if frame > 18 else LINE)
    draw.text((530, 351), "Save", fill=PAPER, font=font(14))
    return 200 + frame * 15, 120 + frame * 10


def chat(draw: ImageDraw.ImageDraw, frame: int) -> tuple[int, int]:
    """A chat in which message follows message."""
    shell(draw, title="Chat 3 of 4", accent="#3c7a57", frame=frame)
    lines = ("The box blinks red.", "Since when?", "This morning.", "Please unplug it for a minute.", "Green now!")
    for row, line in enumerate(lines[: 1 + frame // 5]):
        left = 140 if row % 2 == 0 else 300
        draw.rounded_rectangle(
            (left, 56 + row * 52, left + 280, 96 + row * 52), 10, fill="#e4efe9" if row % 2 else "#eef2f5"
        )
        draw.text((left + 14, 66 + row * 52), line, fill=INK, font=font(14))
    draw.rectangle((134, 344, 610, 380), outline=LINE)
    draw.text((146, 354), "Glad to hear that. Anything else?"[: max(0, frame * 2 - 10)], fill=INK, font=font(14))
    return 560 - frame * 14, 330 - (frame % 8) * 9


def table(draw: ImageDraw.ImageDraw, frame: int) -> tuple[int, int]:
    """A list of bills in which the chosen line moves down."""
    shell(draw, title="Account 7731", accent="#8a4f7d", frame=frame)
    chosen = min(frame // 3, 7)
    for row in range(8):
        top = 56 + row * 38
        if row == chosen:
            draw.rectangle((124, top - 6, 620, top + 28), fill="#f3e8f0")
        draw.text((140, top), f"Bill {204 - row}", fill=INK, font=font(14))
        draw.text((290, top), ("paid", "open", "paid", "paid")[row % 4], fill=PALE, font=font(14))
        draw.text((520, top), f"{31 + row * 7 % 13}.{row * 37 % 100:02d}", fill=INK, font=font(14))
        draw.line((124, top + 30, 620, top + 30), fill=LINE)
    return 180 + (frame % 12) * 20, 66 + chosen * 38


def pointer(draw: ImageDraw.ImageDraw, at: tuple[int, int]) -> None:
    """Draw the arrow of the mouse."""
    left, top = at
    outline = ((0, 0), (0, 17), (4, 13), (7, 19), (10, 18), (7, 12), (12, 12))
    draw.polygon([(left + x, top + y) for x, y in outline], fill=INK, outline=PAPER)


def film(scene: Scene, *, to: Path) -> None:
    """Encode a scene as VP8 in WebM, which every current browser plays."""
    with av.open(str(to), "w", format="webm") as container:
        stream = container.add_stream("libvpx", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.bit_rate = 60_000
        stream.options = {"crf": "24", "qmin": "10", "qmax": "50", "deadline": "best", "g": "60"}
        for number in range(FRAMES):
            image = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
            draw = ImageDraw.Draw(image)
            pointer(draw, scene(draw, number))
            container.mux(stream.encode(av.VideoFrame.from_image(image)))
        container.mux(stream.encode())


if __name__ == "__main__":
    for name, scene in (("form", form), ("chat", chat), ("table", table)):
        film(scene, to=ASSETS / f"desktop-{name}.webm")
