/** Shipping rules as the table that they are, and a parcel to try them with: what every row says of it. */
import { computed, effect, signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import "../core/desk.css";
import "./rules.css";
import { ApiError, get, post } from "../core/api.ts";
import { Home, LanguageSwitch, LookSwitch } from "../core/bar.tsx";
import { lang, number, t, word } from "../core/i18n.ts";
import { money } from "../core/money.ts";
import { conditionsOf, type Facts, PREFECTURES, type Rule, type Service, type Tried, type Verdict } from "./rule.ts";

interface Table {
  version: number;
  rules: Rule[];
  otherwise: string;
  fall_back_after_min: number;
  fall_backs: Record<string, string>;
}

const CALM_MS = 250;
const table = signal<Table | null>(null);
const services = signal<readonly Service[]>([]);
const tried = signal<Tried | null>(null);
const failed = signal("");
const facts = signal<Facts>({
  sender: "東京都",
  recipient: "大阪府",
  weight_g: 1200,
  size_mm: 800,
  value_minor: 5000,
  cod_minor: 0,
  cool: false,
  dangerous: false,
  level: "",
  slot: "",
  leave_at: "",
});
const names = computed(() => new Map(services.value.map((each) => [each.code, lang.value === "ja" ? each.name_ja : each.name_en])));
const serviceName = (code: string): string => names.value.get(code) ?? code;

async function read(): Promise<void> {
  try {
    const [rules, known] = await Promise.all([
      get<Table>("/console/v1/shipping/rules"),
      get<Service[]>("/console/v1/shipping/services"),
    ]);
    table.value = rules;
    services.value = known;
  } catch (error) {
    failed.value = error instanceof ApiError ? error.code : "no_answer";
  }
}

function tryIt(): () => void {
  let calm = 0;
  let round = 0;
  const end = effect(() => {
    const asked = facts.value;
    window.clearTimeout(calm);
    calm = window.setTimeout(() => void ask(asked, ++round), CALM_MS);
  });
  const ask = async (asked: Facts, mine: number): Promise<void> => {
    try {
      const answer = await post<Tried>("/console/v1/shipping/rules:test", { facts: asked });
      if (mine !== round) return;
      tried.value = answer;
      failed.value = "";
    } catch (error) {
      if (mine === round) failed.value = error instanceof ApiError ? error.code : "no_answer";
    }
  };
  return () => {
    end();
    window.clearTimeout(calm);
  };
}

export function Page() {
  useEffect(() => void read(), []);
  useEffect(tryIt, []);
  document.title = `${t("rules.title")} · Soko`;
  return (
    <div class="deskpage rules">
      <header>
        <Home />
        <h1>{t("rules.title")}</h1>
        <LookSwitch />
        <LanguageSwitch />
      </header>
      {failed.value && (
        <p class="warn" role="alert">
          ✕ {word("problem", failed.value)}
        </p>
      )}
      <main>
        <Box />
        <section>
          <h2>
            {t("rules.table")} {table.value && `· v${table.value.version}`} <a href="/ui/masters?tab=rules&kind=shipping-rules">{t("rules.edit")}</a>
          </h2>
          {table.value ? <Rows table={table.value} /> : <p class="hint">{t("stock.loading")}</p>}
        </section>
      </main>
    </div>
  );
}

const SIGNS: Record<Verdict["outcome"], string> = { CHOSEN: "✔", MATCHES: "○", NO: "–", NONE_TAKES: "▲" };

function Rows({ table: now }: { table: Table }) {
  return (
    <div class="scrolls" tabIndex={0} role="region" aria-label={t("rules.table")}>
      <table>
        <thead>
          <tr>
            <th scope="col">#</th>
            <th scope="col">{t("rules.rule")}</th>
            <th scope="col">{t("rules.when")}</th>
            <th scope="col">{t("rules.then")}</th>
            <th scope="col">{t("rules.says")}</th>
          </tr>
        </thead>
        <tbody>
          {now.rules.map((rule, place) => {
            const verdict = tried.value?.verdicts[place];
            return (
              <tr key={`${place} ${rule.name}`} data-outcome={verdict?.outcome}>
                <td class="num">{place + 1}</td>
                <th scope="row">{rule.name}</th>
                <td>{whenOf(rule)}</td>
                <td>{thenOf(rule)}</td>
                <td class="verdict">{verdict && <Says verdict={verdict} />}</td>
              </tr>
            );
          })}
          <tr data-outcome={tried.value && !tried.value.by_rule ? "CHOSEN" : undefined}>
            <td />
            <th scope="row">{t("rules.otherwise")}</th>
            <td>{t("rules.no_rule_takes")}</td>
            <td>{serviceName(now.otherwise)}</td>
            <td class="verdict">{tried.value && !tried.value.by_rule && <b>✔ {word("outcome", "CHOSEN")}</b>}</td>
          </tr>
        </tbody>
      </table>
      <p class="hint">
        {t("rules.fall_back", { min: now.fall_back_after_min })}{" "}
        {Object.entries(now.fall_backs)
          .map(([from, to]) => `${serviceName(from)} → ${serviceName(to)}`)
          .join(lang.value === "ja" ? "、" : ", ")}
      </p>
    </div>
  );
}

function whenOf(rule: Rule) {
  const all = conditionsOf(rule);
  if (all.length === 0) return <i>{t("rules.always")}</i>;
  return all.map((each) => (
    <span key={each.name} class="cond">
      {word("rule_if", each.name, shown(each.name, each.params))}
    </span>
  ));
}

function shown(name: string, params: Record<string, string | number>): Record<string, string | number> {
  const value = name.startsWith("value") || name.startsWith("cost");
  const places = name === "recipients" || name === "senders";
  return Object.fromEntries(
    Object.entries(params).map(([key, each]) => {
      if (typeof each === "number") return [key, value ? money(each, "JPY") : number(each)];
      return [key, places && lang.value === "en" ? each.split(", ").map((ja) => IN_ENGLISH.get(ja) ?? ja).join(", ") : each];
    }),
  );
}

const IN_ENGLISH = new Map(PREFECTURES);

function thenOf(rule: Rule): string {
  if (rule.service) return serviceName(rule.service);
  const best = word("objective", rule.objective);
  return rule.among.length > 0 ? t("rules.of", { best, among: rule.among.map(serviceName).join(", ") }) : best;
}

function Says({ verdict }: { verdict: Verdict }) {
  const { outcome, reason, service, refusals } = verdict;
  const why = Object.entries(refusals);
  return (
    <>
      <b class={outcome.toLowerCase()}>
        <i aria-hidden="true">{SIGNS[outcome]}</i> {word("outcome", outcome)}
      </b>
      {service && <span> {serviceName(service)}</span>}
      {outcome === "NO" && <small>{word("rule_no", reason)}</small>}
      {outcome === "NONE_TAKES" && why.length > 0 && (
        <small>{why.map(([code, each]) => `${serviceName(code)}: ${word("refusal", each)}`).join(" · ")}</small>
      )}
    </>
  );
}

function change(part: Partial<Facts>): void {
  facts.value = { ...facts.value, ...part };
}

function Box() {
  const now = facts.value;
  const numeric = (name: "weight_g" | "size_mm" | "value_minor" | "cod_minor") => (
    <label>
      {word("parcel_fact", name)}
      <input
        type="number"
        min={name === "weight_g" ? 1 : 0}
        name={name}
        value={now[name]}
        onInput={(event) => {
          const value = Math.floor(Number(event.currentTarget.value));
          if (Number.isFinite(value) && value >= 0) change({ [name]: value });
        }}
      />
    </label>
  );
  const place = (name: "sender" | "recipient") => (
    <label>
      {word("parcel_fact", name)}
      <select name={name} value={now[name]} onChange={(event) => change({ [name]: event.currentTarget.value })}>
        {PREFECTURES.map(([ja, en]) => (
          <option key={ja} value={ja}>
            {lang.value === "ja" ? ja : en}
          </option>
        ))}
      </select>
    </label>
  );
  const flag = (name: "cool" | "dangerous") => (
    <label class="flag">
      <input type="checkbox" name={name} checked={now[name]} onChange={(event) => change({ [name]: event.currentTarget.checked })} />
      {word("parcel_fact", name)}
    </label>
  );
  const slots = [...new Set(services.value.flatMap((each) => each.slots))].sort();
  return (
    <section class="box">
      <h2>{t("rules.test")}</h2>
      <form onSubmit={(event) => event.preventDefault()}>
        {place("sender")}
        {place("recipient")}
        {numeric("weight_g")}
        {numeric("size_mm")}
        {numeric("value_minor")}
        {numeric("cod_minor")}
        <label>
          {word("parcel_fact", "slot")}
          <select name="slot" value={now.slot} onChange={(event) => change({ slot: event.currentTarget.value })}>
            <option value="">—</option>
            {slots.map((slot) => (
              <option key={slot} value={slot}>
                {slot}
              </option>
            ))}
          </select>
        </label>
        <label>
          {word("parcel_fact", "level")}
          <select name="level" value={now.level} onChange={(event) => change({ level: event.currentTarget.value })}>
            <option value="">—</option>
            {levels().map((level) => (
              <option key={level} value={level}>
                {level}
              </option>
            ))}
          </select>
        </label>
        {flag("cool")}
        {flag("dangerous")}
      </form>
      {tried.value && <Answer tried={tried.value} />}
    </section>
  );
}

/** The levels that any rule asks for. */
function levels(): string[] {
  return [...new Set((table.value?.rules ?? []).flatMap((rule) => rule.levels))].sort();
}

function Answer({ tried: now }: { tried: Tried }) {
  const most = Math.max(1, ...now.candidates.map((each) => each.cost_minor));
  const cheapFirst = [...now.candidates].sort((a, b) => a.cost_minor - b.cost_minor);
  return (
    <div class="answer" role="status" data-testid="answer" data-service={now.service}>
      <p>
        {t("rules.goes_by")} <b>{serviceName(now.service)}</b>
      </p>
      <ul class="candidates">
        {cheapFirst.map((each) => (
          <li key={each.service} class={each.service === now.service ? "chosen" : ""}>
            <span>
              {each.service === now.service ? "✔ " : ""}
              {serviceName(each.service)}
            </span>
            <i aria-hidden="true" style={{ width: `${(100 * each.cost_minor) / most}%` }} />
            <small class="num">
              {money(each.cost_minor, "JPY")} · {t("rules.days", { days: each.lead_days })} · {t("rules.co2", { grams: number(each.co2_g) })}
            </small>
          </li>
        ))}
        {Object.entries(now.refusals).map(([code, why]) => (
          <li key={code} class="refused">
            <span>✕ {serviceName(code)}</span>
            <small>{word("refusal", why)}</small>
          </li>
        ))}
      </ul>
    </div>
  );
}
