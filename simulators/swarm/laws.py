"""What must be true, and how it is said when it is not."""


class Broken(Exception):  # noqa: N818 - reads as a situation
    """A law does not hold."""


def law(holds: object, what: str) -> None:
    """Stop the run when that does not hold."""
    if not holds:
        raise Broken(what)
