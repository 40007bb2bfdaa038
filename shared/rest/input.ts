import type * as z from "zod/mini";
import { invalid, notFound } from "../domain/errors.ts";
import { cut } from "../domain/validation.ts";
import { readText } from "../http/body.ts";
import type { Caller } from "../http/callers.ts";
import type { AppRequest } from "../http/types.ts";
import { decodePart } from "../http/url.ts";
import type { Parameter } from "./parameters.ts";
import { faultInWords } from "./validation-words.ts";

export type ObjectSchema<T> = z.ZodMiniType<T> & { readonly shape: Readonly<Record<string, z.ZodMiniType>> };

/**
 * The parts of the path, decoded.
 * @throws InvalidParameter for what cannot be a name that callers choose; NotFound for what can be no name or id of ours
 */
export function readParameters(
  parameters: Readonly<Record<string, Parameter>>,
  parts: Readonly<Record<string, string>>,
): Record<string, string> {
  const read = Object.entries(parameters).map(([name, it]) => [name, readParameter(name, it, parts[name] ?? "")]);
  return Object.fromEntries(read);
}

function readParameter(name: string, { schema, rule }: Parameter, part: string): string {
  const value = decodePart(part);
  if (schema.safeParse(value).success) return value;
  if (rule) throw invalid(`'${name}' must be ${rule}, not "${cut(value)}".`);
  throw notFound(`Nothing has the ${name} '${cut(value)}'.`);
}

/**
 * The body; nothing sent is an object without members.
 * @throws InvalidParameter, TooLarge
 */
export async function readJson<T>(schema: z.ZodMiniType<T>, request: AppRequest, caller: Caller): Promise<T> {
  const text = await readText(request, caller);
  if (text !== "") requireJson(request);
  const value = validate(schema, text === "" ? {} : parseJson(text), "body");
  requireUnicode(value, "body");
  return value;
}

/**
 * The query as the schema wants it: numbers and truth values of their texts, lists of repetitions.
 * @throws InvalidParameter, for a parameter that is no list and given twice too
 */
export function readQuery<T>(schema: ObjectSchema<T>, query: string): T {
  const given = Map.groupBy(new URLSearchParams(query), ([name]) => name);
  const values = [...given].map(([name, pairs]) => {
    const texts = pairs.map(([, text]) => text);
    return [name, typed(name, schema.shape[name], texts)] as const;
  });
  return validate(schema, Object.fromEntries(values), "query");
}

function typed(name: string, schema: z.ZodMiniType | undefined, texts: readonly string[]): unknown {
  const type = schema && innermost(schema)._zod.def.type;
  if (type === "array") return texts;
  if (texts.length > 1) throw invalid(`${cut(name)}: given more than once`);
  const [text = ""] = texts;
  if (type === "number" && /^-?\d{1,16}(\.\d{1,16})?$/.test(text)) return Number(text);
  if (type === "boolean" && (text === "true" || text === "false")) return text === "true";
  return text;
}

/** Below `optional` and defaults. */
function innermost(schema: z.ZodMiniType): z.ZodMiniType {
  const { innerType } = schema._zod.def as { innerType?: z.ZodMiniType };
  return innerType ? innermost(innerType) : schema;
}

function validate<T>(schema: z.ZodMiniType<T>, value: unknown, whole: string): T {
  const parsed = schema.safeParse(value, { error: faultInWords });
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.slice(0, SHOWN_FAULTS);
  throw invalid(cut(faults.map(({ path, message }) => `${cut(path.join(".")) || whole}: ${message}`).join("; ")));
}

const SHOWN_FAULTS = 5;

/** No store keeps half a character. What has passed its schema is as deep as that at most. */
function requireUnicode(value: unknown, path: string): void {
  if (typeof value === "string" && !value.isWellFormed()) throw invalid(`${path}: The text is not valid Unicode.`);
  if (typeof value !== "object" || value === null) return;
  for (const [key, member] of Object.entries(value)) {
    requireUnicode(key, path);
    requireUnicode(member, path === "body" ? key : `${path}.${key}`);
  }
}

function requireJson(request: AppRequest): void {
  const mediaType = /^[^;]*/.exec(request.headers.get("content-type") ?? "")![0];
  if (mediaType.trim().toLowerCase() !== "application/json") throw invalid("Content-Type must be application/json.");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalid("The request body is not valid JSON.");
  }
}
