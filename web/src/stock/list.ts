/** The list: what was asked for, the lines that have come, and the way to more of them. */
import { signal } from "@preact/signals";
import { get } from "../core/api.ts";
import { type Availability, type Care, joined, type Line, type LinesPage, renewed, type SkuStock } from "./rows.ts";

export interface Asked {
  text: string;
  site: string;
  care: Care | "";
}
const LIMIT = 40;
const SKUS_A_REQUEST = 100;

const here = new URLSearchParams(location.search);
export const asked = signal<Asked>({
  text: here.get("q") ?? "",
  site: here.get("site") ?? "",
  care: (here.get("state") ?? "") as Care | "",
});
export const lines = signal<readonly Line[] | null>(null);
export const sites = signal<readonly string[]>([]);
export const next = signal<string | null>(null);
export const looking = signal(false);
export const opened = signal<ReadonlyMap<string, SkuStock | null>>(new Map());
let round = 0; // an answer to an older question is not shown

/** The address that shows the same again. */
export function address(wish: Asked): string {
  const query = new URLSearchParams();
  if (wish.text) query.set("q", wish.text);
  if (wish.site) query.set("site", wish.site);
  if (wish.care) query.set("state", wish.care);
  return query.size > 0 ? `/ui/stock?${query}` : "/ui/stock";
}

async function page(after: string | null): Promise<LinesPage> {
  const { text, site, care } = asked.peek();
  const query = new URLSearchParams({ limit: String(LIMIT) });
  if (text) query.set("text", text);
  if (site) query.set("site", site);
  if (care) query.set("state", care);
  if (after) query.set("after", after);
  return await get<LinesPage>(`/console/v1/stock?${query}`);
}

/** Read from the beginning, as much as was shown before. */
export async function reload(): Promise<void> {
  const mine = ++round;
  const wanted = Math.max(LIMIT, lines.peek()?.length ?? 0);
  await read(mine, null, [], wanted);
  await reopen([...opened.peek().keys()]);
}

/** Read from the beginning, for another question. */
export async function begin(): Promise<void> {
  await read(++round, null, [], LIMIT);
}

/** Read on behind the last line. A page may be short: go on until there is something to see. */
export async function more(): Promise<void> {
  const after = next.peek();
  const known = lines.peek() ?? [];
  if (after !== null && !looking.peek()) await read(++round, after, known, known.length + LIMIT / 2);
}

async function read(mine: number, from: string | null, known: readonly Line[], wanted: number): Promise<void> {
  looking.value = true;
  try {
    let after = from;
    let all = known;
    do {
      const answer = await page(after);
      if (mine !== round) return;
      all = joined(all, answer.lines);
      after = answer.next;
      sites.value = answer.sites;
      lines.value = all;
      next.value = after;
    } while (after !== null && all.length < wanted);
  } finally {
    if (mine === round) looking.value = false;
  }
}

/** Tell the lines of these SKUs anew, those that are shown. */
export async function renew(skus: ReadonlySet<string>): Promise<void> {
  const shown = (lines.peek() ?? []).map((line) => line.sku).filter((sku) => skus.has(sku));
  for (let start = 0; start < shown.length; start += SKUS_A_REQUEST) {
    const site = asked.peek().site;
    const news = await figuresOf(shown.slice(start, start + SKUS_A_REQUEST), site);
    lines.value = renewed(lines.peek() ?? [], news);
  }
  await reopen([...opened.peek().keys()].filter((sku) => skus.has(sku)));
}

/** Show the sites of a SKU below its line, or no more. */
export async function turn(sku: string): Promise<void> {
  const now = new Map(opened.peek());
  if (now.delete(sku)) {
    opened.value = now;
    return;
  }
  opened.value = now.set(sku, null);
  await reopen([sku]);
}

async function reopen(skus: string[]): Promise<void> {
  if (skus.length === 0) return;
  const news = await figuresOf(skus.slice(0, SKUS_A_REQUEST), "");
  const now = new Map(opened.peek());
  for (const stock of news) if (now.has(stock.sku)) now.set(stock.sku, stock);
  opened.value = now;
}

async function figuresOf(skus: string[], site: string): Promise<SkuStock[]> {
  if (skus.length === 0) return [];
  const query = new URLSearchParams(skus.map((sku) => ["sku", sku]));
  if (site) query.set("site", site);
  return (await get<Availability>(`/v1/availability?${query}`)).skus;
}
