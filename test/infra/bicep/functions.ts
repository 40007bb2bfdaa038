import { createHash } from "node:crypto";
import { type Place, plain, type Value } from "./values.ts";

/** A group and a subscription to deploy to. */
export const SUBSCRIPTION = "/subscriptions/00000000-0000-4000-8000-000000000001";
export const GROUP = `${SUBSCRIPTION}/resourceGroups/rg-test`;

/** When and where a template is deployed. */
export interface World {
  /** What `utcNow('yyyy-MM-01')` gives. */
  readonly month: string;
  /** Of the group. */
  readonly tags: Readonly<Record<string, string>>;
}

export const FIRST_MONTH: World = { month: "2026-11-01", tags: {} };

type Function = (place: Place, ...args: Value[]) => Value;

const hash = (values: readonly Value[]) =>
  createHash("sha256")
    .update(JSON.stringify(values.map(plain)))
    .digest("hex");

const text = (place: Place, value: string, exact = true): Value => ({ kind: "text", text: value, exact, at: place });
const bool = (place: Place, is: boolean): Value => ({ kind: "bool", is, at: place });

/** As text inside a text; what is known only when deployed in `<>`. */
export function asText(value: Value): { text: string; exact: boolean } {
  if (value.kind === "text") return value;
  const shown = plain(value);
  return { text: typeof shown === "string" ? shown : JSON.stringify(shown), exact: value.kind !== "runtime" };
}

function object(place: Place, entries: Record<string, Value>): Value {
  return { kind: "object", entries: new Map(Object.entries(entries)), at: place };
}

function isEmpty(value: Value): boolean {
  if (value.kind === "text") return value.text === "";
  if (value.kind === "list") return value.items.length === 0;
  if (value.kind === "object") return value.entries.size === 0;
  return value.kind === "null";
}

function guid(values: readonly Value[]): string {
  return hash(values).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, "$1-$2-$3-$4-$5");
}

/** The functions that infra/ uses. Names that Bicep derives from hashes come out otherwise than in Azure, but as long. */
export const functionsIn = ({ month, tags }: World): Readonly<Record<string, Function>> => ({
  empty: (place, value) => bool(place, isEmpty(value!)),
  toLower: (place, value) => text(place, asText(value!).text.toLowerCase(), asText(value!).exact),
  string: (place, value) => text(place, asText(value!).text, asText(value!).exact),
  uniqueString: (place, ...values) => text(place, hash(values).slice(0, 13).replace(/^\d/, "a")),
  guid: (place, ...values) => text(place, guid(values)),
  union: (place, ...values) =>
    object(
      place,
      Object.assign({}, ...values.map((it) => (it.kind === "object" ? Object.fromEntries(it.entries) : {}))),
    ),
  resourceGroup: (place) => {
    // A group that nobody tagged says nothing of tags.
    const tagged = Object.entries(tags).map(([name, value]) => [name, text(place, value)] as const);
    const own: Record<string, Value> = tagged.length > 0 ? { tags: object(place, Object.fromEntries(tagged)) } : {};
    return object(place, { id: text(place, GROUP), location: text(place, "westeurope"), ...own });
  },
  tenant: (place) => object(place, { tenantId: text(place, "00000000-0000-4000-8000-000000000002") }),
  environment: (place) =>
    object(place, {
      name: text(place, "AzureCloud"),
      authentication: object(place, { loginEndpoint: text(place, "https://login.microsoftonline.com/") }),
      suffixes: object(place, {
        storage: text(place, "core.windows.net"),
        keyvaultDns: text(place, ".vault.azure.net"),
      }),
    }),
  subscriptionResourceId: (place, type, name) =>
    text(place, `${SUBSCRIPTION}/providers/${asText(type!).text}/${asText(name!).text}`, asText(name!).exact),
  utcNow: (place) => text(place, month),
  fail: (place, reason) => ({ kind: "runtime", text: `fails: ${asText(reason!).text}`, at: place }),
  replace: (place, where, what, by) =>
    text(place, asText(where!).text.replaceAll(asText(what!).text, asText(by!).text), asText(where!).exact),
  readEnvironmentVariable: (place, name) => text(place, `${asText(name!).text.toLowerCase()}-of-the-environment`),
  cidrSubnet: (place, range, size, index) =>
    text(place, `${asText(range!).text}/${asText(size!).text}#${asText(index!).text}`),
});
