import { expect, it } from "vitest";
import { Rest } from "../../host/rest.ts";

it("memory is given back once, when work has ended, and not again before there was more", () => {
  const rest = new Rest(0);
  const looks = [50, 90, 900, 1_950, 1_990, 2_000, 2_010, 2_500, 2_510, 9_000, 9_099, 9_100].map((ms) => rest.look(ms));
  expect(looks).toEqual([false, false, false, false, true, false, false, false, false, false, true, false]);
});
