"""What the books say, asked straight from the database."""

from sqlalchemy import text

from wms.database import Database


def places_of(database: Database, sku: str, counter: str = "") -> dict[str, int]:
    """Where units of a SKU are (in that state): by place, or by unit where there is one."""
    query = text("""
        SELECT coalesce(u.code, l.code) AS place, sum(q.units) AS units
          FROM quant q JOIN sku k ON k.id = q.sku_id
          JOIN location l ON l.site_id = q.site_id AND l.id = q.location_id
          LEFT JOIN handling_unit u ON u.site_id = q.site_id AND u.id = q.handling_unit_id
         WHERE k.code = :sku AND NOT q.outside AND q.units > 0
           AND :counter IN ('', l.counter) GROUP BY 1""")
    return database.run(
        lambda s: {
            row.place: int(row.units) for row in s.execute(query, {"sku": sku, "counter": counter})
        }
    )
