"""What a machine lacks when a job fails, in one line: room on the disk, the right to write, memory."""

import errno
from collections.abc import Iterator

FULL = "the disk is full: make room, or write to another one"
MEMORY = "not enough memory: close other programs, or take a smaller model, --batch or --max-length"
WRITE = "may not be written to (a read-only disk, or not yours): choose another directory"
ERRNO = {errno.ENOSPC: FULL, errno.EDQUOT: FULL, errno.EFBIG: FULL, errno.ENOMEM: MEMORY}
# Of errors that libraries raise without a number; torch's writer of archives says nothing else of a full disk.
WORDS = {
    "no space left on device": FULL,
    "file too large": FULL,
    "inline_container.cc": FULL,
    "pytorchstreamwriter failed": FULL,
    "can't allocate memory": MEMORY,
    "not enough memory": MEMORY,
    "out of memory": MEMORY,
    "bad_alloc": MEMORY,
}


def lack(error: BaseException) -> str:
    """What the machine lacked, in one line; '' where it is something else that failed."""
    for one in chain(error):
        if isinstance(one, MemoryError):
            return MEMORY
        if isinstance(one, OSError) and one.errno in (errno.EROFS, errno.EACCES):
            return f"{one.filename} {WRITE}"
        if isinstance(one, OSError) and one.errno in ERRNO:
            return ERRNO[one.errno]
        if found := [what for words, what in WORDS.items() if words in str(one).lower()]:
            return found[0]
    return ""


def unfit(error: ImportError) -> str:
    """A package that is missing, or does not fit the others, in one line."""
    what = (str(error).strip() or "no message").splitlines()[0][:200]
    return f"a package is missing, or does not fit the others ({what}): `python -m helpers check` names it and the fix"


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and those that it came from."""
    while error:
        yield error
        error = error.__cause__ or error.__context__
