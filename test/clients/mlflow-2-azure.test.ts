import { conformanceSuite } from "./conformance.ts";

conformanceSuite("2", "azure");
