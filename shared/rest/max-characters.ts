import * as z from "zod/mini";
import { exceeds } from "../characters.ts";

/** Text of at most so many characters; the library's own limit counts some of them twice. */
export function textOfAtMost(limit: number, description: string) {
  const isShort = z.refine((text) => !exceeds(text as string, limit), `at most ${limit} characters are expected`);
  return z.string().check(isShort, z.meta({ maxLength: limit, description }));
}
