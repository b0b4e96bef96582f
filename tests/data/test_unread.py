from __future__ import annotations

import pytest
from vistry.data.reading import read
from vistry.errors import DataError

KITTI = "Car 0.00 0 -1.57 10.00 10.00 20.00 20.00 1.65 1.67 3.64 -0.65 1.71 46.70 -1.59\n"
KINDS = {
    "KITTI": ("label_2/1.txt", KITTI),
    "DOTA": ("labelTxt/1.txt", "imagesource:GoogleEarth\ngsd:0.1\n1 1 9 1 9 9 1 9 plane 0\n"),
    "VisDrone": ("annotations/1.txt", "684,8,273,116,0,0,0,0\n"),
    "WIDER FACE": ("split/bbx_gt.txt", "0--Parade/1.jpg\n1\n449 330 122 149 0 0 0 0 0 0\n"),
    "TFRecord": ("train.tfrecord", ""),
    "Parquet": ("data/train-00000-of-00001.parquet", ""),
    "an archive": ("images.zip", ""),
    "panoptic": ("panoptic.json", '{"annotations": [{"segments_info": []}]}'),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_read_is_named_with_what_to_do(photo, tmp_path, kind):
    place, text = KINDS[kind]
    photo("images/1.jpg")
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / place).write_text(text)
    with pytest.raises(DataError, match=rf"{kind}.*: 1 .*such as {place}, but Vistry doesn't read this format; \w+"):
        read(tmp_path, "image_object_detection")


def test_one_such_file_says_nothing_about_many_classes_of_images(photo, tmp_path):
    for label in ("cat", "dog"):
        for number in range(30):
            photo(f"{label}/{number}.jpg")
    (tmp_path / "backup.zip").touch()
    assert read(tmp_path, "image_classification").table.classes == ("cat", "dog")
