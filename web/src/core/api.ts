/** Talking to the server: JSON in and out, problems (RFC 9457) as values with their code. */

import { tokenFor } from "./deskentry.ts";
import type { Params } from "./i18n.ts";

export class ApiError extends Error {
  readonly status: number; // 0: no answer at all
  readonly code: string;
  readonly facts: Params; // what the problem says of the situation, by name
  constructor(status: number, code: string, facts: Params = {}) {
    super(`${status} ${code}`);
    this.status = status;
    this.code = code;
    this.facts = facts;
  }
}

export interface Who {
  device: string;
  operator: string;
  token?: string; // of the one signed in, or of the device itself
}

async function fetched(path: string, init: RequestInit, timeout_ms = 10_000): Promise<Response> {
  let answer: Response;
  const token = tokenFor(path, init.headers);
  const told = token ? { headers: { ...init.headers, Authorization: `Bearer ${token}` } } : {};
  try {
    answer = await fetch(path, { ...init, ...told, signal: AbortSignal.timeout(timeout_ms) });
  } catch {
    throw new ApiError(0, "no_answer");
  }
  if (!answer.ok) {
    const problem = (await answer.json().catch(() => ({}))) as { code?: string } & Params;
    throw new ApiError(answer.status, problem.code ?? "unknown", problem);
  }
  return answer;
}

async function ask(path: string, init: RequestInit, timeout_ms?: number): Promise<unknown> {
  const answer = await fetched(path, init, timeout_ms);
  return answer.status === 204 ? null : answer.json();
}

const KEY = "soko.key";

/**
 * Where keys are asked for, a screen is opened with one once: /ui/#key=soko_... (it needs stock:read and orders:read).
 * In a frame of another site there is nothing to keep it in, and no need of one.
 */
function key(): Record<string, string> {
  try {
    const given = /^#key=(soko_\w+)$/.exec(location.hash)?.[1];
    if (given) {
      localStorage.setItem(KEY, given);
      history.replaceState(null, "", location.pathname + location.search); // not for the next one to read
    }
    const kept = given ?? localStorage.getItem(KEY);
    return kept ? { Authorization: `Bearer ${kept}` } : {};
  } catch {
    return {};
  }
}

/** Who asks, as headers. */
export function headers(who?: Who): Record<string, string> {
  if (!who) return key();
  const person = { "X-Soko-Device": who.device, "X-Soko-Operator": who.operator };
  return { ...person, ...(who.token ? { Authorization: `Bearer ${who.token}` } : key()) };
}

/** The JSON of a path; null when there is nothing (204). */
export async function get<T>(path: string, who?: Who): Promise<T> {
  return (await ask(path, { headers: headers(who) })) as T;
}

export async function post<T>(path: string, body: unknown, who?: Who): Promise<T> {
  return await send("POST", path, body, who);
}

export async function put<T>(path: string, body: unknown, who?: Who): Promise<T> {
  return await send("PUT", path, body, who);
}

/** Bytes as they are, such as a picture. */
export async function putBytes(path: string, body: ArrayBuffer, type: string, who?: Who): Promise<void> {
  await ask(path, { method: "PUT", headers: { "Content-Type": type, ...headers(who) }, body });
}

const SLOW_MS = 120_000; // a large file on a slow line

/** A file as it is; the JSON of the answer. */
export async function upload<T>(path: string, file: Blob): Promise<T> {
  const told = { "Content-Type": "application/octet-stream", ...headers() };
  return (await ask(path, { method: "POST", headers: told, body: file }, SLOW_MS)) as T;
}

/** A file of the server, given to the person as a download. */
export async function download(path: string, name: string, body?: unknown): Promise<void> {
  const posted = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  const json = body === undefined ? {} : { "Content-Type": "application/json" };
  const answer = await fetched(path, { ...posted, headers: { ...json, ...headers() } }, SLOW_MS);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

async function send<T>(method: "POST" | "PUT", path: string, body: unknown, who?: Who): Promise<T> {
  return (await ask(path, {
    method,
    headers: { "Content-Type": "application/json", ...headers(who) },
    body: JSON.stringify(body),
  })) as T;
}
