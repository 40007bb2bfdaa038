import { ensureBuilt } from "../../scripts/lib/bundle.mjs";

/** Before all tests: servers are started from `dist`, as users start them, so it has to be that of these sources. */
export default function setUp() {
  return ensureBuilt();
}
