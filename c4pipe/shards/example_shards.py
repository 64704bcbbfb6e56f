"""Example shards: pre-corrupted examples as an Arrow IPC file, zstd-compressed, in record batches of equal size."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.ipc

from c4pipe.errors import UserError
from c4pipe.shards import files
from c4pipe.shards.schemas import ROWS_PER_BATCH, ExampleSchema

COMPRESSION_LEVEL = 3

Ids = np.ndarray | Sequence[Sequence[int] | np.ndarray]


class ExampleShardWriter:
    """Writes one example shard, whole or not at all: the file gets its name when the `with` block ends normally.

    It takes blocks of any number of rows and writes record batches of `ROWS_PER_BATCH` rows, so that the bytes do not
    depend on the size of the blocks.

        with ExampleShardWriter(path, ExampleSchema(512, 114, 32100)) as writer:
            writer.write(inputs, targets, row=rows, token_offset=offsets, num_pages=pages)
    """

    def __init__(self, path: str, schema: ExampleSchema, compression_level: int = COMPRESSION_LEVEL) -> None:
        self.num_rows = 0
        self._path = path
        self._spec = schema
        self._schema = schema.arrow()
        self._options = pa.ipc.IpcWriteOptions(
            compression=pa.Codec("zstd", compression_level=compression_level), use_threads=False
        )
        self._pending: list[dict[str, np.ndarray]] = []
        self._num_pending = 0
        self._stack = ExitStack()

    def __enter__(self) -> "ExampleShardWriter":
        target = self._stack.enter_context(files.write_atomically(self._path))
        self._writer = self._stack.enter_context(pa.ipc.new_file(target, self._schema, options=self._options))
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if error is None:
            try:
                self._flush()
            except BaseException as failure:
                self._stack.__exit__(type(failure), failure, failure.__traceback__)
                raise
        self._stack.__exit__(kind, error, trace)

    def write(
        self,
        inputs: Ids,
        targets: Ids,
        *,
        row: Sequence[int] | np.ndarray,
        token_offset: Sequence[int] | np.ndarray,
        num_pages: Sequence[int] | np.ndarray,
        task: Sequence[str] | None = None,
        references: Sequence[Sequence[str]] | None = None,
        denoiser: np.ndarray | None = None,
    ) -> None:
        """Append b examples, whose arrays must not change until the shard is closed.

        inputs, targets: (b, length) ids with 0 after EOS (length up to the schema's), or b sequences of ids. row,
        token_offset, num_pages: (b,) the origin of each example. task, references: (b,), for task shards only.
        denoiser: (b,) uint8, for shards of a mixture only.
        """
        ids_of_block = {
            "inputs": self._matrix("inputs", inputs, self._spec.inputs_length),
            "targets": self._matrix("targets", targets, self._spec.targets_length),
        }
        origin = {"row": row, "token_offset": token_offset, "num_pages": num_pages}
        block = ids_of_block | {name: np.asarray(column, dtype=np.uint32) for name, column in origin.items()}
        if self._spec.task:
            block["task"] = _objects(task or ())
            block["references"] = _objects([list(texts) for texts in references or ()])
        if denoiser is not None:
            block["denoiser"] = denoiser
        if len({len(column) for column in block.values()}) != 1:
            raise ValueError(f"columns of different lengths: { {name: len(each) for name, each in block.items()} }")
        self._pending.append(block)
        self._num_pending += len(block["row"])
        self.num_rows += len(block["row"])
        if self._num_pending >= ROWS_PER_BATCH:
            self._write_batches(self._num_pending // ROWS_PER_BATCH)

    def _matrix(self, name: str, ids: Ids, longest: int) -> np.ndarray:
        """(b, longest) ids of the shard's type."""
        dtype = self._spec.id_dtype
        if isinstance(ids, np.ndarray):
            if ids.shape[1] == longest and ids.dtype == dtype:
                return ids
            width = min(longest, ids.shape[1])
            if ids.shape[1] > longest and ids[:, longest:].any():
                raise ValueError(f"{name} of {ids.shape[1]} tokens do not fit {longest}")
            matrix = np.zeros((len(ids), longest), dtype=dtype)
            matrix[:, :width] = ids[:, :width]
            return matrix
        matrix = np.zeros((len(ids), longest), dtype=dtype)
        for number, sequence in enumerate(ids):
            if len(sequence) > longest:
                raise ValueError(f"{name} of {len(sequence)} tokens do not fit {longest}")
            matrix[number, : len(sequence)] = sequence
        return matrix

    def _write_batches(self, count: int) -> None:
        """Write the first `count` batches of the pending rows. Only the last batch of the file may be shorter."""
        block = {name: np.concatenate([part[name] for part in self._pending]) for name in self._schema.names}
        for start in range(0, count * ROWS_PER_BATCH, ROWS_PER_BATCH):
            part = {name: column[start : start + ROWS_PER_BATCH] for name, column in block.items()}
            self._writer.write_batch(self._record_batch(part))
        self._pending = [{name: column[count * ROWS_PER_BATCH :] for name, column in block.items()}]
        self._num_pending = len(self._pending[0]["row"])

    def _record_batch(self, block: dict[str, np.ndarray]) -> pa.RecordBatch:
        arrays = []
        for name, column in block.items():
            kind = self._schema.field(name).type
            if name in ("inputs", "targets"):
                arrays.append(_lists(column, kind))
            else:
                arrays.append(pa.array(column.tolist() if column.dtype == object else column, kind))
        return pa.RecordBatch.from_arrays(arrays, schema=self._schema)

    def _flush(self) -> None:
        if self._num_pending:
            self._write_batches(1)


def _lists(matrix: np.ndarray, kind: pa.DataType) -> pa.Array:
    """(b, length) ids as an Arrow array of fixed-size lists, or of variable-size lists without the padding."""
    values = np.ascontiguousarray(matrix)
    if isinstance(kind, pa.FixedSizeListType):
        return pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), type=kind)
    lengths = _lengths(values)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    kept = values[np.arange(values.shape[1]) < lengths[:, None]]
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(kept), type=kind)


def _objects(values: Sequence[Any]) -> np.ndarray:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _lengths(ids: np.ndarray) -> np.ndarray:
    """The number of tokens per row, up to its last id that is not 0.

    >>> _lengths(np.array([[5, 6, 1, 0], [0, 0, 0, 0], [7, 8, 9, 1]]))
    array([3, 0, 4])
    """
    if not ids.shape[1]:
        return np.zeros(len(ids), dtype=np.int64)
    filled = ids != 0
    return np.where(filled.any(axis=1), ids.shape[1] - np.argmax(filled[:, ::-1], axis=1), 0)


class ExampleShard:
    """An example shard opened for reading record batches by their number. Opening reads only the footer.

    columns: the columns to decompress; None for all. Only one thread at a time may read from it.

    Raises: UserError if the file is missing or truncated, or is not an example shard.
    """

    def __init__(self, path: str, columns: Sequence[str] | None = None) -> None:
        self.path = path
        try:
            if files.is_remote(path):
                self._source: Any = pa.BufferReader(files.read_bytes(path))
            else:
                # No memory map, because a file that is truncated while it is read would kill the process.
                self._source = pa.OSFile(path, "rb")
            self._reader = pa.ipc.open_file(self._source, options=_read_options())
            self.schema: pa.Schema = self._reader.schema
            if columns is not None:
                fields = [self.schema.get_field_index(name) for name in columns if name in self.schema.names]
                self._reader = pa.ipc.open_file(self._source, options=_read_options(fields))
        except FileNotFoundError as error:
            raise UserError(f"cannot read {path}: not found; make the folder again, or copy the shard again") from error
        except (pa.ArrowException, OSError) as error:
            raise UserError(f"{path} is damaged ({_first_line(error)}); make or copy the shard again") from error
        if not {"inputs", "targets"} <= set(self.schema.names):
            raise UserError(f"{path} is not an example shard (its columns: {', '.join(self.schema.names)})")
        self.num_batches: int = self._reader.num_record_batches

    @property
    def metadata(self) -> dict[str, str]:
        """The strings stored in the file, such as `text_shard`."""
        return {key.decode(): value.decode() for key, value in (self.schema.metadata or {}).items()}

    @property
    def num_rows(self) -> int:
        """The number of rows of the file: all record batches are full except the last, which is read.

        Raises: UserError if the last batch is damaged.
        """
        if not self.num_batches:
            return 0
        return (self.num_batches - 1) * ROWS_PER_BATCH + int(self.batch(self.num_batches - 1).num_rows)

    def check_rows(self, rows: int, name: str | None = None) -> None:
        """Compare the number of rows with the manifest's. name: the name of the file in the error.

        Raises: UserError if they differ.
        """
        if self.num_rows != rows:
            raise UserError(
                f"{name or self.path} has {self.num_rows:,} rows, its manifest says {rows:,}; make the folder again"
            )

    def batch(self, number: int) -> pa.RecordBatch:
        """Record batch `number`, which begins with row `number * ROWS_PER_BATCH`.

        Raises: UserError if the file is damaged, or if another program wrote it with record batches of other sizes.
        """
        try:
            batch = self._reader.get_batch(number)
            batch.validate()
        except (pa.ArrowException, OSError, IndexError, ValueError) as error:
            raise UserError(f"{self.path} is damaged ({_first_line(error)}); make or copy the shard again") from error
        is_last = number == self.num_batches - 1
        if batch.num_rows > ROWS_PER_BATCH or (batch.num_rows < ROWS_PER_BATCH and not is_last):
            raise UserError(
                f"{self.path} was rewritten by another program: its record batch {number} has {batch.num_rows:,} rows, "
                f"and the order of examples needs {ROWS_PER_BATCH:,} in each but the last; make or copy the shard again"
            )
        for name in ("inputs", "targets"):
            if name in batch.schema.names:
                _check_ids(batch.column(name), name, self.path)
        return batch

    def ids(self, number: int, column: str, length: int) -> np.ndarray:
        """(rows, length) ids of one column of a batch, 0 after EOS; uint16 or uint32. The array may be read-only.

        Raises: UserError if a list is longer than `length`.
        """
        return ids_of(self.batch(number), column, length, self.path)

    def denoisers(self, number: int) -> np.ndarray:
        """(rows,) uint8: the number of the denoiser of each example of a batch of a mixture.

        Raises: UserError if the shard has no such column.
        """
        if "denoiser" not in self.schema.names:
            raise UserError(f"{self.path} has no column of denoisers, but its manifest has some; make the folder again")
        return self.batch(number).column("denoiser").to_numpy()

    def row(self, number: int) -> dict[str, Any]:
        """All columns of one row, with ids as a numpy array without padding."""
        self.batch(0)  # checks the size of batches: if it is wrong, it is wrong from the first batch on
        batch = self.batch(number // ROWS_PER_BATCH)
        values = {name: batch.column(name)[number % ROWS_PER_BATCH].as_py() for name in batch.schema.names}
        for name in ("inputs", "targets"):
            ids = np.asarray(values[name], dtype=np.int64)
            values[name] = ids[: int(_lengths(ids[None])[0])] if ids.size else ids
        return values

    def close(self) -> None:
        self._source.close()

    def __enter__(self) -> "ExampleShard":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _check_ids(lists: pa.Array, name: str, path: str) -> None:
    """Check a column of ids. Other programs may make it nullable, and use large lists and wide ids: that is accepted.

    Raises: UserError if the column does not have lists of whole numbers, or if it has nulls.
    """
    kind = lists.type
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    if not is_list or not pa.types.is_integer(kind.value_type):
        raise UserError(f"{path} holds {name} of the type {kind}, not lists of ids; make or copy the shard again")
    if lists.null_count or lists.flatten().null_count:
        raise UserError(f"{path} holds nulls in {name}; make or copy the shard again")


def _read_options(fields: list[int] | None = None) -> pa.ipc.IpcReadOptions:
    return pa.ipc.IpcReadOptions(use_threads=False, included_fields=fields or [])


def ids_of(batch: pa.RecordBatch, column: str, length: int, path: str = "the shard") -> np.ndarray:
    """(rows, length) ids of a record batch's column, 0 after EOS. See `ExampleShard.ids`."""
    lists = batch.column(column)
    if isinstance(lists.type, pa.FixedSizeListType):
        width = lists.type.list_size
        matrix = lists.flatten().to_numpy(zero_copy_only=False).reshape(len(lists), width)
        if width == length:
            return matrix
        if width > length:
            raise UserError(f"{path} holds {column} of {width} tokens, its manifest says {length}; make it again")
        padded = np.zeros((len(lists), length), dtype=matrix.dtype)
        padded[:, :width] = matrix
        return padded
    values = lists.flatten().to_numpy(zero_copy_only=False)
    lengths = np.diff(lists.offsets.to_numpy())
    if lengths.size and int(lengths.max()) > length:
        raise UserError(f"{path} holds {column} of {lengths.max()} tokens, its manifest says {length}; make it again")
    padded = np.zeros((len(lists), length), dtype=values.dtype)
    padded[np.arange(length) < lengths[:, None]] = values
    return padded


def read_example_shard(path: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of an example shard in the order of the file, with ids as numpy arrays without padding."""
    with ExampleShard(path) as shard:
        for number in range(shard.num_batches):
            batch = shard.batch(number)
            ids = {
                name: [np.asarray(row, dtype=str(batch.column(name).type.value_type)) for row in lists]
                for name, lists in ((name, batch.column(name).to_pylist()) for name in ("inputs", "targets"))
            }
            others = {name: batch.column(name).to_pylist() for name in batch.schema.names if name not in ids}
            for index in range(batch.num_rows):
                example = {name: column[index] for name, column in (*ids.items(), *others.items())}
                for name in ids:
                    padded = example[name]
                    example[name] = padded[: int(_lengths(padded[None])[0])] if padded.size else padded
                yield example


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
