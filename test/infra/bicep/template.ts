import { posix } from "node:path";
import { evaluator, type Lookup, truth } from "./evaluation.ts";
import type { Fault } from "./files.ts";
import { asText, GROUP, type World } from "./functions.ts";
import { lineOf, type Node, parts, type Source } from "./syntax.ts";
import { at, type Module, type Output, type Place, type Resource, type Value } from "./values.ts";

/** What a template makes of its parameters. */
export interface Deployment {
  readonly resources: Resource[];
  readonly modules: Module[];
  readonly outputs: ReadonlyMap<string, Output>;
  readonly faults: Fault[];
}

const DECLARATIONS = {
  parameter_declaration: "param",
  variable_declaration: "var",
  resource_declaration: "resource",
  module_declaration: "module",
  output_declaration: "output",
} as const;

interface Declaration {
  readonly kind: (typeof DECLARATIONS)[keyof typeof DECLARATIONS];
  readonly name: string;
  readonly node: Node;
  readonly decorators: readonly Node[];
}

/**
 * Works a template out for given parameters, its modules included: loops are run, conditions decided, names made, as far as a deployment does
 * that before it asks Azure.
 */
export function deploy(
  sources: ReadonlyMap<string, Source>,
  file: string,
  given: ReadonlyMap<string, Value>,
  from: Place,
  world: World,
): Deployment {
  const made: Deployment & { outputs: Map<string, Output> } = {
    resources: [],
    modules: [],
    outputs: new Map(),
    faults: [],
  };
  const source = sources.get(file);
  if (!source) return { ...made, faults: [{ ...from, message: `${file} is not there.` }] };
  new Template(sources, source, given, from, made, world).run();
  return made;
}

class Template {
  readonly #sources: ReadonlyMap<string, Source>;
  readonly #file: string;
  readonly #given: ReadonlyMap<string, Value>;
  readonly #from: Place;
  readonly #made: Deployment & { outputs: Map<string, Output> };
  readonly #world: World;
  readonly #evaluate;
  readonly #declarations: Map<string, Declaration>;
  readonly #outputs: Declaration[];
  readonly #known = new Map<string, Value>();
  readonly #underWay = new Set<string>();
  readonly #used = new Set<string>();

  constructor(
    sources: ReadonlyMap<string, Source>,
    source: Source,
    given: ReadonlyMap<string, Value>,
    from: Place,
    made: Deployment & { outputs: Map<string, Output> },
    world: World,
  ) {
    this.#world = world;
    this.#sources = sources;
    this.#file = source.file;
    this.#given = given;
    this.#from = from;
    this.#made = made;
    this.#evaluate = evaluator(source.file, made.faults, world);
    const all = declarationsOf(source.root);
    this.#outputs = all.filter(({ kind }) => kind === "output");
    this.#declarations = new Map(all.filter(({ kind }) => kind !== "output").map((it) => [it.name, it]));
  }

  run(): void {
    this.#checkGiven();
    for (const name of this.#declarations.keys()) this.#value(name);
    for (const { name, node, decorators } of this.#outputs) {
      const value = this.#evaluate(parts(node).at(-1)!, this.#lookup);
      this.#checkType(parts(node)[1]!, value);
      this.#describedOrFault(name, node, decorators);
      this.#made.outputs.set(name, { name, value: { ...value, at: this.#place(node) } });
    }
    for (const { kind, name, node } of this.#declarations.values()) {
      if ((kind === "param" || kind === "var") && !this.#used.has(name)) this.#fail(node, `${name} is not used.`);
    }
  }

  #lookup: Lookup = (name) => {
    this.#used.add(name);
    return this.#declarations.has(name) ? this.#value(name) : undefined;
  };

  #value(name: string): Value {
    const known = this.#known.get(name);
    if (known) return known;
    const declaration = this.#declarations.get(name)!;
    const nothing: Value = { kind: "runtime", text: name, at: this.#place(declaration.node) };
    if (this.#underWay.has(name)) {
      this.#fail(declaration.node, `${name} needs itself.`);
      return nothing;
    }
    this.#underWay.add(name);
    const value = this.#make(declaration) ?? nothing;
    this.#underWay.delete(name);
    this.#known.set(name, value);
    return value;
  }

  #make(declaration: Declaration): Value | undefined {
    switch (declaration.kind) {
      case "param":
        return this.#param(declaration);
      case "var":
        return this.#evaluate(parts(declaration.node).at(-1)!, this.#lookup);
      case "resource":
        return this.#each(declaration, (body, deployed, lookup) => this.#resource(declaration, body, deployed, lookup));
      case "module":
        return this.#each(declaration, (body, deployed, lookup) => this.#module(declaration, body, deployed, lookup));
      case "output":
        return undefined;
    }
  }

  #param({ name, node, decorators }: Declaration): Value | undefined {
    this.#describedOrFault(name, node, decorators);
    const [, type, fallback] = parts(node) as [Node, Node, Node | undefined];
    const value = this.#given.get(name) ?? (fallback && this.#evaluate(fallback, this.#lookup));
    if (!value) return void this.#made.faults.push({ ...this.#from, message: `${this.#file} needs ${name}.` });
    this.#checkType(type, value);
    for (const call of decorators) this.#checkLimit(call, name, value);
    return value;
  }

  /** A single one, or one for each item of a loop. */
  #each({ node }: Declaration, make: (body: Node, deployed: boolean, lookup: Lookup) => Value): Value {
    const last = parts(node).at(-1)!;
    if (last.type !== "for_statement") return this.#conditional(last, this.#lookup, make);
    const [first, items, body] = parts(last) as [Node, Node, Node];
    const [item, index] = first.type === "for_loop_parameters" ? parts(first) : [first];
    const list = this.#evaluate(items, this.#lookup);
    const found = list.kind === "list" ? list.items : [];
    if (list.kind !== "list") this.#fail(items, "a list is expected.");
    const made = found.map((value, position) => {
      const number: Value = { kind: "number", number: position, at: value.at };
      const locals = new Map([[item!.text, value], ...(index ? [[index.text, number] as const] : [])]);
      return this.#conditional(body, (name) => locals.get(name) ?? this.#lookup(name), make);
    });
    return { kind: "list", items: made, at: this.#place(node) };
  }

  #conditional(node: Node, lookup: Lookup, make: (body: Node, deployed: boolean, lookup: Lookup) => Value): Value {
    if (node.type !== "if_statement") return make(node, true, lookup);
    const [condition, body] = parts(node) as [Node, Node];
    return make(body, truth(this.#evaluate(condition, lookup)), lookup);
  }

  #resource({ name: symbol, node, decorators }: Declaration, body: Node, deployed: boolean, lookup: Lookup): Value {
    const value = this.#evaluate(body, lookup);
    const entries = value.kind === "object" ? value.entries : new Map<string, Value>();
    const typeAndVersion = asText(this.#evaluate(parts(node)[1]!, lookup)).text;
    const type = typeAndVersion.split("@")[0]!;
    const [parent, scope] = ["parent", "scope"].map((key) => resourceOf(entries.get(key)));
    const own = entries.get("name");
    if (!own) this.#fail(node, `${symbol} has no name.`);
    const name = own ? asText(own).text : symbol;
    const resource: Resource = {
      symbol,
      typeAndVersion,
      type,
      name: parent ? `${parent.name}/${name}` : name,
      ownName: name,
      id: idOf(type, name, parent, scope),
      body: entries,
      existing: node.children.some((child) => child?.type === "existing"),
      deployed,
      parent,
      scope,
      isOneByOne: decorators.some((call) => call.text === "batchSize(1)"),
      at: this.#place(node),
    };
    this.#made.resources.push(resource);
    return { kind: "resource", resource, at: resource.at };
  }

  #module({ name: symbol, node }: Declaration, body: Node, deployed: boolean, lookup: Lookup): Value {
    const value = this.#evaluate(body, lookup);
    const path = asText(this.#evaluate(parts(node)[1]!, lookup)).text;
    const file = posix.join(posix.dirname(this.#file), path);
    const params = at(value, "params");
    const given = params?.kind === "object" ? params.entries : new Map<string, Value>();
    const inner = deploy(this.#sources, file, given, this.#place(node), this.#world);
    const dependsOn = at(value, "dependsOn");
    const module: Module = {
      symbol,
      file,
      deployed,
      dependsOn:
        dependsOn?.kind === "list" ? dependsOn.items.map((it) => (it.kind === "module" ? it.module.symbol : "")) : [],
      params: given,
      outputs: inner.outputs,
      at: this.#place(node),
    };
    this.#made.modules.push(module, ...inner.modules);
    this.#made.resources.push(...inner.resources.map((it) => (deployed ? it : { ...it, deployed })));
    this.#made.faults.push(...inner.faults);
    return { kind: "module", module, at: module.at };
  }

  #checkGiven(): void {
    for (const [name, value] of this.#given) {
      if (this.#declarations.get(name)?.kind === "param") continue;
      this.#made.faults.push({ ...(value.key ?? value.at), message: `${this.#file} has no parameter ${name}.` });
    }
  }

  #checkType(type: Node, value: Value): void {
    const wanted = type.text;
    if (!fits(value, wanted))
      this.#made.faults.push({ ...value.at, message: `a ${wanted} is expected, not a ${value.kind}.` });
  }

  #checkLimit(call: Node, name: string, value: Value): void {
    const limit = call.childForFieldName("function")?.text ?? "";
    const argument = parts(call.childForFieldName("arguments") ?? call)[0];
    const check = LIMITS[limit];
    if (!check || !argument) return;
    const bound = this.#evaluate(argument, this.#lookup);
    if (!check(value, bound)) {
      this.#made.faults.push({
        ...value.at,
        message: `${name} is ${asText(value).text}, against @${limit}(${argument.text}).`,
      });
    }
  }

  #describedOrFault(name: string, node: Node, decorators: readonly Node[]): void {
    const isDescribed = decorators.some((call) => call.childForFieldName("function")?.text === "description");
    if (!isDescribed) this.#fail(node, `${name} has no description.`);
  }

  #fail(node: Node, message: string): void {
    this.#made.faults.push({ ...this.#place(node), message });
  }

  #place(node: Node): Place {
    return { file: this.#file, line: lineOf(node) };
  }
}

function declarationsOf(root: Node): Declaration[] {
  const found: Declaration[] = [];
  let decorators: Node[] = [];
  for (const node of parts(root)) {
    if (node.type === "decorators") {
      decorators = parts(node).map((decorator) => parts(decorator)[0]!);
      continue;
    }
    const kind = DECLARATIONS[node.type as keyof typeof DECLARATIONS];
    if (kind) found.push({ kind, name: parts(node)[0]!.text, node, decorators });
    decorators = [];
  }
  return found;
}

const LIMITS: Record<string, (value: Value, bound: Value) => boolean> = {
  allowed: (value, bound) => bound.kind === "list" && bound.items.some((it) => asText(it).text === asText(value).text),
  minValue: (value, bound) => Number(asText(value).text) >= Number(asText(bound).text),
  maxValue: (value, bound) => Number(asText(value).text) <= Number(asText(bound).text),
  minLength: (value, bound) => asText(value).text.length >= Number(asText(bound).text),
  maxLength: (value, bound) => asText(value).text.length <= Number(asText(bound).text),
};

/** Whether a value may stand where Bicep's type is declared. */
function fits(value: Value, type: string): boolean {
  if (value.kind === "runtime")
    return value.type === undefined || !["int", "bool"].includes(value.type) || value.type === type;
  if (type.endsWith("[]")) return value.kind === "list" && value.items.every((item) => fits(item, type.slice(0, -2)));
  const kinds: Record<string, string> = {
    text: "string",
    number: "int",
    bool: "bool",
    object: "object",
    list: "array",
  };
  return kinds[value.kind] === type;
}

const resourceOf = (value: Value | undefined) => (value?.kind === "resource" ? value.resource : undefined);

function idOf(type: string, name: string, parent: Resource | undefined, scope: Resource | undefined): string {
  if (parent) return `${parent.id}/${type.split("/").at(-1)}/${name}`;
  return `${scope?.id ?? GROUP}/providers/${type}/${name}`;
}
