import { hash } from "node:crypto";

/** A stable id for a text that a user chose. */
export function hashOf(text: string): string {
  return hash("sha256", text, "hex").slice(0, 40);
}

/** What tells a page token that it was issued for these very values. */
export function tokenHash(values: readonly unknown[]): string {
  return hash("sha256", JSON.stringify(values), "base64url").slice(0, 22);
}
