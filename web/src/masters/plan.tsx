/** A site drawn from above, coloured by kind, zone, fill or what is blocked. */
import { signal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { get } from "../core/api.ts";
import { number, percent, t, word } from "../core/i18n.ts";
import { look } from "../core/look.ts";
import { tried } from "../core/shared.ts";
import { type By, colour, fill, fitted, legend, levels, place, type Shown, type Spot, stacked, under, type View } from "./ground.ts";
import { site } from "./state.ts";

const COLOURS: readonly By[] = ["kind", "zone", "fill", "blocked"];
const HEIGHT = 380;

const spots = signal<readonly Spot[]>([]);
const by = signal<By>("fill");
const level = signal<number | null>(null);
const meant = signal<Shown | null>(null);

export async function readPlan(): Promise<void> {
  if (!site.value) return;
  const found = await tried(() => get<{ places: Spot[] }>(`/console/v1/masters/plan?site=${encodeURIComponent(site.value)}`));
  if (found) spots.value = found.places;
}

export function Plan({ onChoose }: { onChoose: (code: string) => void }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const view = useRef<View>({ scale: 1, left: 0, top: 0, size: 0 });
  const shown = useMemo(() => stacked(spots.value, level.value), [spots.value, level.value]);
  const names = useMemo(() => (by.value === "kind" || by.value === "zone" ? legend(spots.value, by.value) : []), [spots.value, by.value]);
  const now = { by: by.value, look: look.value, meant: meant.value };
  useEffect(() => {
    const draw = (): void => {
      if (canvas.current) view.current = drawn(canvas.current, shown, names, now);
    };
    draw();
    const watch = new ResizeObserver(draw);
    if (canvas.current) watch.observe(canvas.current);
    return () => watch.disconnect();
  }, [shown, names, now.by, now.look, now.meant]);
  const all = spots.value;
  const words = t("masters.plan_words", {
    places: number(all.length),
    used: number(all.filter((each) => each[6] > 0).length),
    blocked: number(all.filter((each) => each[8]).length),
  });
  const at = (event: MouseEvent): Shown | null => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    return under(view.current, shown, event.clientX - box.left, event.clientY - box.top);
  };
  return (
    <section class="box plan" aria-label={t("masters.plan")}>
      <div class="planbar">
        <h2>{t("masters.plan")}</h2>
        <div class="turns" role="group" aria-label={t("masters.colour_by")}>
          {COLOURS.map((each) => (
            <button key={each} type="button" aria-pressed={by.value === each} data-by={each} onClick={() => (by.value = each)}>
              {word("masters_colour", each)}
            </button>
          ))}
        </div>
        {levels(all).length > 1 && (
          <select
            aria-label={t("masters.level")}
            value={level.value === null ? "" : String(level.value)}
            onChange={(event) => (level.value = event.currentTarget.value === "" ? null : Number(event.currentTarget.value))}
          >
            <option value="">{t("masters.all_levels")}</option>
            {levels(all).map((each, turn) => (
              <option key={each} value={each}>
                {turn + 1} ({number(each / 1000, 2)} m)
              </option>
            ))}
          </select>
        )}
      </div>
      {all.length === 0 ? (
        <p class="hint">{t("masters.no_places")}</p>
      ) : (
        <canvas
          ref={canvas}
          data-testid="plan"
          data-places={shown.length}
          role="img"
          aria-label={words}
          style={{ height: `${HEIGHT}px` }}
          onMouseMove={(event) => (meant.value = at(event))}
          onMouseLeave={() => (meant.value = null)}
          onClick={(event) => {
            const found = at(event);
            if (found) onChoose(found.spot[0]);
          }}
        />
      )}
      <p class="legend">
        <Legend names={names} />
        <span class="words">{meant.value ? <Meant one={meant.value} /> : words}</span>
      </p>
    </section>
  );
}

function Legend({ names }: { names: readonly string[] }) {
  const mark = (spot: Spot, words: string, key: string) => (
    <span key={key}>
      <i aria-hidden="true" style={{ background: colour(spot, by.value, names, look.value) }} /> {words}
    </span>
  );
  const a: Spot = ["", "", "", 0, 0, 0, 0, 1, false];
  if (by.value === "fill") {
    const some: Spot = ["", "", "", 0, 0, 0, 1, 4, false];
    const full: Spot = ["", "", "", 0, 0, 0, 4, 4, false];
    return <>{[mark(a, t("masters.empty"), "0"), mark(some, percent(0.25), "1"), mark(full, t("masters.full"), "2")]}</>;
  }
  if (by.value === "blocked") {
    return <>{[mark(a, t("masters.open"), "0"), mark(["", "", "", 0, 0, 0, 0, 1, true], `✕ ${t("masters.blocked")}`, "1")]}</>;
  }
  return (
    <>
      {names.slice(0, 8).map((name) => {
        const spot: Spot = ["", name, name, 0, 0, 0, 0, null, false];
        return mark(spot, by.value === "kind" ? word("place_kind", name) : name || "–", name);
      })}
    </>
  );
}

function Meant({ one }: { one: Shown }) {
  return (
    <>
      {one.spots
        .slice(0, 6)
        .map((spot) => {
          const share = fill(spot);
          const full = share === null ? number(spot[6]) : `${number(spot[6])} (${percent(share)})`;
          return `${spot[8] ? "✕ " : ""}${spot[0]}: ${full}`;
        })
        .join(" · ")}
    </>
  );
}

interface Now {
  by: By;
  look: "light" | "dark";
  meant: Shown | null;
}

function drawn(canvas: HTMLCanvasElement, shown: readonly Shown[], names: readonly string[], now: Now): View {
  const width = canvas.clientWidth;
  const dots = window.devicePixelRatio || 1;
  canvas.width = width * dots;
  canvas.height = HEIGHT * dots;
  const view = fitted(shown, width, HEIGHT);
  const pen = canvas.getContext("2d");
  if (!pen) return view;
  pen.scale(dots, dots);
  pen.clearRect(0, 0, width, HEIGHT);
  const style = getComputedStyle(document.documentElement);
  for (const each of shown) {
    const { x, y } = place(view, each.spot);
    const half = view.size / 2;
    pen.fillStyle = colour(each.spot, now.by, names, now.look);
    pen.fillRect(x - half, y - half, view.size, view.size);
    if (each.spots.some((spot) => spot[8])) cross(pen, x, y, half, style.getPropertyValue("--text"));
    if (each === now.meant) {
      pen.strokeStyle = style.getPropertyValue("--text");
      pen.lineWidth = 2;
      pen.strokeRect(x - half - 1, y - half - 1, view.size + 2, view.size + 2);
    }
  }
  aisles(pen, shown, view, style.getPropertyValue("--muted"));
  return view;
}

function cross(pen: CanvasRenderingContext2D, x: number, y: number, half: number, ink: string): void {
  pen.strokeStyle = ink;
  pen.lineWidth = Math.max(1, half / 5);
  pen.beginPath();
  pen.moveTo(x - half, y - half);
  pen.lineTo(x + half, y + half);
  pen.moveTo(x + half, y - half);
  pen.lineTo(x - half, y + half);
  pen.stroke();
}

/** The first part of a code under each column of places, where there is room. */
function aisles(pen: CanvasRenderingContext2D, shown: readonly Shown[], view: View, ink: string): void {
  pen.fillStyle = ink;
  pen.font = "11px system-ui, sans-serif";
  pen.textAlign = "center";
  const lowest = new Map<number, Shown>();
  for (const each of shown) {
    const there = lowest.get(each.spot[3]);
    if (!there || each.spot[4] < there.spot[4]) lowest.set(each.spot[3], each);
  }
  let last = Number.NEGATIVE_INFINITY;
  for (const each of [...lowest.values()].sort((a, b) => a.spot[3] - b.spot[3])) {
    const { x, y } = place(view, each.spot);
    const name = each.spot[0].split("-")[0] ?? "";
    const wide = pen.measureText(name).width + 6;
    if (x - wide / 2 < last) continue;
    pen.fillText(name, x, y + view.size / 2 + 13);
    last = x + wide / 2;
  }
}
