import { test } from "vitest";
import { livesInSixtyFourMegabytes, MILLION } from "./million-process.ts";

test(MILLION, { timeout: 120_000 }, () => livesInSixtyFourMegabytes());
