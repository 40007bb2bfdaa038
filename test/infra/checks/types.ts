import type { Fault } from "../bicep/files.ts";
import { DESCRIPTIONS, type Description, type ObjectType, type Property, type UnionType } from "../bicep/types.ts";
import { type Place, plain, type Resource, type Value } from "../bicep/values.ts";
import { distinct, fault, type Infra } from "../infra.ts";

/** What stands in a resource's braces for Bicep itself. */
const BICEP_KEYS = new Set(["parent", "scope", "dependsOn"]);

/** What neither Microsoft's program nor the compiler knows; its body is not checked. */
export const UNCHECKED: Readonly<Record<string, string>> = {
  "Microsoft.Web/sites/extensions": "the description lacks onedeploy",
};

/** Every body against the description of its type: names, required and read-only properties, enumerations, primitive types, patterns. */
export function typeFaults(infra: Infra): Fault[] {
  const resources = [...infra.deployments.values()].flatMap((it) => it.resources);
  return distinct(resources.flatMap(checkResource));
}

function checkResource(resource: Resource): Fault[] {
  if (UNCHECKED[resource.type]) return [];
  const description = DESCRIPTIONS[resource.typeAndVersion];
  if (!description) {
    const known = Object.keys(DESCRIPTIONS).filter((it) => it.startsWith(`${resource.type}@`));
    const hint = known.length > 0 ? `the described version is ${known}` : "run test/infra/types/collect.mjs";
    return [fault(resource.at, `${resource.typeAndVersion} is not described: ${hint}.`)];
  }
  if (resource.existing) return [];
  const own = new Map([...resource.body].filter(([key]) => !BICEP_KEYS.has(key)));
  const body: Value = { kind: "object", entries: own, at: resource.at };
  return checkBody(body, description.body, description, resource.typeAndVersion);
}

function checkBody(value: Value, type: ObjectType | UnionType, description: Description, path: string): Fault[] {
  if (value.kind !== "object") return [fault(value.at, `${path}: an object is expected, not a ${value.kind}.`)];
  const chosen = "cases" in type ? chooseCase(value.entries, type) : type;
  if (!chosen) {
    const on = (type as UnionType).on;
    return [fault(value.at, `${path}: no case for ${on} = ${JSON.stringify(plainOf(value.entries.get(on)))}.`)];
  }
  const faults = [...value.entries].flatMap(([name, entry]) => {
    const property = chosen.properties[name];
    if (property) return checkProperty(entry, property, description, `${path}.${name}`);
    if (chosen.rest) return checkType(entry, chosen.rest, description, `${path}.${name}`);
    return [fault(entry.key ?? entry.at, `${path} has no ${name}.`)];
  });
  for (const [name, { required }] of Object.entries(chosen.properties)) {
    if (required && !value.entries.has(name)) faults.push(fault(value.at, `${path} needs ${name}.`));
  }
  return faults;
}

function chooseCase(entries: ReadonlyMap<string, Value>, { on, base, cases }: UnionType): ObjectType | undefined {
  const wanted = plainOf(entries.get(on));
  const found = cases.find((it) => it.properties[on]?.type === wanted);
  return found && { ...found, properties: { ...base, ...found.properties } };
}

const plainOf = (value: Value | undefined) => value && plain(value);

function checkProperty(value: Value, property: Property, description: Description, path: string): Fault[] {
  const place = value.key ?? value.at;
  if (property.readOnly) return [fault(place, `${path} is read-only.`)];
  if (value.kind === "null") return property.required ? [fault(place, `${path} may not be null.`)] : [];
  const faults = checkType(value, property.type, description, path);
  return faults.length > 0 ? faults : checkModifiers(value, property.modifiers ?? "", path);
}

function checkType(value: Value, type: string, description: Description, path: string): Fault[] {
  if (value.kind === "runtime" || type === "any") return [];
  if (type.endsWith("[]")) {
    if (value.kind !== "list") return [wrong(value, path, "a list")];
    return value.items.flatMap((item, index) => checkType(item, type.slice(0, -2), description, `${path}[${index}]`));
  }
  const named = description.types[type];
  if (named) return checkBody(value, named, description, path);
  const expected = PRIMITIVES[type];
  if (expected) return value.kind === expected ? [] : [wrong(value, path, `a ${type}`)];
  return checkLiteral(value, type, path);
}

const PRIMITIVES: Record<string, Value["kind"]> = {
  string: "text",
  int: "number",
  bool: "bool",
  object: "object",
  array: "list",
};

function checkLiteral(value: Value, type: string, path: string): Fault[] {
  const allowed = type.split(" | ");
  if (value.kind !== "text") return [wrong(value, path, `one of ${type}`)];
  // An open enumeration takes any text; the described ones are what the service is known to take.
  const isKnown = allowed.includes(value.text);
  return isKnown || !value.exact || (allowed.includes("string") && isName(path))
    ? []
    : [wrong(value, path, `one of ${type}`)];
}

/** `default | string`: names are open, settings are not. */
const isName = (path: string) => path.endsWith(".name");

function checkModifiers(value: Value, modifiers: string, path: string): Fault[] {
  if (value.kind !== "text" || !value.exact) return value.kind === "number" ? checkRange(value, modifiers, path) : [];
  const pattern = /pattern: (.*)$/.exec(modifiers)?.[1];
  const [min, max] = ["minLength", "maxLength"].map((name) => limit(modifiers, name));
  const { length } = value.text;
  if (pattern && !new RegExp(pattern).test(value.text)) return [wrong(value, path, `a text like ${pattern}`)];
  if (length < (min ?? 0) || length > (max ?? length))
    return [wrong(value, path, `a text of ${min ?? 0} to ${max} characters`)];
  return [];
}

function checkRange(value: Value & { kind: "number" }, modifiers: string, path: string): Fault[] {
  const [min = -Infinity, max = Infinity] = ["minValue", "maxValue"].map((name) => limit(modifiers, name));
  return value.number < min || value.number > max ? [wrong(value, path, `a number from ${min} to ${max}`)] : [];
}

function limit(modifiers: string, name: string): number | undefined {
  const found = new RegExp(`${name}: (-?\\d+)`).exec(modifiers)?.[1];
  return found === undefined ? undefined : Number(found);
}

function wrong(value: Value, path: string, expected: string): Fault {
  const place: Place = value.at;
  return fault(place, `${path} is ${JSON.stringify(plain(value))}; expected is ${expected}.`);
}
