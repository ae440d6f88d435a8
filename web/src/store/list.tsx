/** The queue: a card each, timer first; filtered by kind. */
import { signal } from "@preact/signals";
import { lang, t, word } from "../core/i18n.ts";
import { countdown, grouped, type Item, KINDS, type Kind, leftS, mood, SIGNS, unitsOf } from "./queue.ts";
import { chosen, items, since_s } from "./state.ts";

const DAY_S = 86_400;
const LONG_S = 3 * DAY_S; // late by days: hours say nothing

const only = signal<Kind | "">("");

export function Queue() {
  const all = items.value;
  if (all === null) return <p class="hint">{t("stock.loading")}</p>;
  const shown = all.filter((item) => only.value === "" || item.kind === only.value);
  return (
    <section class="queue" aria-label={t("store.queue")}>
      <div class="kinds" role="group" aria-label={t("store.kinds")}>
        {(["", ...KINDS] as const).map((kind) => (
          <button key={kind} type="button" data-kind={kind} aria-pressed={only.value === kind} onClick={() => (only.value = kind)}>
            {kind === "" ? t("stock.everything") : word("store_kind", kind)}{" "}
            <b class="num">{kind === "" ? all.length : all.filter((item) => item.kind === kind).length}</b>
          </button>
        ))}
      </div>
      {shown.length === 0 && (
        <p class="nothing">
          <i aria-hidden="true">✓</i>
          {t("store.nothing")}
        </p>
      )}
      {grouped(shown).map(([group, some]) => (
        <section key={group}>
          <h2>
            {word("store_group", group)} <span class="num">{some.length}</span>
          </h2>
          <ol>
            {some.map((item) => (
              <li key={item.id}>
                <Card item={item} />
              </li>
            ))}
          </ol>
        </section>
      ))}
    </section>
  );
}

function Card({ item }: { item: Item }) {
  return (
    <button
      type="button"
      class={`card ${mood(item, since_s.value)}`}
      data-id={item.id}
      data-number={item.number}
      aria-pressed={chosen.value === item.id}
      onClick={() => (chosen.value = item.id)}
    >
      <Timer item={item} />
      <span class="what">
        <b>{word("store_kind", item.kind)}</b> <span class="number">{item.number}</span>
        <span class="goods">{goodsOf(item)}</span>
      </span>
      <span class="state">{word("collection", item.state)}</span>
      <i class="go" aria-hidden="true">
        ›
      </i>
    </button>
  );
}

/** A sign, a time and a word: the colour is only the fourth way to say it. */
export function Timer({ item }: { item: Item }) {
  const now = mood(item, since_s.value);
  const left = leftS(item, since_s.value);
  const counts = left !== null && (now === "late" || now === "soon" || now === "calm");
  return (
    <span class={`timer ${now}`} data-mood={now}>
      <i aria-hidden="true">{SIGNS[now]}</i>
      {counts && <b class="num">{left < -LONG_S ? `+${t("time.d", { d: Math.floor(-left / DAY_S) })}` : countdown(left)}</b>}
      <small>{word("store_mood", now)}</small>
    </span>
  );
}

export function nameOf(line: { sku: string; name_en: string; name_ja: string }): string {
  return (lang.value === "ja" ? line.name_ja : line.name_en) || line.name_en || line.sku;
}

export function goodsOf(item: Item): string {
  const first = item.lines[0];
  if (!first) return "";
  const rest = item.lines.length - 1;
  const units = unitsOf(item);
  const named = nameOf(first);
  return rest > 0 ? t("store.goods_more", { name: named, rest, units }) : t("store.goods", { name: named, units });
}
