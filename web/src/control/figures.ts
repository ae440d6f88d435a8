/**
 * The day's counters (GET /console/v1/summary and the event "summary") as the screens show them.
 * PURE. A counter that the server does not tell is 0; unknown ones are left alone.
 */

export interface Figures {
  ordersByStatus: [string, number][];
  ordersOpen: number;
  ordersLate: number | null; // null: not told
  ordersTotal: number;
  lines: number;
  linesShipped: number;
  linesBackordered: number;
  parcels: number;
  parcelsByStatus: [string, number][];
  parcelsShipped: number;
  picksByRobot: number;
  picksByPerson: number;
  robotMissions: number;
  robotMetres: number;
  sorterReads: number;
  sorterNoReads: number;
  recirculations: number;
  gatePassages: number;
  tasksOpen: number;
  returns: number;
  splitRate: number;
  shipP50S: number | null;
  shipP99S: number | null;
}

/** The way of an order; other statuses follow as they come. */
export const ORDER_WAY = [
  "OPEN",
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
/** The way of a parcel: a spoke's comes to the hub by line haul, all leave by the sorter and the gate. */
export const PARCEL_WAY = ["PLANNED", "PACKED", "LINE_HAUL", "AT_HUB", "INDUCTED", "SORTED", "SHIPPED", "DELIVERED"];
const CLOSED = new Set(["SHIPPED", "DELIVERED", "CANCELLED", "CLOSED", "DONE", "RETURNED"]);

export function figuresOf(told: unknown): Figures {
  const all = record(told);
  const byStatus = ordered(record(all.orders_by_status ?? all.orders_by_state ?? all.orders), ORDER_WAY);
  const total = byStatus.reduce((sum, [, count]) => sum + count, 0);
  const open = byStatus.reduce((sum, [status, count]) => sum + (CLOSED.has(status) ? 0 : count), 0);
  return {
    ordersByStatus: byStatus,
    ordersOpen: optional(all.orders_open) ?? open,
    ordersLate: optional(all.orders_late),
    ordersTotal: typeof all.orders === "number" ? all.orders : total,
    lines: amount(all.lines),
    linesShipped: amount(all.lines_shipped),
    linesBackordered: amount(all.lines_backordered),
    parcels: amount(all.parcels),
    parcelsByStatus: ordered(record(all.parcels_by_status), PARCEL_WAY),
    parcelsShipped: optional(all.parcels_shipped) ?? amount(record(all.parcels_by_status).SHIPPED),
    picksByRobot: amount(all.picks_by_robot),
    picksByPerson: amount(all.picks_by_person),
    robotMissions: amount(all.robot_missions),
    robotMetres: amount(all.robot_metres),
    sorterReads: amount(all.sorter_reads),
    sorterNoReads: amount(all.sorter_no_reads),
    recirculations: amount(all.recirculations ?? all.sorter_recirculations),
    gatePassages: amount(all.gate_passages),
    tasksOpen: amount(all.tasks_open),
    returns: amount(all.returns),
    splitRate: amount(all.split_rate),
    shipP50S: optional(all.order_to_ship_p50_s),
    shipP99S: optional(all.order_to_ship_p99_s),
  };
}

/** Counts by status, along the way; unknown ones after it, empty ones left out. */
function ordered(told: Record<string, unknown>, way: string[]): [string, number][] {
  const rank = (status: string): number => {
    const place = way.indexOf(status);
    return place < 0 ? way.length : place;
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
