"""Files of torch.save, opened as inert data: the zip format, and the one before it (torch 0.1.10 to 1.5).

Numbers are read where they lie: a file is mapped into memory and never unpacked.
"""

from __future__ import annotations

import io
import mmap
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast
from zipfile import ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import numpy as np

from vistry.errors import WeightsError
from vistry.weights.matching import Array
from vistry.weights.pickle_reader import Inert, InertTensor, Storage, read_inert

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C  # the first pickle of the older format
MAX_PICKLE_BYTES = 2**28  # of data.pkl, which has no numbers of tensors: real ones stay below some megabytes
DTYPES = {
    **{name: np.dtype(name) for name in ("float16", "float32", "float64", "bool")},
    **{name: np.dtype(name) for name in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")},
    "bfloat16": np.dtype("uint16"),  # numpy has no bfloat16; its bits are the upper half of a float32's
}
OTHER_FORMATS = (  # offset of a format's signature, the signature, and what the file is
    (0, b"\x89HDF", "HDF5, which Keras writes"),
    (
        257,
        b"ustar",
        "a tar file, as torch wrote before 0.1.10 (2017); load it with that version and save it with a later one",
    ),
    (8, b"{", "safetensors already; give it to --weights as it is"),
)


@dataclass(frozen=True)
class TorchFile:
    """The content of a file as inert data, and its tensors' numbers on request."""

    path: Path
    size: int
    root: Inert
    _record: Callable[[Storage], memoryview]
    _byte_order: Literal["<", ">"] = "<"

    def array(self, tensor: InertTensor) -> Array:
        """Return a tensor's numbers: a view of the file, or float32 for float16 and bfloat16. Raises WeightsError."""
        if tensor.dtype not in DTYPES:
            raise WeightsError(f"{self.path} has a tensor of type {tensor.dtype!r}, which can't be imported")
        element = DTYPES[tensor.dtype].newbyteorder(self._byte_order)
        if not tensor.num_elements:
            return _as_native(np.empty(tensor.shape, element), tensor.dtype)
        record = self._record(tensor.storage)
        # The offset and the strides are the file's own words, and may lead outside of the storage.
        if tensor.extent * element.itemsize > len(record):
            raise WeightsError(f"{self.path} is damaged: a tensor extends beyond its storage")
        size = element.itemsize
        strides = [size * stride for stride in tensor.strides]
        return _as_native(np.ndarray(tensor.shape, element, record, size * tensor.offset, strides), tensor.dtype)


def _as_native(array: Array, dtype: str) -> Array:
    """Return numbers in the machine's byte order, half-precision ones as float32."""
    if dtype == "bfloat16":
        return np.asarray(array.astype(np.uint32) << np.uint32(16)).view(np.float32)
    return array.astype(np.float32 if dtype == "float16" else array.dtype.newbyteorder("="), copy=False)


def open_torch_file(path: Path) -> TorchFile:
    """Read the structure of a file, and none of its tensors. Raises WeightsError for any other format."""
    try:
        with path.open("rb") as file:
            if not path.stat().st_size:
                raise WeightsError(f"{path} is empty")
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise WeightsError(f"{path} can't be read: {error.strerror or error}") from None
    try:
        if mapped[:2] == b"PK":
            return _open_zip(path, mapped)
        if mapped[:1] == b"\x80":
            return _open_older(path, mapped)
    except WeightsError as error:
        raise WeightsError(f"{path} can't be imported: {error}") from None
    for offset, signature, format_name in OTHER_FORMATS:
        if mapped[offset : offset + len(signature)] == signature:
            raise WeightsError(f"{path} can't be imported: it is {format_name}")
    raise WeightsError(f"{path} is not a checkpoint that torch.save wrote")


def _open_zip(path: Path, mapped: mmap.mmap) -> TorchFile:
    try:
        with ZipFile(path) as archive:
            entries = archive.infolist()
    except (BadZipFile, NotImplementedError, ValueError, LookupError, OSError, EOFError, struct.error) as error:
        raise WeightsError(f"it is damaged or incomplete ({repr(str(error))[1:-1]})") from None
    folder = entries[0].filename.split("/")[0] if entries else ""
    records = {entry.filename.removeprefix(f"{folder}/"): entry for entry in entries}
    if "constants.pkl" in records:
        raise WeightsError("it is TorchScript; with torch, save torch.jit.load(FILE).state_dict() instead")
    if "data.pkl" not in records:
        raise WeightsError("it is a zip file without the data.pkl that torch.save writes")
    if records["data.pkl"].file_size > MAX_PICKLE_BYTES:
        raise WeightsError(f"its data.pkl is larger than {MAX_PICKLE_BYTES >> 20} MiB")
    root, _ = read_inert(io.BytesIO(_contents(mapped, records["data.pkl"])))
    order = bytes(_contents(mapped, records["byteorder"])) if "byteorder" in records else b"little"

    def record(storage: Storage) -> memoryview:
        entry = records.get(f"data/{storage.key}")
        if entry is None:
            raise WeightsError(f"{path} is damaged: it has no record of a storage")
        if entry.file_size != _bytes_of(storage):
            raise WeightsError(f"{path} is damaged: a record has {entry.file_size:,} bytes, not {_bytes_of(storage):,}")
        try:
            return _contents(mapped, entry)
        except WeightsError as error:
            raise WeightsError(f"{path} can't be imported: {error}") from None

    return TorchFile(path, size=len(mapped), root=root, _record=record, _byte_order=">" if order == b"big" else "<")


def _contents(mapped: mmap.mmap, entry: ZipInfo) -> memoryview:
    """Return the bytes of an uncompressed entry where they lie. Raises WeightsError."""
    if entry.compress_type != ZIP_STORED or entry.flag_bits & 1:
        raise WeightsError("it is compressed or encrypted, which torch.save's files aren't")
    # An entry's local header, of 30 bytes, ends with the lengths of the name and the extra field that follow it.
    header = mapped[entry.header_offset : entry.header_offset + 30]
    start = entry.header_offset + 30 + int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
    if header[:4] != b"PK\x03\x04" or not 0 <= start <= len(mapped) - entry.file_size:
        raise WeightsError("it is damaged or incomplete")
    content = memoryview(mapped)[start : start + entry.file_size]
    if entry.CRC and zlib.crc32(content) != entry.CRC:  # 0 where torch was told to write no checksums
        raise WeightsError("it is damaged: a checksum is wrong")
    return content


def _bytes_of(storage: Storage) -> int:
    if storage.dtype not in DTYPES:
        raise WeightsError(f"a storage of type {storage.dtype!r} can't be imported")
    return storage.count * DTYPES[storage.dtype].itemsize


def _open_older(path: Path, mapped: mmap.mmap) -> TorchFile:
    """Pickles one after the other: a magic number, a version, the system, the content, the storages' keys."""
    stream = cast(io.BufferedReader, mapped)
    magic, _ = read_inert(stream)
    if magic != MAGIC_NUMBER:
        raise WeightsError("it is a pickle, but torch.save didn't write it")
    read_inert(stream)  # the version
    system, _ = read_inert(stream)
    root, storages = read_inert(stream)
    keys, _ = read_inert(stream)
    starts = _storage_starts(mapped, keys, storages)

    def record(storage: Storage) -> memoryview:
        if storage.key not in starts:
            raise WeightsError(f"{path} is damaged: it has no record of a storage")
        return memoryview(mapped)[starts[storage.key] :][: _bytes_of(storage)]

    # A file that doesn't say its byte order is taken for little-endian, which nearly every machine is.
    little = not isinstance(system, dict) or system.get("little_endian", True)
    return TorchFile(path, size=len(mapped), root=root, _record=record, _byte_order="<" if little else ">")


def _storage_starts(mapped: mmap.mmap, keys: Inert, storages: Mapping[str, Storage]) -> dict[str, int]:
    """Return where each storage's bytes begin, behind its number of elements as 8 bytes. Raises WeightsError."""
    starts: dict[str, int] = {}
    at = mapped.tell()
    for key in keys if isinstance(keys, list) else []:
        storage = storages.get(key) if isinstance(key, str) else None
        if storage is None or int.from_bytes(mapped[at : at + 8], "little") != storage.count:
            raise WeightsError("it is damaged: its storages are not those of its tensors")
        starts[storage.key] = at + 8
        at += 8 + _bytes_of(storage)
    if at > len(mapped):
        raise WeightsError("it is damaged or incomplete")
    return starts
