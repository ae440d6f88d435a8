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
type Form = "node" | "carrier" | "region" | "split" | "number";
interface Field {
  name: string;
  form: Form;
  usual: string | number;
  optional?: boolean;
}

/** What can be made otherwise, by the branch of the tree it stands on. */
const TREE: Record<string, Record<string, Field[]>> = {
  network: {
    close_node: [
      { name: "node", form: "node", usual: "" },
      { name: "stock_to", form: "node", usual: "", optional: true },
    ],
    capacity: [
      { name: "node", form: "node", usual: "" },
      { name: "units_per_day", form: "number", usual: 500 },
    ],
    cut_off: [
      { name: "node", form: "node", usual: "" },
      { name: "minute", form: "number", usual: 960 },
    ],
  },
  carriers: {
    rates: [
      { name: "carrier", form: "carrier", usual: "" },
      { name: "factor", form: "number", usual: 1.1 },
    ],
    drop_carrier: [{ name: "carrier", form: "carrier", usual: "" }],
  },
  people: {
    robots: [
      { name: "node", form: "node", usual: "" },
      { name: "robots", form: "number", usual: 10 },
    ],
    labour: [
      { name: "node", form: "node", usual: "" },
      { name: "pickers", form: "number", usual: 6 },
    ],
  },
  stock: {
    stock_policy: [
      { name: "node", form: "node", usual: "", optional: true },
      { name: "factor", form: "number", usual: 1.2 },
    ],
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
  for (const { name, form, usual, optional } of FIELDS[kind] ?? []) {
    if (optional) continue;
    made[name] = form === "node" ? (net.nodes[0]?.code ?? "") : form === "carrier" ? (net.carriers[0]?.code ?? "") : usual;
  }
  return kind === "split_policy" ? { ...made, split_minor: 300 } : made;
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
          <Input field={field} value={patch[field.name]} net={net} put={(value) => put({ ...patch, [field.name]: value })} />
          <Was patch={patch} name={field.name} net={net} />
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
  const codes = form === "split" ? ["ANY", "WHOLE_LINES", "ONE_SITE"] : net[form === "node" ? "nodes" : form === "carrier" ? "carriers" : "regions"].map((each) => each.code);
  return (
    <select name={name} value={String(value ?? "")} onChange={(event) => put(event.currentTarget.value || null)}>
      {optional && <option value="">{t(form === "split" || name === "stock_to" ? "plan.none" : "plan.all")}</option>}
      {codes.map((code) => (
        <option key={code} value={code}>
          {form === "split" ? word("plan_split", code) : code}
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
    split_minor: net.rules["split_minor"],
    split: net.rules["split"],
    days: net.rules["promise_days"],
  };
  const was = known[name];
  return was === undefined ? null : <small>{t("plan.was", { value: String(was) })}</small>;
}
