/**
 * Whether a page of another site sent a request, which a browser may have furnished with a password that it remembers. Programs send no Origin.
 * @param origin of the request, where it has one
 * @param host what the request was sent to, with its port
 * @param own origins of pages that belong to this workspace, under whatever name they reach it
 */
export function isForeignOrigin(
  origin: string | null | undefined,
  host: string | undefined,
  own: readonly string[],
): boolean {
  if (origin === null || origin === undefined) return false;
  const from = URL.parse(origin);
  return from === null || (from.host !== host?.toLowerCase() && !own.includes(from.origin));
}
