import type { InProcess } from "./in-process.ts";
import type { Answer } from "./support.ts";

/** What a bad request must not do, and what its refusal must say. */
export interface Expectation {
  /** The request can only be refused, with this field named; "" where it is none. */
  readonly mustName?: string;
}

const MAX_REFUSAL_CHARACTERS = 1000;
const LIBRARY_WORDS = /Invalid (input|option|string|ISO)|, received|Too (small|big)|Unrecognized key/;
const INSIDES = /\.ts:\d|node:internal|\bat [A-Za-z.]+ \(|SQLITE|node_modules/;

/**
 * Sends a bad request and judges what came of it; undefined when all is well. Whatever was sent: no fault of the server, nothing written by what is
 * refused, nothing of the server's insides and little of the request in the answer, and no change to what every object inherits.
 */
export async function faultOf(
  app: Pick<InProcess, "writes" | "faults">,
  send: () => Promise<Answer>,
  { mustName }: Expectation = {},
): Promise<string | undefined> {
  const before = { writes: app.writes(), faults: app.faults.length };
  const answer = await send();
  const { status, text } = answer;
  const told = `${status} ${text.slice(0, 300)}`;
  if (status >= 500 || app.faults.length > before.faults) return `broke the server: ${told} ${app.faults.at(-1)}`;
  if (INSIDES.test(text)) return `told of its insides: ${told}`;
  if (LIBRARY_WORDS.test(text)) return `speaks as a library does: ${told}`;
  if ("polluted" in Object.prototype) return "changed the prototype of all objects";
  if (status < 400) return mustName === undefined ? undefined : `was accepted: ${told}`;
  if (app.writes() > before.writes) return `was refused, but has written: ${told}`;
  if (text.length > MAX_REFUSAL_CHARACTERS) return `was answered with ${text.length} characters: ${told}`;
  if (messageOf(answer) === undefined) return `is no refusal in the shape of its dialect: ${told}`;
  if (mustName === undefined) return undefined;
  return status === 400 && (mustName === "" || names(messageOf(answer)!, mustName))
    ? undefined
    : `did not name ${mustName}: ${told}`;
}

/** MLflow's `error_code` and `message`, or problem details. */
function messageOf({ json, status, headers }: Answer): string | undefined {
  if (/^[A-Z_]+$/.test(json?.error_code ?? "")) return json.message;
  const isProblem = headers["content-type"] === "application/problem+json" && json?.status === status;
  return isProblem ? json.detail : undefined;
}

/** `tags[0].key` is `'tags[0].key'` in MLflow's words, and `tags.0.key: …` in ours. */
function names(message: string, field: string): boolean {
  return (
    message.includes(`'${field}'`) ||
    message.includes(`'${field}.`) ||
    message.includes(`'${field}[`) ||
    message.startsWith(field.replace(/\[(\d+)\]/g, ".$1"))
  );
}
