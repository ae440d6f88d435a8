"""What a PDF says."""

import io

from pypdf import PdfReader


def words_of(pdf: bytes) -> str:
    """All its text."""
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)
