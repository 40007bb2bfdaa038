import { isUtf8 } from "node:buffer";

/** A path as the Functions host understands it. */
interface SentPath {
  /** What routes are matched against: decoded but for `%2F` and bytes that are no UTF-8, without dot segments. */
  readonly decoded: string;
  /** What functions see of it: the same, encoded anew, so that what was left encoded is now so twice. */
  readonly encoded: string;
}

/** What that host writes into a path as it is. */
const PLAIN = "!$&'()*+,\\-./0-9:;=@A-Z_a-z~";
const NEEDS_WORK = new RegExp(`[^${PLAIN}]|/\\.`);
const NOT_PLAIN = new RegExp(`[^${PLAIN}]+`, "gu");
const ESCAPES = /(?:%[\da-f]{2})+/gi;

/** Undefined for what the Functions host refuses: a null, or bytes that are not ASCII and not encoded. */
export function readPath(path: string): SentPath | undefined {
  if (!NEEDS_WORK.test(path)) return { decoded: path, encoded: path };
  if (/%00|[^\x21-\x7e]/.test(path)) return undefined;
  const decoded = withoutDots(path.replace(ESCAPES, decodeRun));
  return { decoded, encoded: decoded.replace(NOT_PLAIN, encodeURIComponent) };
}

/** Several escapes that stand side by side: each character that they make whole. */
function decodeRun(run: string): string {
  const bytes = Buffer.from(run.replaceAll("%", ""), "hex");
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const length = characterLength(bytes, at);
    const isKept = length === 0 || bytes[at] === SLASH;
    text += isKept ? run.slice(3 * at, 3 * at + 3) : bytes.toString("utf8", at, at + length);
    at += length || 1;
  }
  return text;
}

const SLASH = 0x2f;

/** How many bytes the character takes that begins here; 0 for bytes that are no UTF-8. */
function characterLength(bytes: Buffer, at: number): number {
  for (let length = 1; length <= 4 && at + length <= bytes.length; length++) {
    if (isUtf8(bytes.subarray(at, at + length))) return length;
  }
  return 0;
}

/** As RFC 3986 removes them; a backslash is a character like any other. */
function withoutDots(path: string): string {
  if (!/\/\.{1,2}(?:\/|$)/.test(path)) return path;
  const kept: string[] = [];
  const segments = path.split("/").slice(1);
  for (const [index, segment] of segments.entries()) {
    const isDots = segment === "." || segment === "..";
    if (segment === "..") kept.pop();
    if (!isDots) kept.push(segment);
    else if (index === segments.length - 1) kept.push("");
  }
  return `/${kept.join("/")}`;
}
