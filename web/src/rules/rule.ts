/** Shipping rules as data: what a row asks of a parcel, and what it was found to say. PURE. */

export interface Rule {
  name: string;
  service: string;
  objective: string;
  among: string[];
  value_from_minor: number | null;
  value_to_minor: number | null;
  weight_from_g: number | null;
  weight_to_g: number | null;
  size_from_mm: number | null;
  size_to_mm: number | null;
  recipients: string[];
  senders: string[];
  levels: string[];
  cool: boolean | null;
  cod: boolean | null;
  dangerous: boolean | null;
  cost_max_minor: number | null;
  co2_max_g: number | null;
}
export interface Facts {
  sender: string;
  recipient: string;
  weight_g: number;
  size_mm: number;
  value_minor: number;
  cod_minor: number;
  cool: boolean;
  dangerous: boolean;
  level: string;
  slot: string;
  leave_at: string;
}
export interface Verdict {
  rule: string;
  outcome: "CHOSEN" | "MATCHES" | "NO" | "NONE_TAKES";
  reason: string;
  service: string;
  refusals: Record<string, string>;
}
export interface Tried {
  service: string;
  by_rule: boolean;
  verdicts: Verdict[];
  candidates: { service: string; cost_minor: number; lead_days: number; co2_g: number }[];
  refusals: Record<string, string>;
}
export interface Service {
  code: string;
  name_ja: string;
  name_en: string;
  slots: string[];
}
export interface Condition {
  name: string;
  params: Record<string, string | number>;
}

/** What must hold for a row, each as a code and what to fill in; none: it always holds. */
export function conditionsOf(rule: Rule): Condition[] {
  const all: Condition[] = [];
  for (const [name, from, to] of [
    ["value", rule.value_from_minor, rule.value_to_minor],
    ["weight", rule.weight_from_g, rule.weight_to_g],
    ["size", rule.size_from_mm, rule.size_to_mm],
  ] as const) {
    if (from !== null && to !== null) all.push({ name: `${name}_between`, params: { from, to } });
    else if (from !== null) all.push({ name: `${name}_from`, params: { from } });
    else if (to !== null) all.push({ name: `${name}_to`, params: { to } });
  }
  for (const [name, many] of [
    ["recipients", rule.recipients],
    ["senders", rule.senders],
    ["levels", rule.levels],
  ] as const) {
    if (many.length > 0) all.push({ name, params: { many: many.join(", ") } });
  }
  for (const name of ["cool", "cod", "dangerous"] as const) {
    if (rule[name] !== null) all.push({ name: rule[name] ? name : `not_${name}`, params: {} });
  }
  if (rule.cost_max_minor !== null) all.push({ name: "cost_max", params: { most: rule.cost_max_minor } });
  if (rule.co2_max_g !== null) all.push({ name: "co2_max", params: { most: rule.co2_max_g } });
  return all;
}

/** From north to south, as lists of them are in Japan. */
export const PREFECTURES: readonly (readonly [ja: string, en: string])[] = (
  "北海道 Hokkaido,青森県 Aomori,岩手県 Iwate,宮城県 Miyagi,秋田県 Akita,山形県 Yamagata,福島県 Fukushima," +
  "茨城県 Ibaraki,栃木県 Tochigi,群馬県 Gunma,埼玉県 Saitama,千葉県 Chiba,東京都 Tokyo,神奈川県 Kanagawa," +
  "新潟県 Niigata,富山県 Toyama,石川県 Ishikawa,福井県 Fukui,山梨県 Yamanashi,長野県 Nagano,岐阜県 Gifu," +
  "静岡県 Shizuoka,愛知県 Aichi,三重県 Mie,滋賀県 Shiga,京都府 Kyoto,大阪府 Osaka,兵庫県 Hyogo,奈良県 Nara," +
  "和歌山県 Wakayama,鳥取県 Tottori,島根県 Shimane,岡山県 Okayama,広島県 Hiroshima,山口県 Yamaguchi," +
  "徳島県 Tokushima,香川県 Kagawa,愛媛県 Ehime,高知県 Kochi,福岡県 Fukuoka,佐賀県 Saga,長崎県 Nagasaki," +
  "熊本県 Kumamoto,大分県 Oita,宮崎県 Miyazaki,鹿児島県 Kagoshima,沖縄県 Okinawa"
)
  .split(",")
  .map((pair) => pair.split(" ") as [string, string]);
