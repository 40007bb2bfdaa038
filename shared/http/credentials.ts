/** Longer than any token of Microsoft Entra ID. */
const MAX_LENGTH = 16 * 1024;

/**
 * The token of an Authorization header: `Bearer <token>`, or `Basic` with the token as password, as clients of MLflow send it. The user name
 * means nothing. Undefined for no header and for what is neither.
 */
export function credentialOf(header: string | null): string | undefined {
  if (header === null || header.length > MAX_LENGTH) return undefined;
  const [, scheme = "", value = ""] = /^(Bearer|Basic) +([^\s]+) *$/i.exec(header) ?? [];
  if (scheme.toLowerCase() === "bearer") return value;
  return scheme === "" ? undefined : passwordOf(value);
}

function passwordOf(encoded: string): string | undefined {
  const text = Buffer.from(encoded, "base64").toString();
  const colon = text.indexOf(":");
  return colon < 0 ? undefined : text.slice(colon + 1);
}
