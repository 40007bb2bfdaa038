import type { Fault } from "./files.ts";
import { asText, functionsIn, type World } from "./functions.ts";
import { lineOf, type Node, parts } from "./syntax.ts";
import { typeOfMember } from "./types.ts";
import type { Place, Value } from "./values.ts";

/** Gives what a name stands for, or undefined where nothing is called that. */
export type Lookup = (name: string) => Value | undefined;

export type Evaluate = (node: Node, lookup: Lookup) => Value;

/** Evaluates expressions of one file. What cannot be right becomes a fault, and a value that fits everywhere. */
export function evaluator(file: string, faults: Fault[], world: World): Evaluate {
  const functions = functionsIn(world);
  const place = (node: Node): Place => ({ file, line: lineOf(node) });
  const fail = (node: Node, message: string): Value => {
    faults.push({ ...place(node), message });
    return { kind: "runtime", text: "?", at: place(node) };
  };

  const evaluate = (node: Node, lookup: Lookup): Value => {
    const here = place(node);
    switch (node.type) {
      case "string":
        return interpolate(node, lookup);
      case "number":
        return { kind: "number", number: Number(node.text), at: here };
      case "boolean":
        return { kind: "bool", is: node.text === "true", at: here };
      case "null":
        return { kind: "null", at: here };
      case "identifier":
        return named(node, lookup);
      case "object":
        return { kind: "object", entries: entries(node, lookup), at: here };
      case "array":
        return { kind: "list", items: parts(node).map((item) => evaluate(item, lookup)), at: here };
      case "parenthesized_expression":
        return evaluate(parts(node)[0]!, lookup);
      case "member_expression":
        return member(
          node,
          evaluate(node.childForFieldName("object")!, lookup),
          node.childForFieldName("property")!.text,
          isSafe(node),
        );
      case "subscript_expression":
        return subscript(node, lookup);
      case "ternary_expression":
        return choose(node, lookup);
      case "unary_expression":
        return { kind: "bool", is: !truth(evaluate(node.childForFieldName("argument")!, lookup)), at: here };
      case "binary_expression":
        return binary(node, lookup);
      case "call_expression":
        return call(node, lookup);
      default:
        return fail(node, `the checks do not understand this ${node.type}: please write it more plainly.`);
    }
  };

  /** The value stays where it was written, so that a fault names that line. */
  const named = (node: Node, lookup: Lookup): Value => lookup(node.text) ?? fail(node, `${node.text} is not declared.`);

  const interpolate = (node: Node, lookup: Lookup): Value => {
    let text = "";
    let exact = true;
    for (const part of parts(node)) {
      if (part.type === "interpolation") {
        const value = asText(evaluate(parts(part)[0]!, lookup));
        text += value.text;
        exact &&= value.exact;
      } else text += part.type === "escape_sequence" ? unescaped(part.text) : part.text;
    }
    return { kind: "text", text, exact, at: place(node) };
  };

  const entries = (node: Node, lookup: Lookup): Map<string, Value> => {
    const found = new Map<string, Value>();
    for (const property of parts(node)) {
      const [key, value] = parts(property) as [Node, Node];
      const name = key.type === "string" ? asText(interpolate(key, lookup)).text : key.text;
      if (found.has(name)) fail(key, `${name} is set twice.`);
      found.set(name, { ...evaluate(value, lookup), key: place(key) });
    }
    return found;
  };

  const choose = (node: Node, lookup: Lookup): Value => {
    // Both sides are evaluated, so that what is wrong with the other one is seen too.
    const [yes, no] = ["consequence", "alternative"].map((side) => evaluate(node.childForFieldName(side)!, lookup));
    return truth(evaluate(node.childForFieldName("condition")!, lookup)) ? yes! : no!;
  };

  const binary = (node: Node, lookup: Lookup): Value => {
    const [left, right] = ["left", "right"].map((side) => evaluate(node.childForFieldName(side)!, lookup));
    const operator = node.children.find((child) => child && !child.isNamed)?.type ?? "";
    if (operator === "??") return left!.kind === "null" ? right! : left!;
    const compare = COMPARISONS[operator];
    if (!compare) return fail(node, `the checks do not understand the operator ${operator}.`);
    return { kind: "bool", is: compare(left!, right!), at: place(node) };
  };

  const call = (node: Node, lookup: Lookup): Value => {
    const name = node.childForFieldName("function")!.text;
    const args = parts(node.childForFieldName("arguments")!).map((arg) => evaluate(arg, lookup));
    const known = functions[name];
    return known ? known(place(node), ...args) : fail(node, `the checks do not know the function ${name}().`);
  };

  const subscript = (node: Node, lookup: Lookup): Value => {
    const [list, index] = ["object", "index"].map((side) => evaluate(node.childForFieldName(side)!, lookup));
    if (list!.kind === "object") return member(node, list!, asText(index!).text, isSafe(node));
    const item = list!.kind === "list" && index!.kind === "number" ? list!.items[index!.number] : undefined;
    return item ?? fail(node, `there is no such item: ${node.text}`);
  };

  const member = (node: Node, owner: Value, name: string, isSafe: boolean): Value => {
    const missing = (what: string): Value =>
      isSafe ? { kind: "null", at: place(node) } : fail(node, `${what} has no ${name}.`);
    switch (owner.kind) {
      case "object":
        return owner.entries.get(name) ?? missing("the object");
      case "module":
        return name === "outputs" ? { kind: "outputs", module: owner.module, at: place(node) } : missing("a module");
      case "outputs":
        return owner.module.outputs.get(name)?.value ?? missing(owner.module.file);
      case "resource": {
        const { id, ownName, name: fullName, typeAndVersion } = owner.resource;
        if (name === "id" || name === "name") {
          return { kind: "text", text: name === "id" ? id : ownName, exact: true, at: place(node) };
        }
        return runtime(node, name, fullName, typeAndVersion, undefined);
      }
      case "runtime":
        return runtime(node, name, owner.text, owner.resourceType, owner.type);
      default:
        return missing(`a ${owner.kind}`);
    }
  };

  const runtime = (node: Node, name: string, text: string, resourceType?: string, ownerType?: string): Value => {
    const found = typeOfMember(resourceType, ownerType, name);
    if (found === "none") return fail(node, `${ownerType ?? resourceType} has no ${name}.`);
    return { kind: "runtime", text: `${text}.${name}`, type: found, resourceType, at: place(node) };
  };

  return evaluate;
}

/** `.?` and `[?`: what is not there is null. */
const isSafe = (node: Node): boolean => node.children.some((child) => child?.type === ".?" || child?.type === "?");

const COMPARISONS: Record<string, (left: Value, right: Value) => boolean> = {
  "==": (left, right) => asText(left).text === asText(right).text,
  "!=": (left, right) => asText(left).text !== asText(right).text,
  "&&": (left, right) => truth(left) && truth(right),
  "||": (left, right) => truth(left) || truth(right),
  ">": (left, right) => Number(asText(left).text) > Number(asText(right).text),
  "<": (left, right) => Number(asText(left).text) < Number(asText(right).text),
};

export function truth(value: Value): boolean {
  return value.kind === "bool" && value.is;
}

const unescaped = (text: string) => ({ "\\n": "\n", "\\t": "\t", "\\r": "\r" })[text] ?? text.slice(1);
