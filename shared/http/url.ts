import { invalid } from "../domain/errors.ts";

/** Path and query as they stand in the URL. Parsing it as a URL would resolve `..` before anybody could refuse it. */
export function splitUrl(url: string): { path: string; query: string } {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  const fragment = url.indexOf("#");
  const target = start < 0 ? "/" : url.slice(start, fragment < 0 ? undefined : fragment);
  const mark = target.indexOf("?");
  return mark < 0 ? { path: target, query: "" } : { path: target.slice(0, mark), query: target.slice(mark + 1) };
}

/** Host and port of an absolute URL, as they stand in it. */
export function hostOf(url: string): string {
  const start = url.indexOf("://") + 3;
  const end = url.indexOf("/", start);
  return url.slice(start, end < 0 ? undefined : end);
}

/** Decodes one percent-encoded part of a path. @throws InvalidParameter */
export function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw invalid("Invalid path");
  }
}
