/**
 * The header by which a file is kept under its name and never shown as a page: `filename` in plain ASCII for those who know no other, and
 * `filename*` as it is (RFC 6266).
 */
export function attachment(filename: string): string {
  const plain = filename.replaceAll(/[^\x20-\x7e]|["\\%]/gu, "_");
  const exact = encodeURIComponent(filename).replaceAll(/['()*]/g, (it) => `%${it.charCodeAt(0).toString(16)}`);
  return `attachment; filename="${plain}"; filename*=UTF-8''${exact}`;
}

/** @param name of a blob, or a path */
export function basename(name: string): string {
  return name.slice(name.lastIndexOf("/") + 1);
}
