import { type Refusal, STATUS } from "./refusal.ts";
import type { AppResponse } from "./types.ts";

/** A refusal as problem details (RFC 9457). */
export function problemOf({ code, message }: Refusal): AppResponse {
  return problem(STATUS[code], code, message);
}

export function problem(status: number, title: string, detail: string): AppResponse {
  return {
    status,
    headers: { "content-type": "application/problem+json" },
    body: JSON.stringify({ type: "about:blank", title, status, detail }),
  };
}
