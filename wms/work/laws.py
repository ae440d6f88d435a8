"""What `soko verify` asks of work: I11, a task's effect needs the fence of its lease.

A device that has lost its task carries an older fence (the `rev` of its packet), and moves
nothing. Each event that was answered says what fence it carried and which one the task had, so
that both can be held against each other, and against what came before.
"""

from wms.stock.laws import Law

_FENCED = """
SELECT t.site_id, NULL::uuid AS sku_id, CASE
         WHEN e.rev <> e.fence THEN format('event %s of device %s was taken with fence %s,'
           ' the task %s had %s', e.id, e.device, e.rev, e.task_id, e.fence)
         WHEN e.fence < e.before THEN format('event %s of device %s was taken with fence %s, after'
           ' one with fence %s (task %s)', e.id, e.device, e.fence, e.before, e.task_id)
         ELSE format('event %s was taken with fence %s, the task %s has %s', e.id, e.fence,
           e.task_id, coalesce(t.fence::text, 'gone')) END AS what
  FROM (
    SELECT w.*, max(w.fence) OVER (PARTITION BY w.task_id ORDER BY w.no
             ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
      FROM work_event w WHERE coalesce(w.problem, 'null') = 'null') AS e
  LEFT JOIN task t ON t.id = e.task_id
 WHERE e.rev <> e.fence OR e.fence < e.before OR t.id IS NULL OR e.fence > t.fence
UNION ALL
SELECT t.site_id, NULL, format('task %s was done with fence %s, its last event had %s', t.id,
       t.fence, coalesce(e.fence::text, 'none'))
  FROM task t
  LEFT JOIN LATERAL (SELECT w.fence FROM work_event w
                      WHERE w.task_id = t.id AND coalesce(w.problem, 'null') = 'null'
                      ORDER BY w.no DESC LIMIT 1) AS e ON true
 WHERE t.state = 'DONE' AND e.fence IS DISTINCT FROM t.fence
"""

LAWS = (Law(code="I11", says="a task is done by who has its lease", broken=_FENCED),)
"""The laws of work."""
