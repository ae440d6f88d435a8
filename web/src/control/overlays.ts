/** What is laid over the plant: labels, closed areas, and where robots were and waited. Pixels. */
import type { Heat } from "./heat.ts";
import type { XY } from "./plant.ts";
import { FONT } from "./signs.ts";

type Ink = CanvasRenderingContext2D;
const WAITS_SHOWN = 5;

export function drawLabel(ink: Ink, text: string, x: number, y: number, size: number, colour: string): void {
  ink.font = `600 ${size}px ${FONT}`;
  ink.textAlign = "center";
  ink.textBaseline = "middle";
  ink.fillStyle = colour;
  ink.fillText(text, x, y);
}

/** A closed area: a cross on each of its points, so that nobody needs a colour to see it. */
export function drawCrosses(ink: Ink, spots: XY[], r: number, colour: string): void {
  ink.strokeStyle = colour;
  ink.lineWidth = 2;
  ink.beginPath();
  for (const { x, y } of spots) {
    ink.moveTo(x - r, y - r);
    ink.lineTo(x + r, y + r);
    ink.moveTo(x + r, y - r);
    ink.lineTo(x - r, y + r);
  }
  ink.stroke();
}

/** How often robots were there by the size of a square; how long they waited by a number, where most. */
export function drawHeat(
  ink: Ink,
  { cell_m, cells }: Heat,
  to: (spot: XY) => XY,
  scale: number,
  colour: Record<string, string>,
): void {
  const most = Math.max(1, ...cells.map(([, , seen]) => seen));
  const centre = (column: number, row: number): XY => to({ x: (column + 0.5) * cell_m, y: (row + 0.5) * cell_m });
  ink.fillStyle = colour.p3 as string;
  ink.globalAlpha = 0.35;
  for (const [column, row, seen] of cells) {
    const { x, y } = centre(column, row);
    const side = cell_m * scale * Math.sqrt(seen / most);
    ink.fillRect(x - side / 2, y - side / 2, side, side);
  }
  ink.globalAlpha = 1;
  const waits = cells.filter(([, , , waited]) => waited > 0).sort((a, b) => b[3] - a[3]);
  for (const [column, row, , waited] of waits.slice(0, WAITS_SHOWN)) {
    const { x, y } = centre(column, row);
    drawLabel(ink, `▲ ${waited}`, x, y, 12, colour.text as string);
  }
}
