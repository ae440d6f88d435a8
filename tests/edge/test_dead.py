"""Dead letters: written with the transaction of their receiver, listed, and tried again."""

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edge.dead import (
    KEPT,
    LETTERS_MAX,
    SCHEMA,
    DeadLetter,
    ask_again,
    bury,
    dig_up,
    letters,
    read_letters,
)
from edge.letters import dead

AT = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)


def a_letter(seq: int, problem: str = "no such type") -> DeadLetter:
    return DeadLetter(0, "edge", "e", seq, AT, problem, {"type": "carton.painted", "seq": seq})


def a_journal(folder: Path) -> sqlite3.Connection:
    db = sqlite3.connect(folder / "wcs-T.journal", isolation_level=None)
    db.executescript(SCHEMA)
    return db


def test_a_message_is_one_letter_however_often_it_comes(tmp_path: Path):
    db = a_journal(tmp_path)
    bury(db, [a_letter(1), a_letter(2)])
    bury(db, [a_letter(1, "still none")])
    assert [(each.seq, each.problem) for each in letters(db)] == [
        (1, "still none"),
        (2, "no such type"),
    ]
    assert letters(db, again=True) == []
    dig_up(db, [letters(db)[0].id])
    assert [each.seq for each in letters(db)] == [2]
    db.close()


def test_letters_are_bounded_and_the_oldest_go_first(tmp_path: Path):
    db = a_journal(tmp_path)
    db.execute("BEGIN")
    bury(db, [a_letter(seq) for seq in range(1, LETTERS_MAX + 4)])
    db.execute("COMMIT")
    kept = [each.seq for each in letters(db)]
    assert (len(kept), kept[0]) == (LETTERS_MAX, 4)
    bury(db, [a_letter(0)._replace(at=AT + KEPT + timedelta(seconds=1))])
    assert [each.seq for each in letters(db)] == [0], "the others are too old"
    db.close()


def test_people_list_letters_and_have_them_tried_again(tmp_path: Path):
    db = a_journal(tmp_path)
    bury(db, [a_letter(1), a_letter(2)])
    listed = CliRunner().invoke(dead, ["list", "--dir", str(tmp_path)])
    assert listed.exit_code == 0
    assert "2 letters" in listed.stdout
    assert "carton.painted" in listed.stdout
    assert "no such type" in listed.stdout
    one = CliRunner().invoke(dead, ["retry", "2", "--dir", str(tmp_path)])
    assert (one.exit_code, one.stdout) == (0, "1 letters will be tried again\n")
    assert [each.seq for each in letters(db, again=True)] == [2]
    bury(db, [a_letter(2, "not yet")])  # it was tried, in vain
    assert letters(db, again=True) == []
    assert ask_again(tmp_path / "wcs-T.journal", None) == 2
    assert [each.seq for each in letters(db, again=True)] == [1, 2]
    assert CliRunner().invoke(dead, ["retry", "9", "--dir", str(tmp_path)]).exit_code == 1
    db.close()


def test_where_no_letters_are_kept_it_says_so(tmp_path: Path):
    assert CliRunner().invoke(dead, ["list", "--dir", str(tmp_path)]).exit_code == 2
    with pytest.raises(FileNotFoundError, match="no file"):
        read_letters(tmp_path / "wcs-T.journal")
    sqlite3.connect(tmp_path / "wcs-T.journal").close()
    with pytest.raises(FileNotFoundError, match="no dead letters are kept"):
        read_letters(tmp_path / "wcs-T.journal")
