/** One order, as its customer sees it: how it stands, when it comes, and what can still be changed. */
import { computed, signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { ApiError, get } from "../core/api.ts";
import { LanguageSwitch } from "../core/bar.tsx";
import { day, lang, number, t, word } from "../core/i18n.ts";
import { qr, qrPath } from "../core/qr.ts";
import { Changes } from "./changes.tsx";
import { type Back, colourOf, type Good, hoursOf, inkOn, type Parcel, type Pickup, reached, type Step, type Tracking } from "./order.ts";

const AGAIN_MS = 30_000;
const OVER = ["READY", "COLLECTED", "DELIVERED", "CANCELLED"]; // when it comes is no longer a question

export const order = signal<Tracking | null>(null);
const trouble = signal<"" | "unknown" | "away">("");
export const token = decodeURIComponent(/\/t\/([^/]+)/.exec(location.pathname)?.[1] ?? "");
const zone = computed(() => order.value?.time_zone ?? "Asia/Tokyo");
const brand = computed(() => order.value?.brand ?? null);

export async function reread(): Promise<void> {
  try {
    order.value = await get<Tracking>(`/track/v1/${encodeURIComponent(token)}`);
    trouble.value = "";
  } catch (error) {
    const gone = error instanceof ApiError && error.status >= 400 && error.status < 500;
    trouble.value = gone ? "unknown" : "away";
  }
}

function follow(): () => void {
  void reread();
  const timer = window.setInterval(() => {
    if (document.visibilityState === "visible") void reread();
  }, AGAIN_MS);
  return () => window.clearInterval(timer);
}

export const named = (each: { name_en: string; name_ja: string }): string =>
  (lang.value === "ja" ? each.name_ja : each.name_en) || each.name_ja || each.name_en;

export function Page() {
  useEffect(follow, []);
  const now = order.value;
  document.title = [now && t("track.order", { number: now.number }), brand.value?.name].filter(Boolean).join(" · ") || "…";
  return (
    <div class="track" style={clothes()}>
      <header>
        {brand.value?.logo && <img src={brand.value.logo} alt="" height="32" />}
        <b>{brand.value?.name ?? ""}</b>
        <LanguageSwitch />
      </header>
      <main>
        {now === null && trouble.value === "" && <p class="hint">{t("track.loading")}</p>}
        {trouble.value === "unknown" && (
          <section class="card">
            <h1>{t("track.unknown")}</h1>
            <p>{t("track.unknown_do")}</p>
          </section>
        )}
        {trouble.value === "away" && (
          <p class="away" role="alert">
            {now ? t("track.away_old") : t("track.away")}
          </p>
        )}
        {now && trouble.value !== "unknown" && <Order now={now} />}
      </main>
      <footer>{t("track.footer")}</footer>
    </div>
  );
}

/** The brand's colour, and an ink that is read on it. */
function clothes(): Record<string, string> {
  const colour = colourOf(brand.value?.colour);
  return colour ? { "--brand": colour, "--brand-ink": inkOn(colour) } : {};
}

function Order({ now }: { now: Tracking }) {
  return (
    <>
      <section class="card head">
        <p class="number">
          {now.first_name && <b>{t("track.dear", { name: now.first_name })}</b>} {t("track.order", { number: now.number })}
        </p>
        <h1 data-testid="status">{word("track_step", now.status)}</h1>
        <Eta now={now} />
        {now.promise_moved && <p class="moved">{t("track.moved", { was: day(Date.parse(now.promise_moved.was), zone.value) })}</p>}
        <Steps steps={now.steps} />
      </section>
      {now.pickup && <Collect at={now.pickup} />}
      {now.parcels.length > 0 && (
        <section class="card">
          <h2>{t("track.parcels", { count: now.parcels.length })}</h2>
          <ul class="parcels">
            {now.parcels.map((parcel, place) => (
              <OneParcel key={parcel.number ?? place} parcel={parcel} />
            ))}
          </ul>
        </section>
      )}
      <section class="card">
        <h2>{t("track.goods")}</h2>
        <ul class="goods">
          {now.lines.map((line) => (
            <Line key={line.line_no} line={line} />
          ))}
        </ul>
      </section>
      <Changes now={now} />
      {now.returns.length > 0 && (
        <section class="card">
          <h2>{t("track.returns")}</h2>
          {now.returns.map((back) => (
            <Returned key={back.id} back={back} />
          ))}
        </section>
      )}
    </>
  );
}

function Eta({ now }: { now: Tracking }) {
  const eta = now.eta;
  if (!eta?.by || OVER.includes(now.status)) return null;
  const window_ = eta.slot ? (hoursOf(eta.slot) ?? word("track_slot", eta.slot)) : null;
  const first = eta.from && day(Date.parse(eta.from), zone.value);
  const last = day(Date.parse(eta.by), zone.value);
  return (
    <p class="eta" data-testid="eta">
      <small>{t(now.pickup ? "track.eta_pickup" : "track.eta")}</small>
      <b>
        {first && first !== last ? `${first} – ${last}` : last}
        {window_ && <span> {window_}</span>}
      </b>
    </p>
  );
}

function Steps({ steps }: { steps: readonly Step[] }) {
  const last = reached(steps);
  return (
    <ol class="steps">
      {steps.map((step, place) => (
        <li key={step.code} class={place < last ? "done" : place === last ? "now" : "ahead"} aria-current={place === last ? "step" : undefined}>
          <i aria-hidden="true">{place <= last ? "✓" : ""}</i>
          <span>{word("track_step", step.code)}</span>
          {step.at && <small>{moment(step.at)}</small>}
        </li>
      ))}
    </ol>
  );
}

/** Mon 27 Nov, 14:05. */
export function moment(at: string): string {
  const time = new Date(at).toLocaleTimeString(lang.value, { timeZone: zone.value, hour: "2-digit", minute: "2-digit", hour12: false });
  return `${day(Date.parse(at), zone.value)} ${time}`;
}

function Collect({ at }: { at: Pickup }) {
  return (
    <section class="card pickup" data-testid="pickup">
      <h2>{t("track.pickup")}</h2>
      <div class="where">
        <div>
          <b>{named(at)}</b>
          {lang.value === "ja" && <p>{at.prefecture}</p>}
          {at.keep_until && <p class="until">{t("track.keep_until", { at: moment(at.keep_until) })}</p>}
        </div>
      </div>
      {at.qr ? (
        <figure>
          <Qr text={at.qr} />
          <figcaption>
            {t("track.show_code")}
            {at.code && <b class="num code">{at.code}</b>}
          </figcaption>
        </figure>
      ) : (
        <p class="hint">{t("track.code_later")}</p>
      )}
    </section>
  );
}

function Qr({ text }: { text: string }) {
  const modules = qr(text);
  const size = modules.length + 8;
  return (
    <svg class="qr" viewBox={`-4 -4 ${size} ${size}`} role="img" aria-label={t("track.qr")} data-says={text}>
      <rect x="-4" y="-4" width={size} height={size} fill="#fff" />
      <path d={qrPath(modules)} fill="#000" shape-rendering="crispEdges" />
    </svg>
  );
}

/** A return: how it stands; its QR as long as the goods may be brought to a counter. */
function Returned({ back }: { back: Back }) {
  const coming = back.state === "REQUESTED" || back.state === "LABELLED";
  return (
    <div class="back" data-state={back.state}>
      <p>
        <b>{word("track_return", back.state)}</b> <small>{back.number}</small>
        {back.tracking && <small class="num"> · {back.tracking}</small>}
      </p>
      {coming && (
        <figure>
          <Qr text={back.qr} />
          <figcaption>{t("track.return_qr")}</figcaption>
        </figure>
      )}
    </div>
  );
}

function OneParcel({ parcel }: { parcel: Parcel }) {
  const at = parcel.delivered_at ?? parcel.shipped_at;
  return (
    <li>
      <i aria-hidden="true">{parcel.delivered_at ? "✓" : "▣"}</i>
      <span>
        <b>{word("track_parcel", parcel.status)}</b>
        {at && <small>{moment(at)}</small>}
      </span>
      {parcel.number && (
        <span class="waybill">
          <small>{parcel.carrier ?? t("track.waybill")}</small>
          <b class="num">{parcel.number}</b>
        </span>
      )}
    </li>
  );
}

function Line({ line }: { line: Good }) {
  return (
    <li>
      <span>{named(line) || line.sku}</span>
      <b class="num">×{number(line.units)}</b>
    </li>
  );
}
