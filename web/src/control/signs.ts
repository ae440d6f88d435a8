/** The signs of robot states: a shape and a colour each, the same on map, list and legend. */
import type { RobotState } from "./live.ts";

type Ink = CanvasRenderingContext2D;
export const FONT = '"Noto Sans JP", "Noto Sans CJK JP", system-ui, sans-serif';

/** The sign of a state, at the origin: `turn` is where it heads, clockwise. */
export function drawSign(
  ink: Ink,
  state: RobotState,
  blocked: boolean,
  r: number,
  turn: number,
  colour: Record<string, string>,
): void {
  ink.lineWidth = 1.5;
  ink.fillStyle = colour.strong as string;
  ink.strokeStyle = colour.strong as string;
  ink.beginPath();
  switch (state) {
    case "DRIVING":
      ink.rotate(turn);
      ink.moveTo(r * 1.3, 0);
      ink.lineTo(-r * 0.9, r * 0.95);
      ink.lineTo(-r * 0.5, 0);
      ink.lineTo(-r * 0.9, -r * 0.95);
      ink.closePath();
      ink.fill();
      ink.rotate(-turn);
      break;
    case "WAITING":
      ink.moveTo(0, -r * 1.15);
      ink.lineTo(r * 1.1, r * 0.85);
      ink.lineTo(-r * 1.1, r * 0.85);
      ink.closePath();
      ink.fillStyle = (blocked ? colour.p2 : colour.strong) as string;
      ink.fill();
      break;
    case "FAULT":
      ink.fillStyle = colour.p1 as string;
      ink.fillRect(-r * 1.1, -r * 1.1, r * 2.2, r * 2.2);
      break;
    case "SILENT":
      ink.strokeStyle = colour.p3 as string;
      ink.lineWidth = 2.5;
      ink.moveTo(-r, -r);
      ink.lineTo(r, r);
      ink.moveTo(r, -r);
      ink.lineTo(-r, r);
      ink.stroke();
      break;
    case "WORKING":
      ink.roundRect(-r, -r, r * 2, r * 2, r * 0.35);
      ink.fill();
      break;
    default: // IDLE, CHARGING
      ink.arc(0, 0, r * 0.95, 0, Math.PI * 2);
      ink.fillStyle = colour.object as string;
      ink.fill();
      ink.stroke();
      if (state === "CHARGING") {
        ink.fillStyle = colour.text as string;
        ink.font = `700 ${r * 1.7}px ${FONT}`;
        ink.textAlign = "center";
        ink.textBaseline = "middle";
        ink.fillText("+", 0, r * 0.1);
      }
  }
}

/** The battery is charging. */
export function drawBolt(ink: Ink, x: number, y: number, r: number, colour: string): void {
  ink.fillStyle = colour;
  ink.beginPath();
  ink.moveTo(x + r * 0.25, y - r);
  ink.lineTo(x - r * 0.55, y + r * 0.2);
  ink.lineTo(x, y + r * 0.2);
  ink.lineTo(x - r * 0.2, y + r);
  ink.lineTo(x + r * 0.6, y - r * 0.25);
  ink.lineTo(x + r * 0.05, y - r * 0.25);
  ink.closePath();
  ink.fill();
}
