import { conformanceSuite } from "./conformance.ts";

conformanceSuite("3", "azure");
