/** The editor: on the left what a planner can make otherwise, on the right only what is otherwise. */
import { signal } from "@preact/signals";
import { download, post, upload } from "../core/api.ts";
import { number, t, word } from "../core/i18n.ts";
import { failure, tried } from "../core/shared.ts";
import { network, type Network, type Patch, readScenarios, said, type Scenario, who } from "./state.ts";

interface Checked {
  patches: Patch[];
  faults: { number: number; words: string }[];
  estimate_s: number | null;
}
type Form = "node" | "carrier" | "region" | "split" | "kind" | "number" | "text";
interface Field {
  name: string;
  form: Form;
  usual: string | number;
  optional?: boolean;
  inside?: string; // of which part of the difference it is a field
}
const inside = (part: string, fields: readonly [string, Form, string | number][]): Field[] =>
  fields.map(([name, form, usual]) => ({ name, form, usual, inside: part }));
/** At one site, at those of a kind, or at all. */
const AT: Field[] = [
  { name: "node", form: "node", usual: "", optional: true },
  { name: "kind", form: "kind", usual: "", optional: true },
];

/** What can be made otherwise, by the branch of the tree it stands on. */
const TREE: Record<string, Record<string, Field[]>> = {
  network: {
    close_node: [
      { name: "node", form: "node", usual: "" },
      { name: "stock_to", form: "node", usual: "", optional: true },
    ],
    add_node: [
      ...inside("node", [
        ["code", "text", "NEW1"], ["kind", "kind", "DC"], ["latitude", "number", 35.2], ["longitude", "number", 136.9],
        ["cut_off_minute", "number", 960], ["pickers", "number", 4], ["picker_minor", "number", 1800], ["robots", "number", 0],
        ["handling_minor", "number", 20], ["packing_minor", "number", 60],
      ]),
      { name: "stock_share", form: "number", usual: 0.2 },
    ],
    capacity: [...AT, { name: "units_per_day", form: "number", usual: 500 }],
    cut_off: [
      ...AT,
      { name: "minute", form: "number", usual: 960 },
    ],
  },
  carriers: {
    rates: [
      { name: "carrier", form: "carrier", usual: "" },
      { name: "factor", form: "number", usual: 1.1 },
    ],
    drop_carrier: [{ name: "carrier", form: "carrier", usual: "" }],
    add_carrier: inside("carrier", [
      ["code", "text", "NEW"], ["parcel_minor", "number", 500], ["kg_minor", "number", 20], ["hundred_km_minor", "number", 40], ["km_per_day", "number", 600],
    ]),
  },
  people: {
    robots: [...AT, { name: "robots", form: "number", usual: 10 }],
    labour: [
      ...AT,
      { name: "pickers", form: "number", usual: 6 },
      { name: "picker_minor", form: "number", usual: 1800, optional: true },
    ],
  },
  stock: {
    stock_policy: [...AT, { name: "factor", form: "number", usual: 1.2 }],
  },
  demand: {
    demand: [
      { name: "region", form: "region", usual: "", optional: true },
      { name: "factor", form: "number", usual: 2 },
    ],
  },
  rules: {
    split_policy: [
      { name: "split", form: "split", usual: "", optional: true },
      { name: "split_minor", form: "number", usual: 300, optional: true },
    ],
    promise: [{ name: "days", form: "number", usual: 1 }],
  },
};
const FIELDS = Object.assign({}, ...Object.values(TREE)) as Record<string, Field[]>;

const draft = signal<Patch[]>([]);
const checked = signal<Checked | null>(null);
let of = "";

async function check(one: Scenario): Promise<void> {
  const body = { snapshot: one.snapshot_id, patches: draft.value, days: 3 };
  checked.value = await tried(() => post<Checked>("/planner/v1/scenarios:check", body, who()));
}

function change(one: Scenario, next: Patch[]): void {
  draft.value = next;
  void check(one);
}

async function save(one: Scenario, name: string, tags: string[]): Promise<void> {
  const body = { version: one.version, name, patches: draft.value, tags };
  if (!(await tried(() => post(`/planner/v1/scenarios/${one.id}:change`, body, who())))) return;
  said.value = t("plan.saved", { name });
  await readScenarios();
}

async function bring(one: Scenario, file: File): Promise<void> {
  const found = await tried(() => upload<Checked>(`/planner/v1/differences?snapshot=${one.snapshot_id}`, file));
  if (!found) return;
  draft.value = found.patches;
  checked.value = found;
}

export function Editor({ one }: { one: Scenario }) {
  if (of !== `${one.id} ${one.version}`) {
    of = `${one.id} ${one.version}`;
    draft.value = one.patches;
    checked.value = null;
  }
  const net = network.value;
  if (!net) return null;
  const faults = checked.value?.faults ?? [];
  return (
    <section class="box editing" data-editing={one.name}>
      <h2>{t("plan.editing", { name: one.name })}</h2>
      <nav aria-label={t("plan.tree")}>
        {Object.entries(TREE).map(([branch, kinds]) => (
          <div key={branch}>
            <h3>{word("plan_branch", branch)}</h3>
            {Object.keys(kinds).map((kind) => (
              <button key={kind} type="button" data-add={kind} onClick={() => change(one, [...draft.value, begun(kind, net)])}>
                + {word("plan_patch", kind)}
              </button>
            ))}
          </div>
        ))}
      </nav>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const given = new FormData(event.currentTarget);
          const tags = String(given.get("tags") ?? "").split(/[,、]/).map((tag) => tag.trim()).filter(Boolean);
          void save(one, String(given.get("called")), tags);
        }}
      >
        <div class="filters">
          <label>
            {t("plan.called")}
            <input name="called" required defaultValue={one.name} />
          </label>
          <label>
            {t("plan.tags")}
            <input name="tags" defaultValue={one.tags.join(", ")} />
          </label>
        </div>
        {draft.value.length === 0 && <p class="hint">{t("plan.as_base")}</p>}
        <ol class="differences">
          {draft.value.map((patch, at) => (
            <Difference
              key={at}
              patch={patch}
              net={net}
              fault={faults.find((fault) => fault.number === at)?.words ?? ""}
              put={(next) => change(one, draft.value.map((each, place) => (place === at ? next : each)))}
              drop={() => change(one, draft.value.filter((_, place) => place !== at))}
            />
          ))}
        </ol>
        {checked.value && faults.length === 0 && (
          <p class="fine" role="status">
            ✓ {t("plan.valid")} {checked.value.estimate_s !== null && t("plan.estimate", { s: number(checked.value.estimate_s) })}
          </p>
        )}
        <div class="acts">
          <button type="submit" class="main" data-act="save" disabled={faults.length > 0 || failure.value !== null}>
            {t("plan.save")}
          </button>
          <button type="button" data-act="csv" onClick={() => void tried(() => download(`/planner/v1/scenarios/${one.id}/differences.csv`, `${one.name}.csv`))}>
            CSV ↓
          </button>
          <button type="button" data-act="xlsx" onClick={() => void tried(() => download(`/planner/v1/scenarios/${one.id}/differences.xlsx`, `${one.name}.xlsx`))}>
            XLSX ↓
          </button>
          <label class="file">
            {t("plan.bring")}
            <input
              type="file"
              accept=".csv,.xlsx"
              onChange={(event) => {
                const file = event.currentTarget.files?.[0];
                if (file) void bring(one, file);
              }}
            />
          </label>
        </div>
      </form>
    </section>
  );
}

function begun(kind: string, net: Network): Patch {
  const made: Patch = { patch: kind };
  for (const field of FIELDS[kind] ?? []) {
    const first = field.name === "node" && !field.inside && kind !== "stock_policy"; // one site, until somebody says all
    if (field.optional && !first) continue;
    const usual = field.form === "node" ? (net.nodes[0]?.code ?? "") : field.form === "carrier" ? (net.carriers[0]?.code ?? "") : field.usual;
    Object.assign(made, given(made, field, usual));
  }
  return kind === "split_policy" ? { ...made, split_minor: 300 } : made;
}

/** The difference with another value of a field. */
function given(patch: Patch, { name, inside: part }: Field, value: unknown): Patch {
  return part ? { ...patch, [part]: { ...(patch[part] as object | undefined), [name]: value } } : { ...patch, [name]: value };
}

function valueOf(patch: Patch, { name, inside: part }: Field): unknown {
  return part ? (patch[part] as Record<string, unknown> | undefined)?.[name] : patch[name];
}

interface One {
  patch: Patch;
  net: Network;
  fault: string;
  put: (next: Patch) => void;
  drop: () => void;
}

function Difference({ patch, net, fault, put, drop }: One) {
  const fields = FIELDS[patch.patch] ?? [];
  return (
    <li data-patch={patch.patch} class={fault ? "wrong" : ""}>
      <b>{word("plan_patch", patch.patch)}</b>
      {fields.length === 0 && <code>{JSON.stringify(patch)}</code>}
      {fields.map((field) => (
        <label key={field.name}>
          {word("plan_field", field.name)}
          <Input field={field} value={valueOf(patch, field)} net={net} put={(value) => put(given(patch, field, value))} />
          {!field.inside && <Was patch={patch} name={field.name} net={net} />}
        </label>
      ))}
      <button type="button" data-act="drop" onClick={drop}>
        ✕ <span class="unseen">{t("plan.drop")}</span>
      </button>
      {fault && <p class="bad">✕ {fault}</p>}
    </li>
  );
}

function Input({ field, value, net, put }: { field: Field; value: unknown; net: Network; put: (value: unknown) => void }) {
  const { name, form, optional } = field;
  if (form === "number") {
    return (
      <input
        type="number"
        step="any"
        name={name}
        required={!optional}
        value={typeof value === "number" ? value : ""}
        onChange={(event) => put(event.currentTarget.value === "" ? null : event.currentTarget.valueAsNumber)}
      />
    );
  }
  if (form === "text") {
    return <input name={name} required value={String(value ?? "")} onChange={(event) => put(event.currentTarget.value.trim())} />;
  }
  const codes = form === "kind" ? ["DC", "FC", "STORE"] : form === "split" ? ["ANY", "WHOLE_LINES", "ONE_SITE"] : net[form === "node" ? "nodes" : form === "carrier" ? "carriers" : "regions"].map((each) => each.code);
  return (
    <select name={name} value={String(value ?? "")} onChange={(event) => put(event.currentTarget.value || null)}>
      {optional && <option value="">{t(form === "split" || name === "stock_to" ? "plan.none" : "plan.all")}</option>}
      {codes.map((code) => (
        <option key={code} value={code}>
          {form === "split" ? word("plan_split", code) : form === "kind" ? word("site_kind", code) : code}
        </option>
      ))}
    </select>
  );
}

/** What it is without the difference. */
function Was({ patch, name, net }: { patch: Patch; name: string; net: Network }) {
  const node = net.nodes.find((each) => each.code === patch["node"]);
  const known: Record<string, unknown> = {
    minute: node?.cut_off_minute,
    units_per_day: node ? (node.units_per_day ?? "∞") : undefined,
    robots: node?.robots,
    pickers: node?.pickers,
    picker_minor: node?.picker_minor,
    split_minor: net.rules["split_minor"],
    split: net.rules["split"],
    days: net.rules["promise_days"],
  };
  const was = known[name];
  return was === undefined ? null : <small>{t("plan.was", { value: String(was) })}</small>;
}
