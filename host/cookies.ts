/** A cookie of the library's `HttpResponseInit`. */
export interface Cookie {
  readonly name: string;
  readonly value: string;
  readonly domain?: string;
  readonly path?: string;
  /** A date, or milliseconds since 1970. */
  readonly expires?: Date | number;
  readonly secure?: boolean;
  readonly httpOnly?: boolean;
  readonly sameSite?: string;
  /** Seconds. */
  readonly maxAge?: number;
}

const NAME = /^[!#$%&'*+.^_`|~\w-]+$/;
const ATTRIBUTE = /^[ -:<-~]*$/;

/**
 * One Set-Cookie value, attributes in the library's order.
 * @throws TypeError for a name, domain or path that would end or break the header
 */
export function serializeCookie(cookie: Cookie): string {
  if (!NAME.test(cookie.name)) throw new TypeError(`Cookie name ${JSON.stringify(cookie.name)} is invalid.`);
  const parts = [`${cookie.name}=${encodeURIComponent(cookie.value)}`];
  if (cookie.maxAge !== undefined) parts.push(`Max-Age=${Math.floor(cookie.maxAge)}`);
  if (cookie.domain !== undefined) parts.push(`Domain=${attribute("domain", cookie.domain)}`);
  if (cookie.path !== undefined) parts.push(`Path=${attribute("path", cookie.path)}`);
  if (cookie.expires !== undefined) parts.push(`Expires=${new Date(cookie.expires).toUTCString()}`);
  if (cookie.httpOnly) parts.push("HttpOnly");
  if (cookie.secure) parts.push("Secure");
  if (cookie.sameSite !== undefined) parts.push(`SameSite=${sameSite(cookie.sameSite)}`);
  return parts.join("; ");
}

function attribute(name: string, value: string): string {
  if (ATTRIBUTE.test(value)) return value;
  throw new TypeError(`Cookie ${name} ${JSON.stringify(value)} is invalid.`);
}

function sameSite(value: string): string {
  const known = ["Strict", "Lax", "None"].find((name) => name.toLowerCase() === value.toLowerCase());
  if (known) return known;
  throw new TypeError(`Cookie sameSite ${JSON.stringify(value)} is invalid.`);
}
