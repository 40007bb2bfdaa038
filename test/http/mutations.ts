import type { Field, Fields, Shape } from "./shapes.ts";
import type { Input } from "./support.ts";

/** JSON that no value makes: `1e400`, `-0`, a key `__proto__`. */
class Raw {
  readonly json: string;

  constructor(json: string) {
    this.json = json;
  }
}

const raw = (json: string): Raw => new Raw(json);

export interface Mutation {
  readonly title: string;
  /** As a refusal names it: `tags[0].key`. */
  readonly field: string;
  /** Whether it can only be refused, for this field. Else it may be accepted, but must break nothing. */
  readonly mustFail: boolean;
  readonly input: Input;
}

/** How a value may be written: a query has texts only, and is no longer than a line. */
export type Place = "body" | "query";

const LONE_SURROGATE = "\ud800";
const DEEP = raw("[".repeat(1000) + "]".repeat(1000));
const POLLUTING = raw('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}');
const NO_TEXT = [[["x"]], { a: 1 }, DEEP, POLLUTING];
const NO_INTEGER = [
  "x",
  "",
  "1.5",
  "1e3",
  "0x10",
  "NaN",
  "Infinity",
  true,
  1.5,
  LONE_SURROGATE,
  raw("1e400"),
  raw("-1e400"),
  1e19,
  ...NO_TEXT,
];
const WHOLE = [-1, 0, raw("-0"), raw("1e2"), Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER, "-1"];

/** What cannot be a value of the kind. */
const WRONG: Record<Shape["kind"], readonly unknown[]> = {
  text: [5, 1.5, true, ["x"], LONE_SURROGATE, `tail${LONE_SURROGATE}`, ...NO_TEXT],
  integer: [...NO_INTEGER, "9007199254740993", raw("9007199254740993"), raw("-9007199254740993")],
  long: [...NO_INTEGER, "9223372036854775808", raw("9223372036854775808"), raw("-9223372036854775809")],
  number: ["x", "", "0x10", "1_000", "1,5", "--1", true, LONE_SURROGATE, ...NO_TEXT],
  boolean: ["yes", "", 2, 0, LONE_SURROGATE, ...NO_TEXT],
  enum: ["BOGUS", "", 0, -1, 99, 1.5, "1x", true, "__proto__", "constructor", LONE_SURROGATE, ...NO_TEXT],
  list: ["x", "", 5, true, { 0: "x" }, { length: 1 }, POLLUTING],
  object: ["x", 5, true, [], [[]]],
  anything: [],
};

const TEXTS = [
  "",
  " ",
  "a\0b",
  "\u0001\r\n\t\u001b[0m",
  "__proto__",
  "constructor",
  "../..",
  "%2e%2e%2f",
  "'; DROP TABLE runs; --",
  "{{7*7}}<script>",
  "\u{1f600}",
  "\u202efdp.exe",
  "\u0645\u0631\u062d\u0628\u0627",
  "e\u0301".repeat(50),
  "\ufeffbom",
  // What could be an id, but is none.
  "0".repeat(32),
  "999999999999999999",
];

/** What may or may not be accepted. */
const ODD: Partial<Record<Shape["kind"], readonly unknown[]>> = {
  text: TEXTS,
  integer: WHOLE,
  long: [...WHOLE, raw("9223372036854775807"), raw("-9223372036854775808"), "9223372036854775807", raw("1e18")],
  number: [-1, raw("-0"), raw("1e400"), raw("-1e400"), 5e-324, "NaN", "Infinity", "1e400", 2 ** 53 + 2],
  list: [[], [[]], DEEP],
};

const LONG = { body: "long-".repeat(40_000), query: "long-".repeat(800) };
const MANY = 20_000;

/** Every field of a request in turn as it must not or should not be, the rest as it is in a good one. */
export function mutationsOf(fields: Fields, input: Input, place: Place): Mutation[] {
  return Object.entries(fields).flatMap(([name, field]) =>
    valuesFor(field, input[name], place).map(({ path, value, mustFail }) => ({
      title: `${name}${path} ${shown(value)}`,
      field: name + path,
      mustFail,
      input: { ...input, [name]: value },
    })),
  );
}

interface Value {
  /** Within the field. */
  readonly path: string;
  readonly value: unknown;
  readonly mustFail: boolean;
}

function valuesFor(field: Field, good: unknown, place: Place): Value[] {
  const wrong = WRONG[field.kind].filter((value) => place === "body" || isQueryText(field, value));
  const odd = [...(ODD[field.kind] ?? []), ...(field.kind === "text" ? [LONG[place]] : [])].filter(
    (value) => place === "body" || isQueryText(field, value),
  );
  const inside = place === "body" ? valuesInside(field, good) : [];
  return [
    ...wrong.map((value) => ({ path: "", value, mustFail: true })),
    ...odd.map((value) => ({ path: "", value, mustFail: value === "" && field.refusesEmpty })),
    ...(field.required ? [{ path: "", value: undefined, mustFail: true }] : []),
    ...(place === "body" ? [{ path: "", value: null, mustFail: field.required }] : []),
    ...inside,
  ];
}

const isQueryText = ({ kind }: Field, value: unknown): boolean =>
  kind !== "list" && typeof value === "string" && value.isWellFormed();

/** Below a list or an object: each member of the good value in turn as it must not be. */
function valuesInside(shape: Shape, good: unknown): Value[] {
  if (shape.kind === "object") {
    const mutated = mutationsOf(shape.fields ?? {}, (good ?? {}) as Input, "body");
    return mutated.map(({ field, input, mustFail }) => ({ path: `.${field}`, value: input, mustFail }));
  }
  if (!shape.element) return [];
  const [first] = Array.isArray(good) ? good : [];
  const wrong = [...WRONG[shape.element.kind], null].map((value) => ({ path: "[0]", value: [value], mustFail: true }));
  const inside = valuesInside(shape.element, first);
  return [
    ...wrong,
    ...inside.map(({ path, value, mustFail }) => ({ path: `[0]${path}`, value: [value], mustFail })),
    { path: "", value: new Array(MANY).fill(first ?? "x"), mustFail: false },
  ];
}

/** Fields that no schema knows, among them those that would change what every object inherits. */
export function extraFields(): [name: string, json: string][] {
  const values = ["1", '{"polluted":true}', '{"prototype":{"polluted":true}}', DEEP.json];
  return ["unknown", "__proto__", "constructor", "prototype", "toString", ""].flatMap((name) =>
    values.map((json): [string, string] => [name, json]),
  );
}

/** The body with one more member, whatever its name. */
export function withExtra(input: Input, [name, json]: readonly [string, string]): string {
  const body = jsonOf(input);
  return `${body.slice(0, -1)}${body === "{}" ? "" : ","}${JSON.stringify(name)}:${json}}`;
}

export function jsonOf(value: unknown): string {
  const raws: string[] = [];
  const text = JSON.stringify(value, (_, member) =>
    member instanceof Raw ? `raw#${raws.push(member.json) - 1}#` : member,
  );
  return text.replace(/"raw#(\d+)#"/g, (_, index: string) => raws[Number(index)]!);
}

/** Bodies that are no object in JSON. */
export const BAD_BODIES: readonly (string | Buffer)[] = [
  '{"name":"a","key"',
  "name=a&key=b",
  "<name>a</name>",
  "  \n",
  "{}{}",
  "[]",
  "null",
  "5",
  '"abc"',
  '{"name":"a\u0001"}',
  "[".repeat(500_000),
  DEEP.json,
  Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]),
  Buffer.from('{"name":"a"}', "utf16le"),
];

/** Parts of a path, as they stand in a URL. */
export const PATH_PARTS = [
  "..",
  ".",
  "%2e%2e",
  "..%2f..%2f..",
  "%252e%252e",
  "%00",
  "%0a",
  "%ff",
  "%ed%a0%80",
  "%",
  "%e2%80%aefdp",
  "__proto__",
  "constructor",
  "-1",
  "9007199254740993",
  "1e400",
  "'%3b--",
  "long-".repeat(800),
];

const shown = (value: unknown): string => (value === undefined ? "missing" : jsonOf(value).slice(0, 60));
