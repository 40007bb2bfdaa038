import { WorkspaceError } from "../domain/errors.ts";
import { type Int64, int64Json, int64Of } from "../domain/int64.ts";
import { cut, invalidValue, missingValue } from "../domain/validation.ts";
import { requireModestJson } from "../http/body.ts";

/** Turns one JSON value (or text of a query string) into a field of a request; throws a FieldError. */
type Decoder<T> = (value: unknown) => T;

/** A wrong field; enclosing messages put their part of the path in front. */
class FieldError extends Error {
  path: string;
  readonly value: unknown;
  readonly hint: string | undefined;

  constructor(value: unknown, hint?: string) {
    super("field");
    this.path = "";
    this.value = value;
    this.hint = hint;
  }

  within(part: string): this {
    this.path = this.path === "" || this.path.startsWith("[") ? part + this.path : `${part}.${this.path}`;
    return this;
  }
}

/** The number was read from JSON, whose ordinary parser has rounded it: the text may say one that is acceptable. */
class InexactError extends FieldError {}

const MISSING = Symbol("missing");

export const string: Decoder<string> = (value) => {
  if (typeof value === "string") {
    if (value.isWellFormed()) return value;
    throw new FieldError(value.toWellFormed(), "The text is not valid Unicode.");
  }
  throw wrongType(value);
};

/** A step or a time: any whole number of 64 bits. */
export const int64: Decoder<Int64> = (value) => {
  if (typeof value === "number" && Number.isSafeInteger(value)) return value === 0 ? 0 : value;
  const whole = typeof value === "string" ? /^\s*(-?\d+)(?:\.0*)?\s*$/.exec(value)?.[1] : value;
  if (typeof whole === "number" && Number.isInteger(whole)) throw new InexactError(value, INT64_RANGE);
  if (typeof whole !== "bigint" && typeof whole !== "string") throw wrongType(value);
  const exact = String(whole).length > MAX_DIGITS ? undefined : int64Of(BigInt(whole));
  if (exact === undefined) throw new FieldError(value, INT64_RANGE);
  return exact === 0 ? 0 : exact;
};

/** A number of things, a place in an order: a whole number that is exact as such. */
export const integer: Decoder<number> = (value) => {
  const number = typeof value === "string" && /^\s*-?\d+(\.0*)?\s*$/.test(value) ? Number(value) : value;
  if (typeof number === "bigint") throw new FieldError(value, INTEGER_RANGE);
  if (typeof number !== "number" || !Number.isInteger(number)) throw wrongType(value);
  if (Number.isSafeInteger(number)) return number === 0 ? 0 : number;
  throw new FieldError(value, INTEGER_RANGE);
};

/** Making a bigint of a text takes longer than its length says. */
const MAX_DIGITS = 100;
const INT64_RANGE = "Whole numbers from -9223372036854775808 to 9223372036854775807 are accepted.";
const INTEGER_RANGE = "Whole numbers from -9007199254740991 to 9007199254740991 are accepted.";

export const double: Decoder<number> = (value) => {
  if (typeof value === "bigint") return Number(value);
  if (typeof value === "number") return value === 0 ? 0 : value;
  if (typeof value !== "string") throw wrongType(value);
  const text = value.trim();
  if (/^[+-]?(inf|infinity)$/i.test(text)) {
    return text.startsWith("-") ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }
  if (/^nan$/i.test(text)) return Number.NaN;
  if (!DECIMAL.test(text)) throw wrongType(value);
  return Number(text);
};

/** Number() would also take hexadecimal, octal and binary ones. */
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

/** Clients send the versions of models as text; numbers do too. */
export const versionText: Decoder<string> = (value) => (typeof value === "number" ? String(value) : string(value));

export const bool: Decoder<boolean> = (value) => {
  if (typeof value === "boolean") return value;
  if (typeof value === "string" && /^(true|false)$/i.test(value)) return value.toLowerCase() === "true";
  throw wrongType(value);
};

/** An object whose members somebody else knows. */
export const object: Decoder<Readonly<Record<string, unknown>>> = (value) => {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw wrongType(value);
};

/** A name out of a fixed list, or the number it has in protobuf, which may be text too. */
export function enumeration<T extends string>(
  names: readonly T[],
  firstNumber = 1,
): Decoder<T> & { names: readonly T[] } {
  const decode: Decoder<T> = (value) => {
    if (names.includes(value as T)) return value as T;
    const isNumber = typeof value === "number" || (typeof value === "string" && /^\s*\d{1,9}\s*$/.test(value));
    const byNumber = isNumber ? names[Number(value) - firstNumber] : undefined;
    if (byNumber !== undefined) return byNumber;
    throw new FieldError(value, `Accepted are ${names.join(", ")}.`);
  };
  return Object.assign(decode, { names });
}

export function list<T>(element: Decoder<T>): Decoder<T[]> & { element: Decoder<T> } {
  const decode: Decoder<T[]> = (value) => {
    if (!Array.isArray(value)) throw wrongType(value);
    const result: T[] = new Array(value.length);
    for (let i = 0; i < value.length; i++) {
      try {
        result[i] = element(value[i]);
      } catch (error) {
        throw error instanceof FieldError ? error.within(`[${i}]`) : error;
      }
    }
    return result;
  };
  return Object.assign(decode, { element });
}

interface Field<T> {
  readonly decode: Decoder<T>;
  readonly required: boolean;
  readonly fallback?: T;
}

/** Must be there, and not be an empty text. */
export const required = <T>(decode: Decoder<T>): Field<T> => ({ decode, required: true });
/** Must be there, empty or not. */
export const present = <T>(decode: Decoder<T>): Field<T> => ({
  decode,
  required: true,
  fallback: MISSING as never,
});
export const optional = <T>(decode: Decoder<T>): Field<T | undefined> => ({ decode, required: false });
export const withDefault = <T>(decode: Decoder<T>, fallback: T): Field<T> => ({ decode, required: false, fallback });

export type Fields = Record<string, Field<unknown>>;
export type Decoded<F extends Fields> = { [K in keyof F]: F[K] extends Field<infer T> ? T : never };

export interface Message<T> {
  (value: unknown): T;
  readonly fields: Fields;
}

/**
 * A request message in protobuf's JSON form: names in snake_case or camelCase (not both at once), null means absent, unknown fields are ignored.
 */
export function message<F extends Fields>(fields: F): Message<Decoded<F>> {
  const names = Object.keys(fields);
  const definitions = names.map((name) => fields[name]!);
  const positions = new Map<string, number>();
  for (const [i, name] of names.entries()) positions.set(name, i).set(camelCase(name), i);

  const decode = (value: unknown): Decoded<F> => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrongType(value);
    const given = new Array<unknown>(names.length);
    for (const key in value) {
      const position = positions.get(key);
      if (position === undefined) continue;
      if (given[position] !== undefined) throw new FieldError(key, SPELLED_TWICE).within(names[position]!);
      given[position] = (value as Record<string, unknown>)[key] ?? undefined;
    }
    const result: Record<string, unknown> = {};
    for (let i = 0; i < names.length; i++) {
      const field = definitions[i]!;
      const member = given[i];
      if (member === undefined || (member === "" && field.required && field.fallback === undefined)) {
        if (field.required) throw new FieldError(MISSING).within(names[i]!);
        result[names[i]!] = field.fallback;
        continue;
      }
      try {
        result[names[i]!] = field.decode(member);
      } catch (error) {
        throw error instanceof FieldError ? error.within(names[i]!) : error;
      }
    }
    return result as Decoded<F>;
  };
  return Object.assign(decode, { fields });
}

const SPELLED_TWICE = "The field is given twice, in two spellings.";

/**
 * Decodes a whole request.
 * @throws InvalidParameter in MLflow's words, naming the path, the value and its type
 */
export function decodeRequest<T>(schema: Message<T>, body: unknown): T {
  try {
    return schema(body);
  } catch (error) {
    throw refusalOf(error);
  }
}

/**
 * Decodes a JSON body. One with whole numbers that a JavaScript number cannot hold is parsed a second time, exactly; others pay nothing for that.
 * @throws InvalidParameter as `decodeRequest` does, and for what is no JSON
 */
export function decodeBody<T>(schema: Message<T>, text: string): T {
  const body = parseBody(text);
  try {
    return schema(body);
  } catch (error) {
    if (error instanceof InexactError) return decodeRequest(schema, parseBody(text, exactIntegers));
    throw refusalOf(error);
  }
}

function refusalOf(error: unknown): unknown {
  if (!(error instanceof FieldError)) return error;
  const { path, value, hint } = error;
  if (value === MISSING) return missingValue(path);
  return invalidValue(path || "request", shallow(value), hint);
}

/** For `JSON.parse`: bigints where numbers would be rounded. */
function exactIntegers(_: string, value: unknown, { source }: { source?: string } = {}): unknown {
  if (typeof value !== "number" || !Number.isInteger(value) || Number.isSafeInteger(value)) return value;
  return BigInt(source !== undefined && /^-?\d+$/.test(source) ? source : value);
}

const SHOWN_LEVELS = 4;
const SHOWN_MEMBERS = 20;

/** The part of a value that fits into a message: what is nested thousands of levels deep cannot be written out at all. */
function shallow(value: unknown, levels = SHOWN_LEVELS): unknown {
  if (typeof value === "bigint") return int64Json(value);
  if (typeof value !== "object" || value === null) return value;
  if (levels === 0) return "…";
  if (Array.isArray(value)) return value.slice(0, SHOWN_MEMBERS).map((member) => shallow(member, levels - 1));
  const members = Object.entries(value).slice(0, SHOWN_MEMBERS);
  return Object.fromEntries(members.map(([key, member]) => [key, shallow(member, levels - 1)]));
}

/**
 * A query string as the object that its fields would be in a body: repeated fields become lists.
 * @throws InvalidParameter when a field that is no list is given twice
 */
export function queryObject(schema: Message<unknown>, query: URLSearchParams): Record<string, unknown> {
  const result: Record<string, unknown> = Object.create(null);
  for (const key of new Set(query.keys())) {
    const name = Object.hasOwn(schema.fields, key) ? key : snakeCase(key);
    if (!Object.hasOwn(schema.fields, name)) continue;
    const values = query.getAll(key);
    if ("element" in schema.fields[name]!.decode) result[key] = values;
    else if (values.length === 1) result[key] = values[0];
    else throw invalidValue(name, values, "The field is given more than once.");
  }
  return result;
}

function wrongType(value: unknown): FieldError {
  return new FieldError(
    value,
    `Hint: Value was of type '${pythonType(value)}'. See the API docs for more information about request parameters.`,
  );
}

function pythonType(value: unknown): string {
  if (value === null || value === undefined) return "NoneType";
  if (typeof value === "string") return "str";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "bigint") return "int";
  if (typeof value === "number") return Number.isInteger(value) ? "int" : "float";
  return Array.isArray(value) ? "list" : "dict";
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

type Reviver = (key: string, value: unknown) => unknown;

/** Parses a JSON body; text that is itself JSON (double encoding) is parsed twice, an empty body is `{}`. */
function parseBody(text: string, reviver?: Reviver): unknown {
  if (text === "") return {};
  try {
    const value: unknown = JSON.parse(text, reviver);
    return typeof value === "string" ? JSON.parse(requireModestJson(value), reviver) : value;
  } catch (error) {
    if (error instanceof WorkspaceError) throw error;
    throw new WorkspaceError(
      "InvalidParameter",
      `The request body is not valid JSON: ${cut((error as Error).message)}`,
    );
  }
}
