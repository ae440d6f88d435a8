/** Find in store: a SKU, scanned or searched; where there is one, how far, and how old the figure is. */
import { signal } from "@preact/signals";
import { get } from "../core/api.ts";
import { hours, lang, number, t, word } from "../core/i18n.ts";
import type { Place } from "../stock/around.ts";
import { distance } from "../stock/distance.ts";
import type { LinesPage } from "../stock/rows.ts";
import { Entry, Scan } from "./entry.tsx";
import { Picture } from "./picture.tsx";
import { Order } from "./order.tsx";
import { session } from "../handheld/session.ts";
import { tried } from "./state.ts";

interface Found {
  sku: string;
  name: string;
  places: Place[];
}
export interface Candidate {
  sku: string;
  name_en: string;
  name_ja: string;
}
const LIMIT = 20;
const FEW = 8;
const PAGES = 5;
const TOKYO = { latitude: 35.6812, longitude: 139.7671 };

const found = signal<Found | null>(null);
const candidates = signal<readonly Candidate[] | null>(null);
const asked = signal("");
let here: { latitude: number; longitude: number } | null = null;

const named = (each: Candidate): string => (lang.value === "ja" ? each.name_ja : each.name_en) || each.sku;

/** A code or a part of a name: straight to the SKU, or a few to choose from. */
export async function seekFor(code: string): Promise<void> {
  found.value = null;
  asked.value = code;
  const some = await tried(() => search(code));
  if (!some || asked.peek() !== code) return;
  const exact = some.find((line) => line.sku.toLowerCase() === code.toLowerCase());
  const only = exact ?? (some.length === 1 ? some[0] : undefined);
  candidates.value = only ? null : some;
  if (only) await show(only);
}

/** The first few that match; a page of the server's may be short, and is not the end. */
export async function search(text: string): Promise<Candidate[]> {
  const some: Candidate[] = [];
  let after: string | null = "";
  for (let page = 0; page < PAGES && some.length < FEW && after !== null; page++) {
    const query = new URLSearchParams({ text, limit: String(FEW) });
    if (after) query.set("after", after);
    const answer: LinesPage = await get<LinesPage>(`/console/v1/stock?${query}`);
    some.push(...answer.lines);
    after = answer.next;
  }
  return some;
}

async function show(sku: Candidate): Promise<void> {
  const answer = await tried(async () => {
    here ??= await whereWeAre(sku.sku);
    return await get<{ places: Place[] }>(near(sku.sku, here, LIMIT));
  });
  if (answer) found.value = { sku: sku.sku, name: named(sku), places: answer.places };
}

function near(sku: string, from: { latitude: number; longitude: number }, limit: number): string {
  const query = new URLSearchParams({
    sku,
    latitude: String(from.latitude),
    longitude: String(from.longitude),
    limit: String(limit),
    also_none: "true",
  });
  for (const kind of ["STORE", "LOCKER", "DC", "FC"]) query.append("kind", kind);
  return `/v1/find-in-store?${query}`;
}

/** The store's own place, from the list of all places. */
async function whereWeAre(sku: string): Promise<{ latitude: number; longitude: number }> {
  const all = await get<{ places: Place[] }>(near(sku, TOKYO, 100));
  return all.places.find((place) => place.site === session.value.site) ?? TOKYO;
}

export function Seek() {
  const now = found.value;
  return (
    <section class="counter seek">
      <h2 class="unseen">{t("stock.near")}</h2>
      {!now && !candidates.value && <Scan say={t("store.scan_sku")} />}
      <Entry name="sku" label={t("stock.search")} go={t("store.search")} mode="search" done={(code) => void seekFor(code)} />
      {candidates.value && !now && (
        <ul class="choices">
          {candidates.value.map((each) => (
            <li key={each.sku}>
              <button type="button" onClick={() => void show(each)}>
                <Picture sku={each.sku} />
                <span>
                  <b>{named(each)}</b>
                  <small>{each.sku}</small>
                </span>
              </button>
            </li>
          ))}
          {candidates.value.length === 0 && <li class="nothing">{t("stock.nothing", { query: asked.value })}</li>}
        </ul>
      )}
      {now && <Places found={now} />}
    </section>
  );
}

function Places({ found: { sku, name, places } }: { found: Found }) {
  const mine = places.find((place) => place.site === session.value.site);
  const others = places.filter((place) => place !== mine);
  return (
    <div data-testid="found" data-sku={sku}>
      <header class="sku">
        <Picture sku={sku} />
        <h3>
          {name} <small>{sku}</small>
        </h3>
      </header>
      <ol class="places">
        {[...(mine ? [mine] : []), ...others].map((place) => (
          <li key={place.site} class={place.stock} data-site={place.site}>
            <i aria-hidden="true">{place.stock === "in_stock" ? "●" : place.stock === "few_left" ? "▲" : "○"}</i>
            <span>
              <b>{lang.value === "ja" ? place.name_ja : place.name_en}</b>
              <small>
                {place.site} · {word("site_kind", place.kind)}
                {place === mine && ` · ${t("store.here")}`}
              </small>
            </span>
            <span class="units">
              <b class="num">{place.stock === "none" ? "0" : number(place.free)}</b>
              <small>{word("in_store", place.stock)}</small>
            </span>
            <span class="far num">
              {place === mine || place.distance_m === null ? "—" : distance(place.distance_m)}
              <small>{place.age_s > 0 ? t("stock.age", { age: hours(place.age_s) }) : t("store.just_now")}</small>
            </span>
          </li>
        ))}
      </ol>
      <Order key={sku} sku={sku} name={name} />
    </div>
  );
}
