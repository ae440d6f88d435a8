/** What may be promised day by day: the expected curve, the safe one, and the supply behind them. */
import { lang, number, t, word } from "../core/i18n.ts";
import { area, ceiling, type Curves, dayOf, everyDays, type Frame, outline, type Supply, xOf, yOf } from "./curve.ts";
import { atp, atpOf } from "./sku.ts";

const SIZE = { width: 640, height: 260, left: 62, right: 14, top: 32, bottom: 34 };
const LABELS = 8;

export function Chart() {
  const days = atp.value;
  if (days === null) return null;
  const site = days.sites[atpOf.value];
  const curves: Curves = site ?? days;
  const coming = days.supplies.filter((each) => !atpOf.value || each.site === atpOf.value);
  const frame: Frame = {
    ...SIZE,
    days: days.dates.length,
    most: ceiling(Math.max(1, ...curves.expected, ...curves.safe)),
  };
  return (
    <section class="atp">
      <h2>{t("stock.atp")}</h2>
      <select
        aria-label={t("stock.site")}
        value={atpOf.value}
        onChange={(event) => {
          atpOf.value = event.currentTarget.value;
        }}
      >
        <option value="">{t("stock.network")}</option>
        {Object.keys(days.sites).map((code) => (
          <option key={code} value={code}>
            {code}
          </option>
        ))}
      </select>
      <svg viewBox={`0 0 ${frame.width} ${frame.height}`} role="img" aria-label={summary(curves, days.dates)}>
        <Grid frame={frame} dates={days.dates} />
        <path class="expected area" d={area(frame, curves.expected)} />
        <path class="safe area" d={area(frame, curves.safe)} />
        <path class="expected line" d={outline(frame, curves.expected)} />
        <path class="safe line" d={outline(frame, curves.safe)} />
        {coming.map((each) => (
          <Mark key={each.id} frame={frame} supply={each} first={days.dates[0] ?? ""} />
        ))}
      </svg>
      <p class="key">
        <span>
          <i class="safe" aria-hidden="true" /> {t("stock.safe")}
        </span>
        <span>
          <i class="expected" aria-hidden="true" /> {t("stock.expected")}
        </span>
        <span>▼ {t("stock.supply")}</span>
      </p>
      <Supplies coming={coming} />
    </section>
  );
}

function summary(curves: Curves, dates: string[]): string {
  const last = dates.length - 1;
  const facts = { today: number(curves.expected[0] ?? 0), date: shortDay(dates[last] ?? "") };
  return t("stock.atp_in_words", {
    ...facts,
    expected: number(curves.expected[last] ?? 0),
    safe: number(curves.safe[last] ?? 0),
  });
}

function shortDay(date: string): string {
  return new Date(`${date}T12:00:00Z`).toLocaleDateString(lang.value, {
    timeZone: "UTC",
    month: "numeric",
    day: "numeric",
  });
}

/** From its likely day to its sure one, as they say at the site. */
function span({ eta_p50, eta_p90, site }: Supply): string {
  const timeZone = atp.value?.sites[site]?.time_zone ?? "UTC";
  const [p50, p90] = [eta_p50, eta_p90].map((eta) =>
    new Date(eta).toLocaleDateString(lang.value, { timeZone, month: "numeric", day: "numeric" }),
  );
  return p50 === p90 ? `${p50}` : `${p50}–${p90}`;
}

function Grid({ frame, dates }: { frame: Frame; dates: string[] }) {
  const every = everyDays(frame.days, LABELS);
  return (
    <g class="grid" aria-hidden="true">
      {[0, 0.5, 1].map((part) => {
        const y = yOf(frame, frame.most * part);
        return (
          <g key={part}>
            <line x1={frame.left} x2={frame.width - frame.right} y1={y} y2={y} />
            <text x={frame.left - 6} y={y + 4} text-anchor="end">
              {number(frame.most * part)}
            </text>
          </g>
        );
      })}
      {dates.map((date, day) =>
        day % every === 0 ? (
          <text key={date} x={xOf(frame, day)} y={frame.height - 10}>
            {shortDay(date)}
          </text>
        ) : null,
      )}
    </g>
  );
}

/** Where a supply comes in: from its likely day to its sure one, fainter the less sure it is. */
function Mark({ frame, supply, first }: { frame: Frame; supply: Supply; first: string }) {
  const zone = atp.value?.sites[supply.site]?.time_zone ?? "UTC";
  const [p50, p90] = [supply.eta_p50, supply.eta_p90].map((eta) => dayOf(eta, first, zone)) as [number, number];
  if (p50 >= frame.days) return null;
  const x = xOf(frame, p50);
  return (
    <g class="mark" opacity={0.35 + (0.65 * supply.confidence) / 100}>
      <line x1={x} x2={xOf(frame, Math.min(p90, frame.days))} y1={13} y2={13} />
      <path d={`M${x - 6} 8H${x + 6}L${x} 19Z`} />
    </g>
  );
}

function Supplies({ coming }: { coming: Supply[] }) {
  if (coming.length === 0) return <p class="hint">{t("stock.no_supply")}</p>;
  return (
    <ul class="supplies">
      {coming.slice(0, 6).map((each) => (
        <li key={each.id}>
          <b>{each.site}</b> {word("supply_kind", each.kind)}{" "}
          <b class="num">{number(each.units - each.received)}</b>
          <small>
            {span(each)} ·{" "}
            {t("stock.confidence", { percent: each.confidence })}
            {each.held > 0 && ` · ${t("stock.supply_held", { units: number(each.held) })}`}
          </small>
        </li>
      ))}
      {coming.length > 6 && <li class="rest">+{coming.length - 6}</li>}
    </ul>
  );
}
