/**
 * The day's counters (GET /console/v1/summary and the event "summary") as the screens show them.
 * PURE. A counter that the server does not tell is 0; unknown ones are left alone.
 */

export interface Figures {
  ordersByStatus: [string, number][];
  ordersOpen: number;
  ordersLate: number;
  ordersTotal: number;
  lines: number;
  linesShipped: number;
  linesBackordered: number;
  parcels: number;
  parcelsShipped: number;
  picksByRobot: number;
  picksByPerson: number;
  robotMissions: number;
  robotMetres: number;
  sorterReads: number;
  sorterNoReads: number;
  recirculations: number;
  gatePassages: number;
  splitRate: number;
  shipP50S: number | null;
  shipP99S: number | null;
}

/** The way of an order; other statuses follow as they come. */
export const ORDER_WAY = [
  "PLACED",
  "HELD",
  "BACKORDERED",
  "SOURCED",
  "ALLOCATED",
  "RELEASED",
  "PICKING",
  "PICKED",
  "PACKED",
  "PART_SHIPPED",
  "SHIPPED",
  "DELIVERED",
  "CANCELLED",
];
const CLOSED = new Set(["SHIPPED", "DELIVERED", "CANCELLED", "CLOSED", "DONE", "RETURNED"]);

export function figuresOf(told: unknown): Figures {
  const all = record(told);
  const byStatus = statuses(all);
  const total = byStatus.reduce((sum, [, count]) => sum + count, 0);
  const open = byStatus.reduce((sum, [status, count]) => sum + (CLOSED.has(status) ? 0 : count), 0);
  return {
    ordersByStatus: byStatus,
    ordersOpen: optional(all.orders_open) ?? open,
    ordersLate: amount(all.orders_late),
    ordersTotal: typeof all.orders === "number" ? all.orders : total,
    lines: amount(all.lines),
    linesShipped: amount(all.lines_shipped),
    linesBackordered: amount(all.lines_backordered),
    parcels: amount(all.parcels),
    parcelsShipped: optional(all.parcels_shipped) ?? amount(record(all.parcels_by_status).SHIPPED),
    picksByRobot: amount(all.picks_by_robot),
    picksByPerson: amount(all.picks_by_person),
    robotMissions: amount(all.robot_missions),
    robotMetres: amount(all.robot_metres),
    sorterReads: amount(all.sorter_reads),
    sorterNoReads: amount(all.sorter_no_reads),
    recirculations: amount(all.recirculations ?? all.sorter_recirculations),
    gatePassages: amount(all.gate_passages),
    splitRate: amount(all.split_rate),
    shipP50S: optional(all.order_to_ship_p50_s),
    shipP99S: optional(all.order_to_ship_p99_s),
  };
}

function statuses(all: Record<string, unknown>): [string, number][] {
  const told = record(all.orders_by_status ?? all.orders_by_state ?? all.orders);
  const rank = (status: string): number => {
    const place = ORDER_WAY.indexOf(status);
    return place < 0 ? ORDER_WAY.length : place;
  };
  return Object.entries(told)
    .map(([status, count]): [string, number] => [status.toUpperCase(), amount(count)])
    .filter(([, count]) => count > 0)
    .sort(([a], [b]) => rank(a) - rank(b));
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function amount(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}

function optional(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}
