/** The nearest stores that have a SKU: a sketch true to direction, and a list. */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { ApiError, get } from "../core/api.ts";
import { hours, lang, t, word } from "../core/i18n.ts";
import { onMap, type Place, type Point, rings } from "../stock/around.ts";
import { distance } from "../stock/distance.ts";
import { colourOf, inkOn } from "../track/order.ts";

const R = 100;
const LIMIT = 8;
const query = new URLSearchParams(location.search);
const sku = query.get("sku") ?? "";
const TOKYO: Point = { latitude: 35.6812, longitude: 139.7671 };

const from = signal<Point & { sure: boolean }>(asked());
type Near = Omit<Place, "free">; // in words only: figures are nobody's outside
interface Found {
  name_en: string;
  name_ja: string;
  places: Near[];
}
const found = signal<Found | null>(null);
const trouble = signal<"" | "unknown" | "away">("");

function asked(): Point & { sure: boolean } {
  const [latitude, longitude] = [Number(query.get("lat") ?? Number.NaN), Number(query.get("lon") ?? Number.NaN)];
  const sure = Number.isFinite(latitude) && Number.isFinite(longitude);
  return sure ? { latitude, longitude, sure } : { ...TOKYO, sure };
}

async function look(): Promise<void> {
  const { latitude, longitude } = from.peek();
  const near = new URLSearchParams({
    sku,
    latitude: String(latitude),
    longitude: String(longitude),
    units: query.get("units") ?? "1",
    limit: String(LIMIT),
    also_none: "true",
  });
  try {
    found.value = await get<Found>(`/find/v1/stores?${near}`);
    trouble.value = "";
  } catch (error) {
    trouble.value = error instanceof ApiError && error.status === 404 ? "unknown" : "away";
  }
}

function fromHere(): void {
  navigator.geolocation.getCurrentPosition(({ coords }) => {
    from.value = { latitude: coords.latitude, longitude: coords.longitude, sure: true };
    void look();
  });
}

/** Opened by hand, without an article: it asks for one. */
function Ask() {
  document.title = t("find.title");
  return (
    <form class="find ask" method="get">
      <h1>{t("find.title")}</h1>
      <label>
        {t("find.sku")}
        <input name="sku" required autocapitalize="off" autocomplete="off" spellcheck={false} />
      </label>
      <button type="submit">{t("find.look")}</button>
    </form>
  );
}

export function Page() {
  return sku ? <Stores /> : <Ask />;
}

function Stores() {
  useEffect(() => void look(), []);
  const now = found.value?.places ?? null;
  const name = found.value && (lang.value === "ja" ? found.value.name_ja : found.value.name_en);
  document.title = `${t("find.title")} · ${name ?? sku}`;
  const colour = colourOf(query.get("colour"));
  const clothes = colour ? { "--brand": colour, "--brand-ink": inkOn(colour) } : {};
  return (
    <div class="find" style={clothes}>
      <h1>
        {t("find.title")} <small>{name ?? sku}</small>
      </h1>
      {!from.value.sure && (
        <p class="from">
          {t("find.from_tokyo")}{" "}
          {"geolocation" in navigator && (
            <button type="button" onClick={fromHere}>
              {t("find.from_here")}
            </button>
          )}
        </p>
      )}
      {trouble.value && (
        <p class="hint" role="alert">
          {t(trouble.value === "unknown" ? "find.unknown" : "find.away")}
        </p>
      )}
      {now === null && !trouble.value && <p class="hint">{t("find.loading")}</p>}
      {now?.length === 0 && <p class="hint">{t("find.none")}</p>}
      {now && now.length > 0 && (
        <div class="both">
          <Sketch places={now.filter((place) => place.distance_m !== null)} />
          <ol data-testid="places">
            {now.map((place, at) => (
              <li key={place.site} class={place.stock} data-site={place.site}>
                <i aria-hidden="true">{at + 1}</i>
                <span>
                  <b>{(lang.value === "ja" ? place.name_ja : place.name_en) || place.site}</b>
                  <small>
                    {place.distance_m !== null && distance(place.distance_m)}
                    {place.age_s > 0 && ` · ${t("find.age", { age: hours(place.age_s) })}`}
                  </small>
                </span>
                <em>
                  {place.stock === "in_stock" ? "● " : place.stock === "few_left" ? "▲ " : "○ "}
                  {word("in_store", place.stock)}
                </em>
              </li>
            ))}
          </ol>
        </div>
      )}
    </div>
  );
}

function Sketch({ places: some }: { places: readonly Near[] }) {
  const [inner, outer] = rings(some);
  return (
    <svg viewBox="-118 -114 236 228" aria-hidden="true">
      {[inner, outer].map((metres) => {
        const r = R * Math.sqrt(metres / outer);
        return (
          <g key={metres} class="ring">
            <circle r={r} />
            <text y={-r + 11} text-anchor="middle">
              {distance(metres)}
            </text>
          </g>
        );
      })}
      <path class="here" d="M-6 0H6M0-6V6" />
      {some.map((place, at) => {
        const [x, y] = onMap(from.value, place, outer);
        return (
          <g key={place.site} class={`place ${place.stock}`} transform={`translate(${R * x} ${R * y})`}>
            <circle r="9" />
            <text y="3.6" text-anchor="middle">
              {at + 1}
            </text>
          </g>
        );
      })}
    </svg>
  );
}
