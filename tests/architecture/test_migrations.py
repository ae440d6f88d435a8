"""A step of the schema is one that the version before can live with, and that nobody waits for.

`faults` reads the SQL of a step. Those up to BASELINE make the tables for the first time, before
there was anybody to disturb; what comes later is judged.
"""

import ast
import re
from pathlib import Path

import pytest

from wms.migrations import FOLDER

BASELINE = "0027_identity"
NEW_TABLE = re.compile(r"CREATE TABLE (?:IF NOT EXISTS )?(\w+)", re.IGNORECASE)
ALTERED = re.compile(r"\bALTER TABLE (?:ONLY )?(\w+)", re.IGNORECASE)
WIDENED = re.compile(r"\bALTER TABLE (?:ONLY )?(\w+)\s+ADD COLUMN", re.IGNORECASE)
RULES = {
    r"\bADD COLUMN (?:(?!,|;).)*\bNOT NULL(?:(?!,|;|DEFAULT).)*(?:,|;|$)":
        "a column that must have a value needs a DEFAULT: the version before does not fill it",
    r"\bADD COLUMN [^,;]*DEFAULT \(?(?:now|clock_timestamp|gen_random_uuid|nextval|random)\b":
        "a DEFAULT that differs from row to row writes the whole table anew",
    r"\bDROP (?:COLUMN|TABLE|CONSTRAINT NOT)|\bRENAME\b":
        "the version before still asks for it: one release later",
    r"\bALTER COLUMN \w+ (?:SET DATA )?TYPE\b": "writes the whole table anew, and nobody may come",
    r"\bSET NOT NULL\b": "reads the whole table, and nobody may come: CHECK NOT VALID, VALIDATE",
    r"\bADD (?:CONSTRAINT \w+ )?(?:CHECK|FOREIGN KEY)(?:(?!;|NOT VALID).)*(?:;|$)":
        "reads the whole table, and nobody may come: NOT VALID, and VALIDATE afterwards",
    r"\bADD (?:CONSTRAINT \w+ )?(?:UNIQUE|PRIMARY KEY|EXCLUDE)\b(?!\s+USING INDEX)":
        "makes an index, and nobody may come: CREATE UNIQUE INDEX CONCURRENTLY, USING INDEX",
    r"\bCREATE (?:UNIQUE )?INDEX (?!CONCURRENTLY)": "nobody may write meanwhile: CONCURRENTLY",
    r"^\s*(?:UPDATE|DELETE FROM) ": "a row at a time, in jobs, not in a step",
    r"\b(?:LOCK TABLE|VACUUM FULL|CLUSTER|REINDEX (?!.*CONCURRENTLY))": "nobody may come",
}  # fmt: skip


def faults(sql: str) -> list[str]:
    """What is wrong with a step."""
    made = set(NEW_TABLE.findall(sql))
    found = []
    for statement in sql.split(";"):
        flat = " ".join(re.sub(r"--.*", "", statement).split())
        table = re.search(r"\b(?:ALTER TABLE|ON|UPDATE|FROM) (?:ONLY )?(\w+)", flat, re.IGNORECASE)
        if table is not None and table[1] in made:
            continue
        found += [
            f"{says}: {flat[:90]}"
            for rule, says in RULES.items()
            if re.search(rule, flat + ";", re.IGNORECASE)
        ]
    widened = set(WIDENED.findall(sql)) & made_whole()
    if widened and "CREATE OR REPLACE FUNCTION" not in sql.upper():
        found.append(f"functions make whole rows of {sorted(widened)}: replace them with it")
    altered = {name for name in ALTERED.findall(sql) if name not in made}
    if len(altered) > 1:
        found.append(f"one table a step: postings lock {sorted(altered)} in another order")
    return found


def made_whole() -> set[str]:
    """Tables of which posting functions make rows with every column: `ROW(...)::stock_balance`."""
    texts = [path.read_text() for path in (FOLDER / "posting").glob("*.sql")]
    tables = {name for text in texts for name in NEW_TABLE.findall(text)}
    return tables & {name for text in texts for name in re.findall(r"\)::(\w+)", text)}


def sql_of(step: Path) -> str:
    """Every text in a step, and the SQL files that it names."""
    texts = [
        node.value
        for node in ast.walk(ast.parse(step.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    files = [text for text in texts if text.endswith(".sql")]
    return ";\n".join(texts + [(FOLDER / "posting" / name).read_text() for name in files])


def test_what_comes_after_the_first_release_disturbs_nobody():
    steps = sorted((FOLDER / "versions").glob("0*.py"))
    assert BASELINE in {step.stem for step in steps}
    for step in steps:
        if step.stem > BASELINE:
            assert faults(sql_of(step)) == [], step.name


@pytest.mark.parametrize(
    ("sql", "is_good"),
    [
        ("ALTER TABLE hold ADD COLUMN note text", True),
        ("ALTER TABLE hold ADD COLUMN note text NOT NULL DEFAULT ''", True),
        ("ALTER TABLE hold ADD COLUMN note text NOT NULL", False),
        ("ALTER TABLE hold ADD COLUMN at timestamptz NOT NULL DEFAULT clock_timestamp()", False),
        ("ALTER TABLE hold DROP COLUMN note", False),
        ("ALTER TABLE hold RENAME note TO word", False),
        ("ALTER TABLE hold ALTER COLUMN units TYPE int", False),
        ("ALTER TABLE hold ALTER COLUMN note SET NOT NULL", False),
        ("ALTER TABLE hold ADD CONSTRAINT ck_a CHECK (units > 0)", False),
        ("ALTER TABLE hold ADD CONSTRAINT ck_a CHECK (units > 0) NOT VALID", True),
        ("ALTER TABLE hold VALIDATE CONSTRAINT ck_a", True),
        ("ALTER TABLE hold ADD CONSTRAINT uq_a UNIQUE (note)", False),
        ("ALTER TABLE hold ADD CONSTRAINT uq_a UNIQUE USING INDEX uq_a", True),
        ("CREATE INDEX ix_a ON hold (note)", False),
        ("CREATE INDEX CONCURRENTLY ix_a ON hold (note)", True),
        ("CREATE TABLE tale (id uuid); CREATE INDEX ix_t ON tale (id)", True),
        ("UPDATE hold SET note = ''", False),
        ("ALTER TABLE stock_balance ADD COLUMN note text", False),
        ("ALTER TABLE hold ADD COLUMN a text; ALTER TABLE quant ADD COLUMN a text", False),
        ("CREATE FUNCTION f() RETURNS void LANGUAGE sql AS $$ SELECT 1 $$", True),
    ],
)
def test_the_judge_is_strict_enough_and_not_too_strict(sql: str, is_good: bool):  # noqa: FBT001
    assert (faults(sql) == []) is is_good, faults(sql)
