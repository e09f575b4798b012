"""The cleaner's work on single rows as steps of datatrove, for files that one machine is too slow for (extra `scale`).

    from datatrove.executor import LocalPipelineExecutor

    pipeline = [RawRows("raw"), CleanRows(default_rules()), lines_to("clean")]
    LocalPipelineExecutor(pipeline, tasks=8, workers=8, logging_dir="logs").run()

A task takes whole files. Rows are judged alone: afterwards one `clean` over the files in `clean/` finds duplicates and
leaks between them.
"""

import json
from pathlib import Path

from datatrove.data import Document, DocumentsPipeline
from datatrove.pipeline.filters.base_filter import BaseFilter
from datatrove.pipeline.readers.base import BaseDiskReader
from datatrove.pipeline.writers import JsonlWriter

from helpers.clean.reading import RawRow, raw_rows
from helpers.clean.rows import Rules
from helpers.clean.workers import judge


class RawRows(BaseDiskReader):
    """Reads the rows of files in any format and encoding that `clean` reads: a document's text is the row as it stands.

    The folder must be a local one, or mounted.
    """

    name = "raw rows"

    def read_file(self, filepath: str) -> DocumentsPipeline:
        for row in raw_rows(Path(self.data_folder.path) / filepath):
            yield Document(row.raw, f"{filepath}:{row.line}", metadata={"row": row})


class CleanRows(BaseFilter):
    """Makes of each document's text the line that `clean` would write for it; drops what it would reject, with the
    reason in the statistics and, with an `exclusion_writer`, in its file."""

    name = "clean rows"

    def __init__(self, rules: Rules, exclusion_writer=None):
        super().__init__(exclusion_writer)
        self.rules = rules

    def filter(self, doc: Document) -> bool | tuple[bool, str]:
        row: RawRow = doc.metadata.pop("row")
        judged, _ = judge(row, self.rules)
        doc.metadata |= {"file": row.file, "line": row.line}
        if judged.reject:
            doc.metadata["detail"] = judged.reject[1]
            return False, judged.reject[0]
        doc.text = judged.line.decode("utf-8")
        return True


def lines_to(folder: str | Path) -> JsonlWriter:
    """Writes the rows themselves, one file a task, into `folder`."""
    return JsonlWriter(str(folder), compression=None, adapter=lambda _, doc: json.loads(doc.text))
