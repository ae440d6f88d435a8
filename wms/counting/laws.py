"""What `soko verify` asks of counts.

K1   a count posts once: each adjustment is one movement of so many units by its command, and no
     movement was made for a count without one
K2   no two rounds of a count are of the same person, and none who counted has approved
K3   what was posted is what the last round found; nothing was for a count that was not approved
"""

from wms.stock.laws import Law

_POSTED_ONCE = """
SELECT a.site_id, a.sku_id, format('count %s: adjustment %s of %s units has movements of %s',
       a.count_id, a.command_id, a.units, coalesce(m.units, 0)) AS what
  FROM count_adjustment a
 CROSS JOIN LATERAL (
   SELECT sum(x.units) AS units FROM movement x
    WHERE x.site_id = a.site_id AND x.sku_id = a.sku_id AND x.command_id = a.command_id) AS m
 WHERE abs(a.units) <> coalesce(m.units, 0)
UNION ALL
SELECT m.site_id, m.sku_id, format('movement %s was made for count %s, which has no such'
       ' adjustment', m.id, m.cause_id)
  FROM movement m
 WHERE m.recorded_at >= @since AND m.cause_kind = 'COUNT'
   AND NOT EXISTS (SELECT 1 FROM count_adjustment a
                    WHERE a.site_id = m.site_id AND a.command_id = m.command_id)
   AND NOT EXISTS (SELECT 1 FROM stock_command c WHERE c.site_id = m.site_id
                    AND c.command_id = m.command_id AND c.kind = 'UNIT')
"""
_OTHER_PEOPLE = """
SELECT r.site_id, NULL::uuid AS sku_id,
       format('count %s: %s has counted %s times', r.count_id, r.operator, count(*)) AS what
  FROM count_round r WHERE r.done_at IS NOT NULL
 GROUP BY r.site_id, r.count_id, r.operator HAVING count(*) > 1
UNION ALL
SELECT a.site_id, NULL, format('count %s: %s counted and decided', a.count_id, a.actor)
  FROM count_act a
  JOIN count_round r ON r.site_id = a.site_id AND r.count_id = a.count_id
   AND r.operator = a.actor AND r.done_at IS NOT NULL
 WHERE a.act IN ('approve', 'reject') AND r.done_at <= a.at
"""
_POSTED_IS_FOUND = """
SELECT d.site_id, d.sku_id, format('count %s (%s): its last round found %s units off, %s were'
       ' posted', d.count_id, c.state, d.found, d.posted) AS what
  FROM (
    SELECT site_id, count_id, sku_id, coalesce(l.units, 0) AS found, coalesce(a.units, 0) AS posted
      FROM (SELECT l.site_id, l.count_id, l.sku_id, sum(l.difference) AS units FROM count_line l
              JOIN stock_count c ON c.site_id = l.site_id AND c.id = l.count_id
               AND c.rounds = l.round_no AND c.state = 'POSTED'
             WHERE l.sku_id IS NOT NULL GROUP BY 1, 2, 3) AS l
      FULL JOIN (SELECT site_id, count_id, sku_id, sum(units) AS units FROM count_adjustment
                  GROUP BY 1, 2, 3) AS a USING (site_id, count_id, sku_id)) AS d
  JOIN stock_count c ON c.site_id = d.site_id AND c.id = d.count_id
 WHERE d.found <> d.posted
"""

LAWS = (
    Law(code="K1", says="a count posts once", broken=_POSTED_ONCE),
    Law(code="K2", says="who counts again is another person", broken=_OTHER_PEOPLE),
    Law(code="K3", says="what was posted was found", broken=_POSTED_IS_FOUND),
)
"""The laws of counting."""
