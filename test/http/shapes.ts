import * as z from "zod/mini";
import { bool, double, int64, integer, type Message, string } from "../../shared/mlflow/message.ts";
import type { MlflowRoute } from "../../shared/mlflow/route.ts";
import type { RestRoute } from "../../shared/rest/route.ts";

/** What a field of a request may be, whichever dialect it is of. */
export interface Shape {
  readonly kind: "text" | "integer" | "long" | "number" | "boolean" | "enum" | "list" | "object" | "anything";
  /** Of a list. */
  readonly element?: Shape;
  /** Of an object. */
  readonly fields?: Fields;
}

export interface Field extends Shape {
  readonly required: boolean;
  /** Required, and an empty text is as good as none. */
  readonly refusesEmpty: boolean;
}

export type Fields = Readonly<Record<string, Field>>;

export function mlflowFields({ request }: MlflowRoute): Fields {
  return request ? fieldsOf(request) : {};
}

function fieldsOf(message: Message<unknown>): Fields {
  return Object.fromEntries(
    Object.entries(message.fields).map(([name, { decode, required, fallback }]) => [
      name,
      { ...shapeOf(decode), required, refusesEmpty: required && fallback === undefined },
    ]),
  );
}

function shapeOf(decode: object): Shape {
  if (decode === string) return { kind: "text" };
  if (decode === integer) return { kind: "integer" };
  if (decode === int64) return { kind: "long" };
  if (decode === double) return { kind: "number" };
  if (decode === bool) return { kind: "boolean" };
  if ("names" in decode) return { kind: "enum" };
  if ("element" in decode) return { kind: "list", element: shapeOf(decode.element as object) };
  if ("fields" in decode) return { kind: "object", fields: fieldsOf(decode as Message<unknown>) };
  return { kind: "anything" };
}

export function restFields(schema: RestRoute["body"] | RestRoute["query"]): Fields {
  return schema ? (jsonShape(z.toJSONSchema(schema, { io: "input" }) as JsonSchema).fields ?? {}) : {};
}

interface JsonSchema {
  readonly $ref?: string;
  readonly $defs?: Record<string, JsonSchema>;
  readonly type?: string;
  readonly enum?: unknown;
  readonly const?: unknown;
  readonly properties?: Record<string, JsonSchema>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
}

function jsonShape(schema: JsonSchema, defs = schema.$defs ?? {}): Shape {
  const { $ref, type, properties, required = [], items } = schema;
  if ($ref) return jsonShape(defs[$ref.replace("#/$defs/", "")]!, defs);
  if (schema.enum || schema.const) return { kind: "enum" };
  if (type === "string") return { kind: "text" };
  if (type === "integer" || type === "number" || type === "boolean") return { kind: type };
  if (type === "array") return { kind: "list", element: items && jsonShape(items, defs) };
  if (!properties) return { kind: "anything" };
  const fields = Object.entries(properties).map(([name, member]) => {
    return [name, { ...jsonShape(member, defs), required: required.includes(name), refusesEmpty: false }] as const;
  });
  return { kind: "object", fields: Object.fromEntries(fields) };
}
