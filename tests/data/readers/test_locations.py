from __future__ import annotations

import pytest
from vistry.data.readers.locations import Locator, is_inside
from vistry.errors import DataError


@pytest.fixture
def root(tmp_path):
    data = tmp_path / "data"
    (data / "images/cats").mkdir(parents=True)
    (data / "images/cats/a.jpg").touch()
    return data


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("a.jpg", "a.jpg"),
        ("./images/../images/cats/a.jpg", "images/cats/a.jpg"),
        ("images\\cats\\a.jpg", "images/cats/a.jpg"),
        ("images/nowhere/a.jpg", "images/nowhere/a.jpg"),
        ("azureml://subscriptions/x/datastores/blob/paths/2024/images/cats/a.jpg", "images/cats/a.jpg"),
        ("azureml://x/datastores/blob/paths/images/cats/missing.jpg", "images/cats/missing.jpg"),
        ("AmlDatastore://blob/images/cats/a.jpg", "images/cats/a.jpg"),
        ("AmlDatastore://blob/a.jpg", "a.jpg"),
        ("azureml://x/datastores/blob/paths/../../../etc/a.jpg", "a.jpg"),
        ("azureml://x/datastores/blob/paths/images%2Fcats/a.jpg", "images/cats/a.jpg"),
    ],
)
def test_urls_become_paths_below_the_root(root, url, expected):
    assert Locator(root).locate(url) == str(root / expected)


def test_an_absolute_path_is_the_users_word(root, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    locator = Locator(root)
    for url in (f"{tmp_path}/elsewhere/a.jpg", f"file://{tmp_path}/elsewhere/a.jpg"):
        assert locator.locate(url) == str(tmp_path / "elsewhere/a.jpg")
    assert locator.remarks == []


@pytest.mark.parametrize("url", ["/home/ann/images/cats/a.jpg", "C:\\photos\\images\\cats\\a.jpg"])
def test_an_absolute_path_of_another_machine_is_looked_for_under_the_root(root, url):
    locator = Locator(root)
    assert locator.locate(url) == locator.locate(url) == str(root / "images/cats/a.jpg")
    (remark,) = locator.remarks
    assert (remark.check, remark.severity) == ("path-moved", "warning")


def test_a_literal_name_wins_over_a_decoded_one(root):
    (root / "50%25.jpg").touch()
    (root / "two words.jpg").touch()
    locator = Locator(root)
    assert locator.locate("50%25.jpg") == str(root / "50%25.jpg")
    assert locator.locate("two%20words.jpg") == str(root / "two words.jpg")
    assert locator.locate("missing%20too.jpg") == str(root / "missing too.jpg")
    assert locator.locate("%2e%2e") == str(root / "%2e%2e")
    assert locator.locate("..%2f..%2fsecret.jpg") == str(root / "..%2f..%2fsecret.jpg")


def test_an_encoded_folder_is_decoded_where_it_exists(root):
    (root / "two words").mkdir()
    assert Locator(root).locate("two%20words/a.jpg") == str(root / "two words/a.jpg")


@pytest.mark.parametrize("url", ["../secret.jpg", "images/../../secret.jpg", "%2e%2e/secret.jpg"])
def test_a_relative_path_may_not_leave_the_root(root, url):
    with pytest.raises(DataError, match="leads out of the data folder"):
        Locator(root).locate(url)


def test_nor_may_a_link(root, tmp_path):
    (tmp_path / "private").mkdir()
    (root / "link").symlink_to(tmp_path / "private")
    with pytest.raises(DataError, match="leads out of the data folder"):
        Locator(root).locate("link/a.jpg")
    assert Locator(root).locate("azureml://x/datastores/y/paths/link/a.jpg") == str(root / "a.jpg")


@pytest.mark.parametrize("url", ["https://example.org/a.jpg", "s3://bucket/a.jpg"])
def test_the_network_is_refused(root, url):
    with pytest.raises(DataError, match="is on the network, and Vistry downloads no images"):
        Locator(root).locate(url)


@pytest.mark.parametrize("url", ["", ".", "images/", "images/..", "a\0.jpg"])
def test_a_path_without_a_file_name(root, url):
    with pytest.raises(DataError, match="doesn't name an image file"):
        Locator(root).locate(url)


def test_is_inside_compares_whole_names():
    assert is_inside("/data/a", "/data")
    assert is_inside("/data", "/data")
    assert not is_inside("/database", "/data")
    assert is_inside("/a", "/")
