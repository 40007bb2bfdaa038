import { invalid } from "./errors.ts";
import { decodeFully, percentEncoded } from "./percent.ts";
import { cut } from "./validation.ts";

/** What not every store takes as a character of a name. */
const ESCAPED = /[\p{Cc}\\\uFFFE\uFFFF]/gu;
/** A blob has 254, the first of which is the workspace. */
const MAX_SEGMENTS = 253;
/** More than any name needs in any encoding. */
const MAX_GIVEN_LENGTH = 65_536;

/**
 * The one name of an artifact, by which it is checked, stored, listed and found. This is the one place where a foreign name becomes ours, and
 * applying it again changes nothing: every valid `%XX` is decoded until there is none, each segment becomes what MLflow's clients make of
 * the names that they list (else they could not download them), and control characters and `\` stand as `%xx`.
 * @param path below `mlflow-artifacts:/`, as in a decoded URL; "" is the root. Slashes at the end do not count.
 * @throws InvalidParameter "Invalid path", MLflow's words, and what is wrong with it
 */
export function artifactPath(path: string): string {
  const plain = plainPath(path);
  let end = plain.length;
  while (plain[end - 1] === "/") end--;
  return checked(path, plain.slice(0, end));
}

/** The same for the path of a file, which does not end in a slash. */
export function artifactFile(path: string): string {
  const plain = plainPath(path);
  if (plain === "" || plain.endsWith("/")) throw invalidPath(path, "does not name a file");
  return checked(path, plain);
}

function checked(path: string, plain: string): string {
  const fault = faultOf(plain);
  if (fault !== undefined) throw invalidPath(path, fault);
  return plain.replaceAll(ESCAPED, percentEncoded);
}

function plainPath(path: string): string {
  if (path.length > MAX_GIVEN_LENGTH) throw invalidPath(path, `has more than ${MAX_GIVEN_LENGTH} characters`);
  return decodeFully(path, (text) => text.split("/").map(asListed).join("/"));
}

/**
 * A segment after Python's `urlunparse(urlparse(segment))`, through which the clients put every name: without tabs, line ends, and blanks or
 * controls at its beginning; what looks like a scheme in lower case; without a `?` or `;` that nothing follows. (What they do to a name
 * that begins with `http:` or `file:` no server can mend.)
 */
function asListed(segment: string): string {
  const trimmed = segment.replaceAll(/[\t\r\n]/g, "").replace(/^[\0- ]+/, "");
  const [, scheme = "", rest = ""] = /^([a-z][a-z0-9+.-]*:)?(.*)$/is.exec(trimmed) ?? [];
  const [, path = "", query = ""] = /^([^?]*)(?:\?(.*))?$/s.exec(rest) ?? [];
  return scheme.toLowerCase() + (scheme === "" ? path.replace(/^([^;]*);$/, "$1") : path) + (query && `?${query}`);
}

export function invalidPath(path: string, fault: string): Error {
  return invalid(`Invalid path: ${JSON.stringify(cut(path))} ${fault}.`);
}

/** A backslash counts as a separator here: a client on Windows may take it for one. */
function faultOf(path: string): string | undefined {
  if (!path.isWellFormed()) return "is not valid Unicode";
  if (path.includes("#")) return "has a #";
  if (/^[a-z]:/i.test(path)) return "begins with a drive letter";
  const segments = path === "" ? [] : path.split(/[/\\]/);
  if (segments.includes("")) return "is absolute, or has an empty segment (a \\ counts as a /)";
  if (segments.includes(".") || segments.includes("..")) return "has a segment . or ..";
  if (segments.length > MAX_SEGMENTS) return `has ${segments.length} segments, more than ${MAX_SEGMENTS}`;
  return undefined;
}

const OUR_URI = /^mlflow-artifacts:(?:\/\/[^/]*)?\/*(.*)$/s;

/** The artifact path that a URI of the scheme `mlflow-artifacts` names, "" for the root; undefined for what names none, as other schemes do. */
export function pathOfUri(uri: string): string | undefined {
  return pathIfAny(OUR_URI.exec(uri)?.[1]);
}

/** The same, whatever slashes stand side by side in it: for comparing places, not for finding files. */
export function folderOfUri(uri: string): string | undefined {
  return pathIfAny(OUR_URI.exec(uri)?.[1]?.replaceAll(/\/{2,}/g, "/"));
}

function pathIfAny(path: string | undefined): string | undefined {
  try {
    return path && artifactPath(path);
  } catch {
    return undefined;
  }
}
