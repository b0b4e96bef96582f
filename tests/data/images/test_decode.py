from __future__ import annotations

import io
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image, ImageFile, ImageOps
from vistry.data.findings import FindingError
from vistry.data.images import decode as images
from vistry.data.images.decode import decode_image, load_image, load_pixels, shrink_factor
from vistry.data.images.formats import PIXEL_LIMIT

PIXELS = struct.pack(">I", 100) + b"IDAT"
RED, GREEN = (255, 0, 0), (0, 255, 0)


def png_header(width, height):
    """A PNG file of this size that ends where its pixels should begin."""
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body)) + PIXELS


@pytest.fixture(params=["simplejpeg", "pillow"])
def decoder(request, monkeypatch):
    """Each of the two ways to decode a JPEG."""
    if request.param == "simplejpeg":
        pytest.importorskip("simplejpeg")
    else:
        monkeypatch.setattr(images, "_simplejpeg", lambda: None)
    return request.param


def test_pixels_are_what_pillow_says(photo, decoder):
    path = photo("a.jpg", size=(97, 61))
    expected = Image.open(path).convert("RGB")
    assert load_image(path).mode == "RGB"
    assert np.array_equal(load_pixels(path), np.asarray(expected))
    assert np.array_equal(np.asarray(load_image(path)), np.asarray(expected))


@pytest.mark.parametrize("options", [{"quality": 30}, {"subsampling": 0}, {"subsampling": 2}, {"progressive": True}])
@pytest.mark.parametrize("at_least", [None, 8, 16, 30, 31, 61, 62])
def test_both_decoders_agree_at_every_scale(photo, monkeypatch, options, at_least):
    pytest.importorskip("simplejpeg")
    path = photo("a.jpg", size=(133, 61), **options)
    fast = load_pixels(path, at_least)
    monkeypatch.setattr(images, "_simplejpeg", lambda: None)
    assert np.array_equal(fast, load_pixels(path, at_least))


def test_a_grey_jpeg_has_three_channels(tmp_path, decoder):
    Image.new("L", (20, 10), 77).save(tmp_path / "a.jpg")
    assert load_pixels(tmp_path / "a.jpg").tolist() == [[[77, 77, 77]] * 20] * 10


@pytest.mark.parametrize(
    ("at_least", "size"),
    [(None, (160, 80)), (81, (160, 80)), (41, (160, 80)), (40, (80, 40)), (10, (20, 10)), (1, (20, 10))],
)
def test_a_jpeg_shrinks_but_not_below_what_is_asked(photo, decoder, at_least, size):
    assert load_image(photo("a.jpg", size=(160, 80)), at_least).size == size


def test_other_formats_do_not_shrink(photo):
    assert load_image(photo("a.png", size=(160, 80)), 10).size == (160, 80)


def test_shrink_factor_by_hand():
    assert [shrink_factor(100, 50, least) for least in (None, 6, 7, 12, 13, 25, 26, 50)] == [1, 8, 4, 4, 2, 2, 1, 1]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tif"])
def test_images_come_upright(photo, decoder, orientation, name):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = photo(name, size=(40, 24), exif=exif)
    expected = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    assert np.array_equal(load_pixels(path), np.asarray(expected))
    assert load_image(path, at_least=12).size == (
        expected.size if name != "a.jpg" else tuple(side // 2 for side in expected.size)
    )


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0broken", b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\x63\0\0\0\0\0\0\0"]
)
def test_broken_exif_is_ignored(photo, decoder, exif):
    assert load_image(photo("a.jpg", exif=exif)).size == (24, 20)


def saved(image, format, **options):
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def pixel(data, at=(0, 0)):
    return decode_image(data).getpixel(at)


def test_cmyk_inverted_by_adobe():
    data = saved(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG", quality=100)
    assert b"Adobe" in data
    red, green, blue = pixel(data)
    assert red > 250
    assert green < 5
    assert blue < 5


def test_sixteen_bits_are_scaled_and_not_clipped():
    values = np.array([[0, 128, 129, 257, 32_896, 65_535]], dtype=np.uint16)
    for format in ("PNG", "TIFF"):
        decoded = decode_image(saved(Image.fromarray(values), format))
        assert np.asarray(decoded)[0, :, 0].tolist() == [0, 0, 1, 1, 128, 255]


def test_sixteen_bit_colour_png_is_scaled():
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 0)
    body = zlib.compress(b"\0" + struct.pack(">HHH", 65_535, 32_896, 257))
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    assert pixel(data) == (255, 128, 1)


def test_floats_go_from_minimum_to_maximum():
    values = np.array([[-1.0, 0.0, 1.0, np.nan, np.inf]], dtype=np.float32)
    decoded = np.asarray(decode_image(saved(Image.fromarray(values), "TIFF")))
    assert decoded[0, :, 0].tolist() == [0, 128, 255, 0, 0]


@pytest.mark.parametrize("value", [3.5, np.nan])
def test_constant_floats_are_black(value):
    data = saved(Image.fromarray(np.full((2, 2), value, dtype=np.float32)), "TIFF")
    assert pixel(data) == (0, 0, 0)


def test_integers_of_32_bits_go_from_minimum_to_maximum():
    values = np.array([[-100_000, 0, 100_000]], dtype=np.int32)
    assert np.asarray(decode_image(saved(Image.fromarray(values), "TIFF")))[0, :, 0].tolist() == [0, 128, 255]


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("RGBA", (255, 0, 0, 255), RED),
        ("RGBA", (255, 0, 0, 0), (255, 255, 255)),
        ("RGBA", (0, 0, 0, 128), (127, 127, 127)),
        ("LA", (0, 0), (255, 255, 255)),
        ("L", 9, (9, 9, 9)),
        ("1", 1, (255, 255, 255)),
    ],
)
def test_modes_and_transparency_over_white(mode, colour, expected):
    assert pixel(saved(Image.new(mode, (4, 4), colour), "PNG")) == expected


def test_a_palette_with_a_transparent_colour():
    image = Image.new("P", (2, 1))
    image.putpalette([*RED, *GREEN])
    image.putpixel((1, 0), 1)
    plain = decode_image(saved(image, "PNG"))
    assert (plain.getpixel((0, 0)), plain.getpixel((1, 0))) == (RED, GREEN)
    clear = decode_image(saved(image, "PNG", transparency=1))
    assert (clear.getpixel((0, 0)), clear.getpixel((1, 0))) == (RED, (255, 255, 255))


@pytest.mark.parametrize("mode", ["L", "1", "RGB"])
def test_a_transparent_colour_without_a_palette(mode):
    clear = 0 if mode != "RGB" else (0, 0, 0)
    assert pixel(saved(Image.new(mode, (2, 2), 0), "PNG", transparency=clear)) == (255, 255, 255)


@pytest.mark.parametrize("format", ["GIF", "WEBP", "TIFF"])
def test_the_first_frame_counts(format):
    frames = [Image.new("RGB", (16, 16), colour) for colour in (RED, GREEN)]
    options = {"lossless": True} if format == "WEBP" else {}
    data = saved(frames[0], format, save_all=True, append_images=frames[1:], **options)
    assert pixel(data) == RED


def test_lab_becomes_rgb():
    data = saved(Image.new("LAB", (4, 4), (255, 128, 128)), "TIFF")
    assert min(pixel(data)) > 240


@pytest.mark.parametrize(
    ("content", "check", "message"),
    [
        (b"", "image-empty", "the image file has zero bytes"),
        (b"<!DOCTYPE html><html>", "image-unreadable", "this is not an image but text (perhaps a saved error page)"),
        (b"\x01\x02\x03", "image-unreadable", "this is not an image but a file that begins with"),
        (b"\0\0\0\x18ftypheic", "image-unsupported", "this is a HEIC file, which Vistry doesn't read"),
        (b"8BPS\0\1", "image-unsupported", "this is a Photoshop file"),
        (
            png_header(20_000, 20_000),
            "image-bomb",
            f"20000 x 20000 pixels are over the limit of {PIXEL_LIMIT:,} pixels",
        ),
        (png_header(8, 8), "image-truncated", "the PNG data ends too early"),
        (b"\x89PNG\r\n\x1a\n" + b"\xff" * 30, "image-unreadable", "the PNG data is broken"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "image-truncated", "the JPEG data ends too early"),
        (b"GIF89a\0\0\0\0\0\0\0", "image-unreadable", "the GIF data is broken"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, decoder, content, check, message):
    path = tmp_path / "odd.jpg"
    path.write_bytes(content)
    with pytest.raises(FindingError) as caught:
        load_image(path)
    assert caught.value.finding.check == check
    assert str(caught.value).startswith(f"{path}: {message}")


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.gif", "a.webp", "a.tif", "a.bmp"])
def test_truncated_files_are_refused(photo, decoder, name):
    path = photo(name, size=(64, 64))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - len(whole) // 3])
    with pytest.raises(FindingError, match=str(path)):
        load_pixels(path)


def test_a_missing_file(tmp_path):
    with pytest.raises(FindingError, match=f"{tmp_path}/none.jpg: the image file does not exist"):
        load_image(tmp_path / "none.jpg")


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(FindingError, match="the image file can't be read"):
        load_image(tmp_path)


def test_a_text_chunk_bomb(tmp_path):
    body = b"zTXtcomment\0\0" + zlib.compress(b"0" * 80_000_000)
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    path = tmp_path / "bomb.png"
    path.write_bytes(png_header(1, 1).removesuffix(PIXELS) + chunk)
    with pytest.raises(FindingError) as caught:
        load_image(path)
    assert caught.value.finding.check == "image-bomb"


def test_pillows_settings_stay_as_they_are():
    assert Image.MAX_IMAGE_PIXELS == 89_478_485
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


def test_a_large_image_below_the_limit_warns_nobody(tmp_path):
    path = tmp_path / "large.png"
    Image.new("1", (10_000, 9_500)).save(path)
    assert PIXEL_LIMIT > 95_000_000
    assert load_image(path).size == (10_000, 9_500)


def test_threads_get_the_same_pixels(photo, decoder):
    paths = [photo(f"{seed}.{kind}", seed, size=(50, 40)) for seed in range(8) for kind in ("jpg", "png")]
    expected = [load_pixels(path) for path in paths]
    with ThreadPoolExecutor(8) as pool:
        for found, wanted in zip(pool.map(load_pixels, paths * 5), expected * 5, strict=True):
            assert np.array_equal(found, wanted)
