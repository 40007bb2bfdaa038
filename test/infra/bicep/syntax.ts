import { createRequire } from "node:module";
import { Language, type Node, Parser } from "web-tree-sitter";
import type { Fault, Files } from "./files.ts";

export type { Node } from "web-tree-sitter";

let parser: Promise<Parser> | undefined;

/** The parse tree of one Bicep file. */
export interface Source {
  readonly file: string;
  readonly root: Node;
}

/** Parses all `.bicep` files; a tree is there even where the text has errors. */
export async function parseAll(files: Files): Promise<Map<string, Source>> {
  const ready = await bicepParser();
  const sources = [...files].filter(([file]) => file.endsWith(".bicep"));
  return new Map(sources.map(([file, text]) => [file, { file, root: parse(ready, text) }]));
}

/** One expression of a `.bicepparam` file, which the grammar does not know. */
export async function parseExpression(text: string): Promise<Node> {
  const root = parse(await bicepParser(), `var value = ${text}\n`);
  return parts(parts(root)[0]!).at(-1)!;
}

/** Named children without comments. */
export function parts(node: Node): Node[] {
  return node.namedChildren.filter((child): child is Node => child !== null && !child.type.endsWith("comment"));
}

export function lineOf(node: Node): number {
  return node.startPosition.row + 1;
}

export function syntaxFaults({ file, root }: Source): Fault[] {
  if (!root.hasError) return [];
  const faults: Fault[] = [];
  const visit = (node: Node) => {
    if (node.isMissing) faults.push({ file, line: lineOf(node), message: `${node.type} is missing.` });
    else if (node.isError) faults.push({ file, line: lineOf(node), message: `not understood: ${excerpt(node.text)}` });
    else for (const child of node.children) if (child?.hasError || child?.isMissing) visit(child);
  };
  visit(root);
  return faults;
}

const excerpt = (text: string) => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);

function parse(ready: Parser, text: string): Node {
  const tree = ready.parse(text);
  if (!tree) throw new Error("The parser gave no tree.");
  return tree.rootNode;
}

function bicepParser(): Promise<Parser> {
  parser ??= (async () => {
    await Parser.init();
    const grammar = createRequire(import.meta.url).resolve("tree-sitter-bicep/tree-sitter-bicep.wasm");
    const made = new Parser();
    made.setLanguage(await Language.load(grammar));
    return made;
  })();
  return parser;
}
