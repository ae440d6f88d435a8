"""What `soko verify` asks of the streams to the sites: I14, their messages have no gaps.

A stream keeps what has been numbered and not yet acknowledged: acked + 1, acked + 2, …, last.
Of what comes from a site only the position is kept; a gap there is refused when it comes
(edge.stream).
"""

from wms.stock.laws import Law

_NUMBERED = """
SELECT NULL::uuid AS site_id, NULL::uuid AS sku_id,
       format('to %s, message %s is missing: %s are acknowledged, %s are numbered, %s are kept',
              s.site, (SELECT coalesce(min(n)::text, 'none')
                         FROM generate_series(s.acked + 1, least(s.last, s.acked + m.kept + 1)) AS n
                        WHERE NOT EXISTS (SELECT 1 FROM stream_out o
                                           WHERE o.site = s.site AND o.seq = n)),
              s.acked, s.last, m.kept) AS what
  FROM stream_sender s
 CROSS JOIN LATERAL (SELECT count(*) AS kept, count(DISTINCT o.seq) AS numbers, min(o.seq) AS low,
                            max(o.seq) AS high FROM stream_out o
                      WHERE o.site = s.site AND o.seq IS NOT NULL) AS m
 WHERE m.kept <> s.last - s.acked OR m.numbers <> m.kept OR m.low <= s.acked OR m.high > s.last
"""

LAWS = (Law(code="I14b", says="messages to sites are numbered without gaps", broken=_NUMBERED),)
"""The laws of the streams."""
