/** UTF-8 as base64: what `messageEncoding` in host.json says, and XML can carry. */
export function encodeBody(body: string): string {
  return Buffer.from(body).toString("base64");
}

/** What somebody else put there as plain text, and what is not UTF-8, comes as it is, so that its handler can refuse it. */
export function decodeBody(text: string): string {
  const bytes = Buffer.from(text, "base64");
  if (bytes.toString("base64") !== text) return text;
  const body = bytes.toString();
  return encodeBody(body) === text ? body : text;
}
